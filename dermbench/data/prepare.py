"""``prepare``: a raw release becomes a dataset folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.files import inside
from dermbench.artifacts.manifest import Dataset, DatasetInfo, write_dataset
from dermbench.artifacts.units import unit_columns
from dermbench.data.custom import ABOUT, resolve_task
from dermbench.data.duplicates import duplicate_groups, smallest_id, take_fingerprints
from dermbench.data.inspect import available_processors
from dermbench.data.source import Release, Request, load_source
from dermbench.data.splits import DEFAULT_FRACTIONS, assign_splits, check_fractions
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.tasks import Task

MISSING = "missing image file"
UNREADABLE = "unreadable image file"
DUPLICATES = "duplicates"
SPLIT = "split"
CHOICES = {DUPLICATES: ("exact", "near"), SPLIT: ("released", "grouped")}
"""Options that every source has, with their values, the default first."""
FOUND = "_duplicate_group"
SHOWN = 20
GO_ON = "Complete the release, or leave them out and have them counted with --allow-missing."


@dataclass(frozen=True)
class _Found:
    """A manifest under way: the rows that have an image so far, and what was left out."""

    table: pd.DataFrame
    image_root: Path
    left_out: Mapping[str, int]


def prepare(
    task: Task | str,
    *,
    root: Path | str | None = None,
    out: Path | str,
    allow_missing: bool = False,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    workers: int | None = None,
) -> Dataset:
    """Turn a raw release into a dataset folder: every image hashed and decoded, splits made, counts written.

    Parameters
    ----------
    task
        Packaged task, its name, or the name of a source (``table``, ``folder``) for data of one's own.
    root
        Raw release; None for a source that makes its images.
    out
        Dataset folder to write.
    allow_missing
        Leave out, and count, rows whose image is missing or unreadable.
    seed, fractions
        As for :func:`dermbench.data.splits.assign_splits`; the seed is also that of the images, for a source
        that makes them.
    options
        Options of the source; and ``duplicates``, for every source: ``exact`` (default) joins images with equal
        bytes to a ``duplicate_group``, ``near`` also images that look the same, so that no split has one
        and another its twin. Neither touches the duplicate groups of a release that has them. Likewise
        ``split``: ``released`` (default) keeps a split that the release fixes, ``grouped`` makes a new one, in
        which nothing that images share crosses from one split to another.
    workers
        Number of threads or processes; by default one for each processor.

    Returns
    -------
    Dataset
        What :func:`dermbench.artifacts.read_dataset` reads back from ``out``.

    Raises
    ------
    InputError
        When the release is not what the task says, or images are missing or unreadable and
        ``allow_missing`` is False.
    UsageError
        When ``root`` or an option does not fit the source.
    """
    shares = check_fractions(fractions)
    given = dict(options or {})
    raw, folder = None if root is None else Path(root), Path(out)
    shared = {name: _choice(name, given.pop(name, values[0])) for name, values in CHOICES.items()}
    definition = resolve_task(task, root=raw, options=given) if isinstance(task, str) else task
    _refuse_same(raw, folder)
    request = Request(definition, raw, folder, given, workers or available_processors(), seed)
    release = _unsplit(load_source(definition.source)(request), shared[SPLIT])
    there = _existing(release, definition, allow_missing=allow_missing)
    found = _decoded(there, request, allow_missing=allow_missing, duplicates=shared[DUPLICATES])
    table = _completed(found.table, definition)
    table["split"] = assign_splits(table, seed=seed, fractions=shares)
    info = _info(definition, release, found, folder)
    info.options = {**info.options, **{k: v for k, v in shared.items() if v != CHOICES[k][0]}}
    info.malignancy = definition.malignancy or _malignancy(table, release.classes)
    info.split = {
        "scheme": "fixed by the release" if _all_fixed(release) else "grouped, stratified by class and skin type",
        "unit": " + ".join(unit_columns(table)) or "image",
        "seed": seed,
        **shares,
    }
    return write_dataset(folder, info, table)


def _refuse_same(root: Path | None, out: Path) -> None:
    if root is not None and root.resolve() == out.resolve():
        raise UsageError(f"{out}: --out must be another folder than the release")


def _existing(release: Release, task: Task, *, allow_missing: bool) -> _Found:
    table, root = release.table, release.image_root
    lost = table["path"].isna()
    if lost.all():
        names = name_some(table["image_id"])
        raise InputError(root, [f"none of the {len(table):,} images is there: {names}"], remedy=task.obtain)
    if lost.any() and not allow_missing:
        names = name_some(table["image_id"][lost])
        raise InputError(
            root, [f"{int(lost.sum()):,} of {len(table):,} images are missing: {names}"], remedy=GO_ON
        )
    left_out = dict(release.left_out) | ({MISSING: int(lost.sum())} if lost.any() else {})
    return _Found(table[~lost].reset_index(drop=True), root, left_out)


def _decoded(found: _Found, request: Request, *, allow_missing: bool, duplicates: str) -> _Found:
    paths = [inside(found.image_root, path) for path in found.table["path"]]
    prints = take_fingerprints(paths, workers=request.workers)
    broken = [
        f"{path}: {seen.problem}"
        for path, seen in zip(found.table["path"], prints.looks, strict=True)
        if seen.problem is not None
    ]
    if broken and (not allow_missing or len(broken) == len(paths)):
        more = [f"and {len(broken) - SHOWN:,} more"] if len(broken) > SHOWN else []
        head = f"{len(broken):,} of {len(paths):,} images are unreadable"
        raise InputError(found.image_root, [head, *broken[:SHOWN], *more], remedy=GO_ON)
    exact, alike = duplicate_groups(prints)
    table = found.table.assign(
        sha256=pd.array([seen.sha256 for seen in prints.looks], dtype="string"),
        **{FOUND: smallest_id(found.table["image_id"], alike if duplicates == "near" else exact)},
    )
    readable = [seen.problem is None for seen in prints.looks]
    left_out = dict(found.left_out) | ({UNREADABLE: len(broken)} if broken else {})
    return replace(found, table=table[readable].reset_index(drop=True), left_out=left_out)


def _completed(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Add what follows from other columns: duplicate groups where the release has none, and malignancy."""
    groups = table[FOUND]
    table = table.drop(columns=FOUND)
    known = "duplicate_group" in table and table["duplicate_group"].notna().any()
    if groups.notna().any() and not known:
        table["duplicate_group"] = groups
    if task.malignancy and "malignancy" not in table:
        table["malignancy"] = table["label"].map(task.malignancy).astype("string")
    return table


