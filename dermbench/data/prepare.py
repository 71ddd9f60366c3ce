"""``prepare``: a raw release becomes a dataset folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import IMAGES, INFO, MANIFEST, Dataset, DatasetInfo, write_dataset
from dermbench.artifacts.outputs import sole_writer
from dermbench.artifacts.units import unit_columns
from dermbench.data.custom import ABOUT, resolve_task
from dermbench.data.inspect import available_processors
from dermbench.data.skipped import remarks
from dermbench.data.source import Release, Request
from dermbench.data.sources import load_source
from dermbench.data.splits import DEFAULT_FRACTIONS, assign_splits, check_fractions
from dermbench.data.usable import FOUND, Usable, usable_images
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dermbench.tasks import Task

DUPLICATES = "duplicates"
SPLIT = "split"
CHOICES = {DUPLICATES: ("exact", "near"), SPLIT: ("released", "grouped")}
"""Options that every source has, with their values, the default first."""
UNIT_NAMES = {"patient_id": "patients", "lesion_id": "lesions", "duplicate_group": "groups of duplicates"}


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
        When ``root`` or an option does not fit the source, or another process is writing to ``out``.
    """
    shares = check_fractions(fractions)
    given = dict(options or {})
    raw, folder = None if root is None else Path(root), Path(out)
    shared = {name: _choice(name, given.pop(name, values[0])) for name, values in CHOICES.items()}
    definition = resolve_task(task, root=raw, options=given) if isinstance(task, str) else task
    _refuse_same(raw, folder)
    request = Request(definition, raw, folder, given, workers or available_processors(), seed, allow_missing)
    with sole_writer(folder, (IMAGES, MANIFEST, INFO)):
        return _prepared(request, shared, shares)


def _prepared(request: Request, shared: Mapping[str, str], shares: Mapping[str, float]) -> Dataset:
    definition = request.task
    release = _unsplit(load_source(definition.source)(request), shared[SPLIT])
    found = usable_images(release, request, near=shared[DUPLICATES] == "near")
    table = _completed(found.table, definition)
    table["split"] = assign_splits(table, seed=request.seed, fractions=shares)
    info = _info(definition, release, found, request.out)
    info.interpreted = (*info.interpreted, *remarks(release.skipped), *_crossing(release, table))
    info.options = {**info.options, **{k: v for k, v in shared.items() if v != CHOICES[k][0]}}
    info.malignancy = definition.malignancy or _malignancy(table, release.classes)
    info.split = {
        "scheme": "fixed by the release" if _all_fixed(release) else "grouped, stratified by class and skin type",
        "unit": " + ".join(unit_columns(table)) or "image",
        "seed": request.seed,
        **shares,
    }
    return write_dataset(request.out, info, table)


def _refuse_same(root: Path | None, out: Path) -> None:
    if root is not None and root.resolve() == out.resolve():
        raise UsageError(f"{out}: --out must be another folder than the release")


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


def _crossing(release: Release, table: pd.DataFrame) -> list[str]:
    """Say which units the split of the release divides, for a split that is kept."""
    if "split" not in release.table or release.table["split"].isna().all():
        return []
    found = []
    for name in unit_columns(table):
        given = table[table[name].notna()]
        crosses = given.groupby(name)["split"].transform("nunique") > 1
        if crosses.any():
            units = given[name][crosses].nunique()
            found.append(f"{units:,} {UNIT_NAMES[name]} ({int(crosses.sum()):,} images)")
    if not found:
        return []
    text = (
        f"the split of the release is kept, although it divides {' and '.join(found)} between train, val and "
        f"test, so that results on test come out too good; --set {SPLIT}=grouped makes a new split"
    )
    return [text]


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


def _info(task: Task, release: Release, found: Usable, out: Path) -> DatasetInfo:
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
        interpreted=release.interpreted,
        options={k: v for k, v in release.options.items() if k not in ABOUT},
    )
