"""``check``: compare a dataset folder with its manifest, image by image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.files import Inside
from dermbench.artifacts.manifest import MANIFEST, Dataset, read_dataset
from dermbench.data.fingerprint_cache import read_cache, save_new, stated_hashes, take_fingerprints
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
        One sentence for each problem.
    """

    images: int
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(dataset: Dataset | Path | str, *, workers: int | None = None) -> CheckResult:
    """Hash every image, decode those that the cache does not know, and compare with the manifest.

    Parameters
    ----------
    dataset
        Dataset, or its folder. Given a folder, a manifest that does not fit ``dataset.toml`` is also a problem.
    workers
        Number of threads; by default one for each processor.

    Returns
    -------
    CheckResult
        All problems: files that are missing, unreadable, changed, outside the image folder or listed twice; and
        a changed manifest.

    Raises
    ------
    UsageError
        When the folder is no dataset folder.
    InputError
        When ``dataset.toml`` is malformed.

    Examples
    --------
    After the example of :func:`prepare`:

    >>> import dermbench
    >>> dermbench.check("synth").ok
    True
    """
    if not isinstance(dataset, Dataset):
        try:
            dataset = read_dataset(dataset)
        except InputError as error:
            if Path(error.source).name != MANIFEST:
                raise  # without dataset.toml there is nothing to check against
            return CheckResult(0, tuple(f"{MANIFEST}: {problem}" for problem in error.problems))
    rows = dataset.manifest
    problems = [
        f"{image}: {problem}"
        for image, problem in zip(rows["image_id"], _image_problems(dataset, workers), strict=True)
        if problem is not None
    ]
    return CheckResult(len(rows), (*_table_problems(rows), *problems))


def _image_problems(dataset: Dataset, workers: int | None) -> list[str | None]:
    """Return what is wrong with each image, None where nothing is, shape (n,)."""
    rows, known = dataset.manifest, read_cache(dataset.root)
    paths, inside = [str(path) for path in rows["path"]], Inside(dataset.image_root)
    places = [_place(inside, path) for path in paths]
    there = [i for i, place in enumerate(places) if isinstance(place, Path)]
    prints = take_fingerprints([p for p in places if isinstance(p, Path)], known=known, workers=workers)
    save_new(dataset.root, prints, known)
    problems = [None if isinstance(place, Path) else place for place in places]
    stated = stated_hashes(rows)
    for i, found, problem in zip(there, prints.sha256, prints.problem, strict=True):
        problems[i] = _problem(paths[i], problem, found, stated[i])
    return problems


def _place(inside: Inside, relative: str) -> Path | str:
    """Return the file at a path of the manifest, or what is wrong with the path."""
    try:
        path = inside(relative)
    except UsageError as error:
        return error.message
    return path if path.is_file() else f"{relative} is missing"


def _problem(relative: str, problem: str | None, found: str | None, stated: str | None) -> str | None:
    if problem is not None:
        return f"{relative} {problem}"
    if stated is not None and found != stated:
        return f"{relative} has changed: {found}, the manifest says {stated}"
    return None


def _table_problems(rows: pd.DataFrame) -> list[str]:
    problems = []
    twice = rows["path"][rows["path"].duplicated()]
    if len(twice):
        problems.append(f"files that are listed more than once: {name_some(twice.unique())}")
    if "sha256" not in rows or rows["sha256"].isna().any():
        problems.append("the manifest has images without a sha256: their bytes cannot be checked")
    return problems
