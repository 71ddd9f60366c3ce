"""``prepare``: a raw release becomes a dataset folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.column_types import standardise
from dermbench.artifacts.manifest import IMAGES, INFO, MANIFEST, Dataset, DatasetInfo, write_dataset
from dermbench.artifacts.outputs import remove_leftovers, sole_writer
from dermbench.artifacts.positive import malignancy_by_class
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.data.copies import DUPLICATES, KINDS, Copies, read_copies
from dermbench.data.counts import UNIT_NAMES, crossing, differences, lacking
from dermbench.data.custom import ABOUT, resolve_task
from dermbench.data.fingerprint_cache import CACHE
from dermbench.data.making_splits import make_split
from dermbench.data.skipped import remarks
from dermbench.data.source import Release, Request
from dermbench.data.sources import load_source
from dermbench.data.splits import SplitRule, reunite
from dermbench.data.usable import FOUND, usable_images
from dermbench.data_home import VARIABLE, prepared_dataset
from dermbench.errors import UsageError
from dermbench.machine import available_cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.tasks import Task

TABLE = "table"
"""Source that reads a user's own table."""
RELATED = "copy of a held-out image"


def prepare(
    task: Task | str,
    *,
    root: Path | str | pd.DataFrame | None = None,
    out: Path | str | None = None,
    allow_missing: bool = False,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    split: SplitRule | None = None,
    workers: int | None = None,
) -> Dataset:
    """Turn a raw release into a dataset folder: hash and decode every image, make splits, write counts.

    Parameters
    ----------
    task
        Packaged task, its name, or the name of a source (``table``, ``folder``) for your own data.
    root
        Raw release; None for a source that makes its images, or for one under ``DERMBENCH_DATA``. For the source
        ``table`` also a data frame, with the option ``images``.
    out
        Dataset folder to write; by default one under ``DERMBENCH_DATA``.
    allow_missing
        Leave out, and count, rows whose image is missing or unreadable.
    seed
        Seed of the split, and of the images for a source that makes them.
    options
        Options of the source. ``duplicates``, an option of every source, says which images form a
        ``duplicate_group``, which a new split never divides: ``exact`` (default) those with equal bytes,
        ``near`` also those that show the same photograph (:mod:`dermbench.data.audit.pairs`), a file those that
        ``data audit --write-groups`` wrote. Duplicate groups of the release itself are kept.
    split
        How the split is made. ``released`` (default) keeps a split that the release or the task fixes; otherwise
        it makes one, stratified by class and skin type, with no patient, lesion or group of copies in two splits.
        ``stratified`` always makes such a split. ``hash`` places each patient (else lesion, group or image) by
        the hash of its id, so that no image moves when the table grows. ``holdout`` is ``COLUMN:VALUE``: images
        with that value become the test split; see :func:`dermbench.data.holdout.hold_out`.
    workers
        Number of threads or processes; by default one for each processor.

    Returns
    -------
    Dataset
        The dataset as :func:`dermbench.artifacts.read_dataset` reads it from ``out``.

    Raises
    ------
    InputError
        When the release does not fit the task, or images are missing or unreadable and ``allow_missing`` is
        False.
    UsageError
        When ``root`` or an option does not fit the source, or another process is writing to ``out``.

    Examples
    --------
    >>> import dermbench
    >>> dermbench.prepare("synthderm", out="synth", options={"images": "120", "size": "32"})
    Dataset('synth': synthderm, 10 classes, 120 images: train 86, val 18, test 16)
    """
    given = dict(options or {})
    table = root if isinstance(root, pd.DataFrame) else None
    raw = None if root is None or isinstance(root, pd.DataFrame) else Path(root)
    copies = read_copies(given.pop(DUPLICATES, KINDS[0]))
    definition = resolve_task(task, root=raw, options=given) if isinstance(task, str) else task
    if table is not None and definition.source != TABLE:
        raise UsageError(f"{definition.name}: a data frame is for the source {TABLE!r}; --root is the raw release")
    folder = _out(out, definition)
    _refuse_same(raw, folder)
    options = {**definition.settings, **given}
    request = Request(definition, raw, folder, options, workers or available_cores(), seed, allow_missing, table)
    with sole_writer(folder, (IMAGES, MANIFEST, INFO)):
        remove_leftovers(folder / CACHE.parent, [CACHE.name])
        return _prepared(request, split or SplitRule(), copies)


