"""What a data source is: a function from a raw release to a table of images, in one registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dermbench.tasks import Task


@dataclass(frozen=True)
class Request:
    """What ``dermbench data prepare`` asks a source for.

    Attributes
    ----------
    task
        Benchmark definition; for ``table`` and ``folder`` one made up from the arguments.
    root
        Raw release as downloaded; None for a source that makes its images.
    out
        Dataset folder; a source that makes images writes them to ``out/images``.
    options
        ``--set key=value`` options of the source, still as text.
    workers
        Number of processes.
    """

    task: Task
    root: Path | None
    out: Path
    options: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1


@dataclass(frozen=True)
class Release:
    """What a source found.

    Attributes
    ----------
    table
        One row per image of the release, whether or not its file is there: ``image_id``, ``path`` relative
        to ``image_root`` (with ``<NA>`` where the file is missing), ``label``, and where known ``split`` and
        the columns of :mod:`dermbench.artifacts.columns`. A ``split`` that the release fixes is kept;
        missing splits are filled in by ``prepare``.
    image_root
        Absolute folder.
    classes
        Class set in the order of the task, or sorted where the task leaves it to the release.
    left_out
        Rows that are no part of the task, counted by reason.
    options
        Options with their defaults filled in, for ``dataset.toml``.
    """

    table: pd.DataFrame
    image_root: Path
    classes: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)


Source = Callable[[Request], Release]

SOURCES: Registry[Source] = Registry("source", "dermbench.sources")
"""All sources by name; packages outside add one through the entry-point group ``dermbench.sources``."""
