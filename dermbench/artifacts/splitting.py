"""Stratified splits and folds of a table that share no unit; seeded, and independent of the order of rows.

Method. Images are joined to units (:mod:`dermbench.artifacts.units`); a unit goes to one split as a whole.

1. Units are sorted by size, largest first, and units of equal size by a hash of the seed and their smallest
   image id.
2. For each class, rarest first, and each split without it, one unit of the class is placed there: the unit with
   the most classes that the split lacks; among these, the largest for train and the smallest for val and test. So
   a class with three units that hold no other class occurs in every split.
3. Every other unit goes to the split with the largest remaining need. The need of a split for a stratum is the
   part of its share (fraction x images of the stratum) that remains open when half of the unit is counted
   (Webster's method, which favours neither large nor small shares). Needs are summed over the images of the unit
   and over four stratifications: class x skin type, class, skin type, and all images. Ties are broken by the hash
   of the unit, in proportion to the fractions.

This is greedy iterative stratification (Sechidis et al. 2011) at the level of units.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.manifest import Dataset

TIE = 1e-9
LOWER = "Choose a lower --set folds=N."


Strata = tuple[tuple[tuple[str, ...], int], ...]


@dataclass(frozen=True)
class _Unit:
    """A unit to be placed: its images by stratum, its classes, and two draws in [0, 1)."""

    index: int
    size: int
    strata: Strata
    classes: frozenset[str]
    order: float
    tie: float


def distribute(
    table: pd.DataFrame, split: pd.Series, moving: pd.Series, *, shares: Mapping[str, float], seed: int
) -> pd.Series:
    """Assign the units of the rows that are ``moving`` to parts; the other rows keep their part.

    Parameters
    ----------
    table
        ``image_id`` (unique) and ``label``; optionally ``fst`` or ``fst_band``, and the ids of
        :data:`dermbench.artifacts.columns.UNITS`.
    split
        Part of each row, for example ``train``; on the index of ``table``.
    moving
        Whether each row is assigned. A row whose unit has other rows in a part follows them; if they are in
        several parts, into the first of train, val and test.
    shares
        Share of each part, above 0; they sum to 1.
    seed
        Seed of the order of units of equal size.

    Returns
    -------
    pandas.Series
        Part of each row, on the index of ``table``.
    """
    part = pd.DataFrame(
        {
            "image_id": table["image_id"].astype(object),
            "label": table["label"].astype(object),
            "fst": _tones(table),
            "split": split.astype(object).mask(moving.to_numpy(dtype=bool), None),
            "unit": connected_units(table, unit_columns(table)),
        }
    )
    anchored = part["unit"].map(_anchors(part)).astype(object)
    anchored = anchored.mask(anchored.notna() & split.notna(), split.astype(object))
    free = part["split"].isna() & anchored.isna()
    chosen = _place(part[free], part[part["split"].isin(list(shares))], shares=shares, seed=seed)
    placed: pd.Series = anchored.mask(free, part["unit"].map(chosen).astype(object)).astype("string")
    return placed


def _tones(table: pd.DataFrame) -> pd.Series:
    """Return the skin type of each row, else its band, else ``unknown``."""
    tones = pd.Series(pd.NA, index=table.index, dtype="string")
    for name in ("fst", "fst_band"):
        if name in table:
            tones = tones.fillna(table[name].astype("string"))
    return tones.fillna("unknown")


def _place(free: pd.DataFrame, fixed: pd.DataFrame, *, shares: Mapping[str, float], seed: int) -> dict[int, str]:
    units = _units(free, seed=seed)
    ledger = _Ledger(pd.concat([free, fixed]), shares)
    chosen = _seeded(units, fixed, shares)
    for unit in units:
        if unit.index in chosen:
            ledger.add(unit.strata, chosen[unit.index])
    for unit in units:
        if unit.index not in chosen:
            chosen[unit.index] = ledger.neediest(unit)
            ledger.add(unit.strata, chosen[unit.index])
    return chosen


def _anchors(part: pd.DataFrame) -> dict[int, str]:
    """Return {unit: split with images of it}; the first of train, val and test if there are several."""
    anchors: dict[int, str] = {}
    for name in reversed(SPLITS):
        anchors |= dict.fromkeys(part["unit"][part["split"] == name], name)
    return anchors


def _units(rows: pd.DataFrame, *, seed: int) -> list[_Unit]:
    """Return the units to place, largest first, units of equal size by hash."""
    members: dict[int, list[tuple[str, str, str]]] = {}
    columns = (rows[name] for name in ("unit", "image_id", "label", "fst"))
    for index, image, label, tone in zip(*columns, strict=True):
        members.setdefault(index, []).append((image, label, tone))
    units = []
    for index, images in members.items():
        order, tie = _draws(seed, min(image for image, _, _ in images))
        classes = frozenset(label for _, label, _ in images)
        strata = _strata(tuple([(label, tone) for _, label, tone in images]))
        units.append(_Unit(index, len(images), strata, classes, order, tie))
    return sorted(units, key=lambda unit: (-unit.size, unit.order))


@lru_cache(maxsize=1024)  # most units are one image of one of few kinds
def _strata(images: tuple[tuple[str, str], ...]) -> Strata:
    """Count images by stratum, in an order of strata that does not depend on the order of rows."""
    counts: Counter[tuple[str, ...]] = Counter()
    for label, tone in images:
        counts.update((("all",), ("class", label), ("fst", tone), ("cell", label, tone)))
    return tuple(sorted(counts.items()))


def _draws(seed: int, key: str) -> tuple[float, float]:
    """Return two numbers in [0, 1) that depend only on the seed and the key."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48, int.from_bytes(digest[6:12], "big") / 2**48