def _prepared(request: Request, rule: SplitRule, copies: Copies) -> Dataset:
    definition = request.task
    release = load_source(definition.source)(request)
    table = standardise(release.table)
    made = make_split(table, None if release.variant else definition, rule, seed=request.seed)
    kept = table.loc[made.split.index].assign(split=made.split).reset_index(drop=True)
    found = usable_images(replace(release, table=kept), request, near=copies.name == "near")
    rows = _completed(copies.joined(found.table), definition)
    rows["split"] = reunite(rows, made.given)
    left_out = {**made.left_out, **found.left_out}
    if rule.holdout:
        rows, related = _without_copies(rows)
        left_out |= {RELATED: related} if related else {}
    info = _info(definition, release, left_out, request.out)
    info.interpreted = (
        *info.interpreted,
        *differences(table, definition, release),
        *remarks(release.skipped),
        *made.remarks,
        *_crossing(rows),
        *lacking(rows, release.classes),
    )
    info.options = {**info.options, **({DUPLICATES: copies.name} if copies.name != KINDS[0] else {})}
    of_task = set(release.classes) <= set(definition.malignancy)
    kinds, remark = malignancy_by_class(rows, release.classes)
    info.malignancy = definition.malignancy if of_task else kinds
    if remark is not None and not of_task:
        info.interpreted = (*info.interpreted, remark)
    info.split = {
        "scheme": made.scheme,
        "unit": " + ".join(unit_columns(rows)) or "image",
        "seed": request.seed,
        **rule.shares,
    }
    return write_dataset(request.out, info, rows)


def _out(out: Path | str | None, task: Task) -> Path:
    if out is not None:
        return Path(out)
    folder = prepared_dataset(task.name)
    if folder is None:
        raise UsageError(
            f"{task.name}: name the dataset folder with --out, or set {VARIABLE} to the folder of all"
        )
    return folder


def _refuse_same(root: Path | None, out: Path) -> None:
    if root is not None and root.resolve() == out.resolve():
        raise UsageError(f"{out}: --out must be another folder than the release")


def _completed(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Add malignancy, and duplicate groups where the release has none."""
    groups = table[FOUND]
    table = table.drop(columns=FOUND)
    known = "duplicate_group" in table and table["duplicate_group"].notna().any()
    if groups.notna().any() and not known:
        table["duplicate_group"] = groups
    if task.malignancy and "malignancy" not in table:
        table["malignancy"] = table["label"].map(task.malignancy).astype("string")
    return table


def _without_copies(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Leave out training images that are copies of a held-out one."""
    units = pd.Series(connected_units(rows, unit_columns(rows)), index=rows.index)
    copies = units.isin(units[rows["split"] == "test"]) & (rows["split"] != "test")
    return rows[~copies].reset_index(drop=True), int(copies.sum())


def _crossing(table: pd.DataFrame) -> list[str]:
    """Count units that the split divides; only a fixed split can divide any."""
    every = [crossing(table["split"], table[name], UNIT_NAMES[name]) for name in unit_columns(table)]
    found = " and ".join(filter(None, every))
    if not found:
        return []
    text = (
        f"the split of the release is kept, although it divides {found} between train, val and "
        f"test, so that results on test come out too good; --split-by stratified makes a new split"
    )
    return [text]


def _info(task: Task, release: Release, left_out: Mapping[str, int], out: Path) -> DatasetInfo:
    root, folder = release.image_root.resolve(), out.resolve()
    image_root = os.path.relpath(root, folder) if root.is_relative_to(folder) else str(root)
    return DatasetInfo(
        schema="dermbench.dataset/1",
        task="+".join((task.name, *release.variant)),
        source=task.source,
        title=task.title,
        classes=release.classes,
        ordered=task.ordered,
        sensitive=task.sensitive,
        image_root=image_root,
        licence=task.licence,
        citation=task.citation,
        left_out=dict(left_out),
        interpreted=release.interpreted,
        options={k: v for k, v in release.options.items() if k not in ABOUT},
    )
