"""Data sources: functions that turn a raw release into a table of images, in one registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.data_home import VARIABLE, raw_release
from dermbench.errors import UsageError
from dermbench.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dermbench.tasks import Task


@dataclass(frozen=True)
class Request:
    """Arguments of a source, from ``dermbench data prepare``.

    Attributes
    ----------
    task
        Benchmark definition; for ``table`` and ``folder`` one made from the arguments.
    root
        Raw release as downloaded; None for a source that makes its images.
    out
        Dataset folder; a source that makes images writes them to ``out/images``.
    options
        ``--set key=value`` options of the source, still as text.
    workers
        Number of processes.
    seed
        Seed of the preparation, and of the images of a source that makes them unless ``options`` has another.
    allow_missing
        Whether images that cannot be used are left out and counted instead of refused.
    table
        Data frame that replaces the raw release of the source ``table``.
    """

    task: Task
    root: Path | None
    out: Path
    options: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    seed: int = 0
    allow_missing: bool = False
    table: pd.DataFrame | None = None

    def raw(self) -> Path:
        """Return ``root``, or by default the folder of the release under ``DERMBENCH_DATA``.

        Raises
        ------
        UsageError
            When neither is known, or nothing lies there; the remedy says how to get the release.
        """
        root = self.root or raw_release(self.task.name, self.task.source)
        if root is None:
            raise UsageError(
                f"{self.task.name}: needs --root, the raw release",
                remedy=f"{self.task.where}\nOr put it in ${VARIABLE}/raw/{self.task.name}.",
            )
        if not root.exists():
            raise UsageError(f"{root}: no such file or folder", remedy=self.task.where)
        return root

    def known(self, *names: str) -> dict[str, str]:
        """Check that each option is one of ``names``, and return the options.

        Raises
        ------
        UsageError
            When an option has another name.
        """
        unknown = sorted(set(self.options) - set(names))
        if unknown:
            allowed = f"it has {', '.join(names)}" if names else "it has none"
            raise UsageError(f"source {self.task.source!r} has no option {', '.join(unknown)}; {allowed}")
        return dict(self.options)


@dataclass(frozen=True)
class Release:
    """Result of a source: the table of a release, and how it was read.

    Attributes
    ----------
    table
        One row per image of the release, also for images whose file is missing: ``image_id``, ``path``
        relative to ``image_root`` (``<NA>`` for a missing file), ``label``, and where known ``split`` and the
        columns of :mod:`dermbench.artifacts.columns`. ``prepare`` keeps the values of ``split`` and fills in
        missing ones.
    image_root
        Absolute folder.
    classes
        Class set in the order of the task, or sorted where the task leaves it to the release.
    left_out
        Number of rows that are not part of the task, by reason.
    options
        Options with their defaults filled in, for ``dataset.toml``.
    interpreted
        How the release was read, in sentences.
    variant
        Options of the user that change the task, for example ``label=diagnosis_3``. The dataset's name then
        includes them, and it does not count as the task.
    excused
        Images, by id and with a reason, that are left out and counted instead of refused when their file is
        missing.
    skipped
        Files that the source left out, with the reason (:mod:`dermbench.data.skipped`); for a source that takes
        all image files of a folder.
    """

    table: pd.DataFrame
    image_root: Path
    classes: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    interpreted: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    excused: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


Source = Callable[[Request], Release]

SOURCES: Registry[Source] = Registry("source", "dermbench.sources", is_one=callable)
"""All sources by name; other packages add one through the entry-point group ``dermbench.sources``."""
