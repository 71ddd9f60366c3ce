"""Packaged benchmark definitions, one TOML file a task."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dermbench.artifacts.guarded import parse_toml
from dermbench.artifacts.records import validated
from dermbench.errors import UsageError
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
    settings
        Options of the source that define the task; the user's options override them.
    split_list
        Name of the packaged list of the images of val and test; empty for none.
    split_digest
        Digest of the split of the whole release (:func:`dermbench.data.splits.split_digest`); empty where the
        split is not fixed or a list fixes it.
    label_column
        Column of the release that holds the label, where that is another than ``label``.
    sensitive
        Sensitive features that are evaluated unless the user names others.
    primary
        Metric and sensitive feature of the primary question, ``METRIC:FEATURE`` in the file; None leaves the
        choice to the evaluation.
    margin
        Largest gap of the primary metric that counts as small, fixed before any result; None for no margin.
    images, fst
        Published number of images by split (``all`` without splits) and by skin type (``I`` to ``VI`` and
        ``unknown``); ``prepare`` reports differences.
    bands
        Published number of images in each band of two skin types, for a release that has only bands.
    groups
        Ids that group images, as prose.
    licence, citation, homepage, obtain
        Terms, source, address, and how a user gets the files.
    size
        Rough size of the download, as prose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str
    title: str
    source: str
    classes: tuple[str, ...] = ()
    n_classes: int
    ordered: bool = False
    malignancy: dict[str, str] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    split_list: str = ""
    split_digest: str = ""
    label_column: str = ""
    sensitive: tuple[str, ...] = ("fst", "fst_band")
    primary: tuple[str, str] | None = None
    margin: float | None = Field(None, gt=0)
    images: dict[str, int] = Field(default_factory=dict)
    fst: dict[str, int] = Field(default_factory=dict)
    bands: dict[str, int] = Field(default_factory=dict)
    groups: str = "none"
    licence: str
    citation: str
    homepage: str = ""
    obtain: str
    size: str = ""

    @property
    def where(self) -> str:
        """How to get the files and where to put them, with the address of the page."""
        return f"{self.obtain} Its page: {self.homepage}" if self.homepage else self.obtain

    @field_validator("primary", mode="before")
    @classmethod
    def _read_primary(cls, value: object) -> object:
        return parse_primary(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _margin_is_of_the_primary_metric(self) -> Self:
        if self.margin is not None and self.primary is None:
            raise ValueError("a margin needs a primary question")
        return self


def parse_primary(text: str) -> tuple[str, str]:
    """Return metric and sensitive feature of a primary question written as ``METRIC:FEATURE``.

    Raises
    ------
    UsageError
        When one of them is missing.
    """
    metric, _, feature = (part.strip() for part in text.partition(":"))
    if not metric or not feature:
        raise UsageError(f"primary question {text!r}: write METRIC:FEATURE, for example accuracy:fst")
    return metric, feature


@cache
def _packaged() -> Registry[Task]:
    registry: Registry[Task] = Registry("task", "dermbench.tasks", is_one=lambda item: isinstance(item, Task))
    for file in sorted(files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            task = validated(file.name, Task, parse_toml(file.name, file.read_bytes()))
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
