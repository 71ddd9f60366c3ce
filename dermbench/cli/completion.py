"""Values that the shell completes: found when asked, without importing a stage, and never an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIX = ".toml"
DATASET_INFO = "dataset.toml"
LARGEST = 1 << 20
"""Bytes of a ``dataset.toml`` above which it is not read."""
SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", re.ASCII)
"""Values that are offered: a shell evaluates what it is given, and a dataset can be anybody's."""


Find = Callable[[typer.Context, str], "Iterable[str]"]


def quiet(find: Find) -> Callable[[typer.Context, str], list[str]]:
    """Return a completion of what ``find`` finds; nothing where it fails, and no value that a shell might obey."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found = sorted(set(find(ctx, incomplete)))
        except Exception:  # noqa: BLE001 - whoever presses a key wants no message
            return []
        return [value for value in found if value.startswith(incomplete) and SHOWN.fullmatch(value)]

    return complete


def _names(folder: str, group: str = "") -> list[str]:
    """Return the names of packaged TOML files, and of the entry points of a group."""
    from importlib.metadata import entry_points

    there = files("dermbench").joinpath(*folder.split("/")).iterdir()
    own = [file.name.removesuffix(SUFFIX) for file in there if file.name.endswith(SUFFIX)]
    return own + ([point.name for point in entry_points(group=group)] if group else [])


@quiet
def tasks(_: typer.Context, __: str) -> Iterable[str]:
    """Find the names of tasks."""
    return _names("tasks", "dermbench.tasks")


@quiet
def presets(_: typer.Context, __: str) -> Iterable[str]:
    """Find the names of packaged configurations of training."""
    return _names("training/config/presets")


@quiet
def standards(_: typer.Context, __: str) -> Iterable[str]:
    """Find the names of reporting checklists."""
    return _names("reporting/documents/dossier/standards", "dermbench.standards")


@quiet
def splits(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Find the splits of the dataset folder that ``--data`` names; several are joined by ``+``."""
    info = Path(ctx.params["data"]) / DATASET_INFO
    if not info.is_file() or info.stat().st_size > LARGEST:
        return []
    names = tomllib.loads(info.read_text(encoding="utf-8"))["images"]
    joined, plus, _ = incomplete.rpartition("+")
    return [f"{joined}{plus}{name}" for name in names if name not in joined.split("+")]
