"""``check``: whether a dataset folder still is what it says, image by image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.files import inside
from dermbench.artifacts.manifest import MANIFEST, Dataset, read_dataset
from dermbench.data.inspect import look, on_threads
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes
    ----------
    images
        Number of images looked at.
    problems
        One sentence a problem; empty when everything is as it should be.
    """

    images: int
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(dataset: Dataset | Path | str, *, workers: int | None = None) -> CheckResult:
    """Decode and hash every image and compare with the manifest.

    Parameters
    ----------
    dataset
        Dataset, or its folder: then a manifest that does not fit its ``dataset.toml`` is a problem, too.
    workers
        Number of threads; by default one for each processor.

    Returns
    -------
    CheckResult
        All problems: files that are missing, unreadable, changed, outside of the image folder or listed
        twice; a manifest that was changed.

    Raises
    ------
    UsageError
        When the folder is no dataset folder.
    InputError
        When ``dataset.toml`` is malformed.
    """
    if not isinstance(dataset, Dataset):
        try:
            dataset = read_dataset(dataset)
        except InputError as error:
            if Path(error.source).name != MANIFEST:
                raise  # without dataset.toml there is nothing to check against
            return CheckResult(0, tuple(f"{MANIFEST}: {problem}" for problem in error.problems))
    rows = dataset.manifest
    found = on_threads(
        partial(_problem, dataset.image_root),
        list(zip(rows["path"], _hashes(rows), strict=True)),
        workers=workers,
        title="Checking images",
    )
    problems = [f"{i}: {p}" for i, p in zip(rows["image_id"], found, strict=True) if p is not None]
    return CheckResult(len(rows), (*_table_problems(rows), *problems))


def _problem(root: Path, expected: tuple[str, str | None]) -> str | None:
    relative, digest = expected
    try:
        path = inside(root, relative)
    except UsageError as error:
        return error.message
    if not path.is_file():
        return f"{relative} is missing"
    seen = look(path)
    if seen.problem is not None:
        return f"{relative} {seen.problem}"
    if digest is not None and seen.sha256 != digest:
        return f"{relative} has changed: {seen.sha256}, the manifest says {digest}"
    return None


def _hashes(rows: pd.DataFrame) -> list[str | None]:
    if "sha256" not in rows:
        return [None] * len(rows)
    return [str(h) if known else None for h, known in zip(rows["sha256"], rows["sha256"].notna(), strict=True)]


def _table_problems(rows: pd.DataFrame) -> list[str]:
    problems = []
    twice = rows["path"][rows["path"].duplicated()]
    if len(twice):
        problems.append(f"files that are listed more than once: {name_some(twice.unique())}")
    if "sha256" not in rows or rows["sha256"].isna().any():
        problems.append("the manifest has images without a sha256: their bytes cannot be checked")
    return problems