def _choice(name: str, value: str) -> str:
    if value not in CHOICES[name]:
        raise UsageError(f"--set {name}={value}: write {' or '.join(CHOICES[name])}")
    return value


def _unsplit(release: Release, split: str) -> Release:
    """Forget the splits of a release where new ones are asked for."""
    if split == CHOICES[SPLIT][0]:
        return release
    return replace(release, table=release.table.drop(columns="split", errors="ignore"))


def _malignancy(table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, str]:
    """Return the group of each class where the manifest gives every class exactly one."""
    if "malignancy" not in table or table["malignancy"].isna().any():
        return {}
    pairs = table[["label", "malignancy"]].drop_duplicates()
    groups = dict(zip(pairs["label"].astype(str), pairs["malignancy"].astype(str), strict=True))
    if len(pairs) != len(groups) or set(groups) != set(classes):
        return {}
    return {name: groups[name] for name in classes}


def _all_fixed(release: Release) -> bool:
    return "split" in release.table and set(release.table["split"].dropna()) >= {"train", "val"}


def _info(task: Task, release: Release, found: _Found, out: Path) -> DatasetInfo:
    root, folder = release.image_root.resolve(), out.resolve()
    image_root = os.path.relpath(root, folder) if root.is_relative_to(folder) else str(root)
    return DatasetInfo(
        schema="dermbench.dataset/1",
        task=task.name,
        source=task.source,
        title=task.title,
        classes=release.classes,
        ordered=task.ordered,
        sensitive=task.sensitive,
        image_root=image_root,
        licence=task.licence,
        citation=task.citation,
        left_out=dict(found.left_out),
        options={k: v for k, v in release.options.items() if k not in ABOUT},
    )