def _seeded(units: Sequence[_Unit], fixed: pd.DataFrame, shares: Mapping[str, float]) -> dict[int, str]:
    """Place one unit of each class in every split that has none of it."""
    seen = set(zip(fixed["label"], fixed["split"], strict=True))
    available: dict[str, list[_Unit]] = {}
    for unit in units:
        for label in unit.classes:
            available.setdefault(label, []).append(unit)
    placed: dict[int, str] = {}
    for label in sorted(available, key=lambda name: (len(available[name]), name)):
        for split in shares:
            left = [unit for unit in available[label] if unit.index not in placed]
            if (label, split) in seen or not left or len(available[label]) < len(shares):
                continue
            missing = {name for name in available if (name, split) not in seen}
            unit = max(left, key=lambda u: (len(u.classes & missing), u.size if split == "train" else -u.size))
            placed[unit.index] = split
            seen |= {(name, split) for name in unit.classes}
    return placed


class _Ledger:
    """Number of images of each stratum in each split, compared with its share."""

    def __init__(self, rows: pd.DataFrame, shares: Mapping[str, float]) -> None:
        self.shares = shares
        self.total = dict(_strata(tuple(zip(rows["label"], rows["fst"], strict=True))))
        self.held: dict[str, Counter[tuple[str, ...]]] = {split: Counter() for split in shares}
        for split in shares:
            mine = rows[rows["split"] == split]
            self.add(_strata(tuple(zip(mine["label"], mine["fst"], strict=True))), split)

    def add(self, strata: Strata, split: str) -> None:
        """Add the images of a unit to a split."""
        self.held[split].update(dict(strata))

    def neediest(self, unit: _Unit) -> str:
        """Return the split with the largest remaining need for the images of a unit."""
        needs = {split: self._need(unit.strata, split) for split in self.shares}
        best = max(needs.values())
        tied = [split for split, need in needs.items() if need >= best - TIE]
        if len(tied) == 1:
            return tied[0]
        edges = np.cumsum([self.shares[split] for split in tied])
        return tied[int(np.searchsorted(edges / edges[-1], unit.tie, side="right"))]

    def _need(self, strata: Strata, split: str) -> float:
        held, share = self.held[split], self.shares[split]
        return sum(n * (1.0 - (held[key] + n / 2) / (share * self.total[key])) for key, n in strata)


def fold_codes(dataset: Dataset, folds: int) -> NDArray[np.int64]:
    """Return the fold of each row of the manifest, shape (n_samples,), from 0.

    Images linked by a patient, a lesion or a duplicate group, directly or in a chain, are in one fold.

    Raises
    ------
    UsageError
        When there are fewer units than folds, overall or in every class.
    """
    rows = dataset.manifest
    units = connected_units(rows, unit_columns(rows))
    labels = [str(label) for label in rows["label"]]
    n_units = len(np.unique(units))
    if n_units < folds:
        raise UsageError(
            f"{dataset.root}: {folds} folds of {n_units} patients, lesions or images to train and validate on",
            remedy=LOWER,
        )
    of_class = Counter(label for label, _ in set(zip(labels, units.tolist(), strict=True)))
    if max(of_class.values()) < folds:
        raise UsageError(f"{dataset.root}: no class has images for each of {folds} folds", remedy=LOWER)
    shares = {str(fold): 1 / folds for fold in range(folds)}
    nowhere = pd.Series(pd.NA, index=rows.index, dtype="string")
    parts = distribute(rows, nowhere, nowhere.isna(), shares=shares, seed=0)
    return np.array(parts, dtype=np.int64)
