"""Packaged benchmark definitions, one TOML file a task."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from dermbench.registry import Registry


class Task(BaseModel):
    """A benchmark definition.

    Attributes
    ----------
    name, title
        Short name, and one line for people.
    source
        Name of the data source that prepares it.
    classes
        Ordered class set. Empty when the release defines it; then ``n_classes`` says how many.
    n_classes
        Size of the class set.
    ordered
        Whether the order of the classes is clinical (weighted kappa makes sense).
    malignancy
        ``malignant``, ``benign`` or another group name for each class; empty when undefined.
    aliases
        Further spellings of classes, each with its class.
    sensitive
        Sensitive features that are evaluated unless the user names others.
    images, fst
        Published number of images a split, and a skin type.
    groups
        Ids that group images, as prose.
    licence, citation, homepage, obtain
        Terms, source, address, and how a user gets the files.
    size
        Rough size of the download, as prose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    source: str
    classes: tuple[str, ...] = ()
    n_classes: int
    ordered: bool = False
    malignancy: dict[str, str] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)
    sensitive: tuple[str, ...] = ("fst", "fst_band")
    images: dict[str, int] = Field(default_factory=dict)
    fst: dict[str, int] = Field(default_factory=dict)
    groups: str = "none"
    licence: str
    citation: str
    homepage: str = ""
    obtain: str
    size: str = ""


@cache
def _packaged() -> Registry[Task]:
    registry: Registry[Task] = Registry("task", "dermbench.tasks")
    for file in sorted(files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            task = Task.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
            registry.add(task.name, task)
    return registry


def task_names() -> list[str]:
    """Return the names of all tasks, sorted."""
    return _packaged().names()


def load_task(name: str) -> Task:
    """Return the task called ``name``.

    Raises
    ------
    RegistryError
        When there is none; the message suggests the nearest name.
    """
    return _packaged().get(name)
