"""Shell completion of option values; it imports no stage and never raises."""

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
"""Largest ``dataset.toml`` that is read, in bytes."""
SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", re.ASCII)
"""Values that are safe to offer: a shell evaluates them, and a dataset may come from anyone."""


Find = Callable[[typer.Context, str], "Iterable[str]"]


def quiet(find: Find) -> Callable[[typer.Context, str], list[str]]:
    """Wrap ``find`` as a completion that offers only safe values, and nothing if ``find`` fails."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found = sorted(set(find(ctx, incomplete)))
        except Exception:  # noqa: BLE001 - an error message would garble the command line
            return []
        return [value for value in found if value.startswith(incomplete) and SHOWN.fullmatch(value)]

    return complete


def _names(folder: str, group: str = "") -> list[str]:
    """Return the names of packaged TOML files and of an entry-point group."""
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
    """Find the splits of the ``--data`` folder; several can be joined by ``+``."""
    info = Path(ctx.params["data"]) / DATASET_INFO
    if not info.is_file() or info.stat().st_size > LARGEST:
        return []
    names = tomllib.loads(info.read_text(encoding="utf-8"))["images"]
    joined, plus, _ = incomplete.rpartition("+")
    return [f"{joined}{plus}{name}" for name in names if name not in joined.split("+")]
