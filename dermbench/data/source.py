"""What a data source is: a function from a raw release to a table of images, in one registry."""

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
    seed
        Seed of the preparation; a source that makes its images starts from it, unless ``options`` say otherwise.
    allow_missing
        Whether images that cannot be used are left out, and counted, rather than refused.
    table
        Data frame that stands for the raw release of the source ``table``.
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
        """Return ``root``, or the folder of the release under ``DERMBENCH_DATA`` where none is given.

        Raises
        ------
        UsageError
            When there is none, or nothing lies there; the remedy says how to get the release.
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
        """Return the options, having checked that each is one of ``names``.

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
    interpreted
        How the release was read, in sentences.
    variant
        How what was read differs from the task because of the user's options, for example ``label=diagnosis_3``:
        the dataset is then named after it, too, and does not count as the task.
    excused
        Reason of each image, by id, that is left out and counted when its file is missing, instead of refused.
    skipped
        Files that the source left out, with the reason (:mod:`dermbench.data.skipped`): for a source whose images
        are whatever files there are.
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
"""All sources by name; packages outside add one through the entry-point group ``dermbench.sources``."""
