"""Find leaks and conflicts: units whose images differ in split, label or skin type.

A unit is a patient, a lesion, a duplicate group of the release, or a group of images of the same photograph. A
*leak* is a unit with images in more than one split, a *tone conflict* a unit with more than one known skin type. A
*label conflict* is a unit other than a patient with more than one label.
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
    """Return the units with images in more than one split; ``rows`` has a column :data:`DUPLICATES`."""
    return _differing(rows, "split", (*UNITS, DUPLICATES))


def label_conflicts(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Return the lesions and groups with more than one label."""
    return _differing(rows, "label", ("lesion_id", "duplicate_group", DUPLICATES))


def tone_conflicts(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Return the units with more than one skin type."""
    named = rows.assign(fst=_types(rows["fst"])) if "fst" in rows else rows
    return _differing(named, "fst", (*UNITS, DUPLICATES))


def leaked_images(rows: pd.DataFrame, found: Sequence[Finding]) -> dict[str, int]:
    """Return how many images of each split belong to one of the leaks ``found``."""
    ids = {image for finding in found for image in finding.images}
    counts = rows["split"][rows["image_id"].isin(ids)].value_counts()
    return {split: int(counts[split]) for split in ("train", "val", "test") if split in counts}


def twins_of_training(rows: pd.DataFrame) -> dict[str, int]:
    """Return how many images of val and test show the same photograph as a training image."""
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
    """Return every unit, of the columns ``shared``, with more than one known value of ``column``."""
    found: list[Finding] = []
    seen: set[tuple[str, ...]] = set()
    if column not in rows:
        return ()
    for name in shared:
        if name not in rows:
            continue
        given = rows[rows[name].notna() & rows[column].notna()]
        differing = given.groupby(name)[column].transform("nunique") > 1
        for group, members in given[differing].groupby(name, sort=True):
            images = tuple(sorted(map(str, members["image_id"])))
            if name == DUPLICATES and images in seen:
                continue
            seen.add(images)
            values = tuple(sorted({str(value) for value in members[column]}))
            found.append(Finding(shares=name, group=str(group), found=values, images=images))
    return tuple(found)
