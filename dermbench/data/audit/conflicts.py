"""Images that share something and differ where they should not.

A *leak* is a patient, lesion, duplicate group of the release, or group of images of the same photograph with
images in more than one split. A *label conflict* is a lesion, or such a group, with more than one label; a *tone
conflict* is the same, or a patient, with more than one known skin type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.audit import Finding, Pair
from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.skin import FST_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

DUPLICATES = "duplicates"
"""Column of the groups that the audit found."""


def leaks(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Return what has images in more than one split, of a manifest with a column :data:`DUPLICATES`."""
    return _differing(rows, "split", (*UNITS, DUPLICATES))


def label_conflicts(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Return what has more than one label though it shows one lesion."""
    return _differing(rows, "label", ("lesion_id", "duplicate_group", DUPLICATES))


def tone_conflicts(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Return what has more than one skin type though it shows one person."""
    named = rows.assign(fst=_types(rows["fst"])) if "fst" in rows else rows
    return _differing(named, "fst", (*UNITS, DUPLICATES))


def leaked_images(rows: pd.DataFrame, found: Sequence[Finding]) -> dict[str, int]:
    """Return how many images of each split share something with another split."""
    ids = {image for finding in found for image in finding.images}
    counts = rows["split"][rows["image_id"].isin(ids)].value_counts()
    return {split: int(counts[split]) for split in ("train", "val", "test") if split in counts}


def twins_of_training(rows: pd.DataFrame) -> dict[str, int]:
    """Return how many images of val and test show the same photograph as one of train."""
    groups = rows[DUPLICATES]
    seen = set(groups[(rows["split"] == "train") & groups.notna()])
    has_twin = groups.isin(list(seen))
    counts = {split: int((has_twin & (rows["split"] == split)).sum()) for split in ("val", "test")}
    return {split: n for split, n in counts.items() if (rows["split"] == split).any()}


def pair_records(table: pd.DataFrame, rows: pd.DataFrame) -> tuple[Pair, ...]:
    """Return typed pairs with split, label and skin type of both images."""
    index = pd.Index(rows["image_id"].astype(object))
    ends = [index.get_indexer(table[name].astype(object)) for name in ("first", "second")]
    splits, labels = rows["split"].to_numpy(dtype=object), rows["label"].to_numpy(dtype=object)
    tones = _types(rows["fst"]).to_numpy(dtype=object) if "fst" in rows else [None] * len(rows)
    made = []
    for pair, a, b in zip(table.itertuples(index=False), *ends, strict=True):
        made.append(
            Pair(
                first=str(pair.first),
                second=str(pair.second),
                kind=str(pair.kind),
                inliers=None if pd.isna(pair.inliers) else int(pair.inliers),
                mirrored=None if pd.isna(pair.mirrored) else bool(pair.mirrored),
                splits=(str(splits[a]), str(splits[b])),
                labels=(str(labels[a]), str(labels[b])),
                tones=(tones[a], tones[b]),
            )
        )
    return tuple(made)


def _types(fst: pd.Series) -> pd.Series:
    names = dict(enumerate(FST_NAMES, start=1))
    found: pd.Series = fst.map(names).astype(object)
    return found.where(found.notna(), None)


def _differing(rows: pd.DataFrame, column: str, shared: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return every group of each column of ``shared`` in which ``column`` has more than one known value."""
    found: list[Finding] = []
    told: set[tuple[str, ...]] = set()
    if column not in rows:
        return ()
    for name in shared:
        if name not in rows:
            continue
        given = rows[rows[name].notna() & rows[column].notna()]
        differing = given.groupby(name)[column].transform("nunique") > 1
        for group, members in given[differing].groupby(name, sort=True):
            images = tuple(sorted(map(str, members["image_id"])))
            if name == DUPLICATES and images in told:
                continue
            told.add(images)
            values = tuple(sorted({str(value) for value in members[column]}))
            found.append(Finding(shares=name, group=str(group), found=values, images=images))
    return tuple(found)
