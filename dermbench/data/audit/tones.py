"""Count images by class and skin tone, and measure how far two annotators agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from dermbench.artifacts.audit import Agreement, EmptyCell, ToneTable
from dermbench.artifacts.columns import is_monk, is_skin_type
from dermbench.artifacts.skin import BANDS, FST_NAMES, MONK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BAND = "fst_band"


@dataclass(frozen=True)
class Tone:
    """A column of skin tone.

    Attributes
    ----------
    feature
        Name of the column.
    names
        Groups, from light to dark.
    codes
        Number of the group of each image, -1 where it is unknown, shape (n_images,).
    """

    feature: str
    names: tuple[str, ...]
    codes: NDArray[np.intp]


def tone_columns(rows: pd.DataFrame) -> list[Tone]:
    """Return the columns of skin tone of a manifest that have a known value, ``fst`` first.

    ``fst_band`` is used only without ``fst``. A column with the same content as an earlier one is left out.
    """
    names = sorted((n for n in map(str, rows.columns) if is_skin_type(n) or is_monk(n)), key=_order)
    if BAND in rows and not ("fst" in rows and rows["fst"].notna().any()):
        names.insert(0, BAND)
    found: list[Tone] = []
    for name in names:
        tone = _tone(rows[name], name)
        same = any(t.names == tone.names and np.array_equal(t.codes, tone.codes) for t in found)
        if (tone.codes >= 0).any() and not same:
            found.append(tone)
    return found


def tone_table(rows: pd.DataFrame, tone: Tone, classes: Sequence[str]) -> ToneTable:
    """Count the images of each class and tone, and name the empty cells."""
    names = (*tone.names, UNKNOWN) if (tone.codes < 0).any() else tone.names
    groups = np.where(tone.codes < 0, len(tone.names), tone.codes)
    labels = pd.Categorical(rows["label"].astype(object), categories=list(classes)).codes.astype(np.intp)
    in_test = (rows["split"] == "test").to_numpy(dtype=bool)
    shape = (len(classes), len(names))
    every, test = _count(labels, groups, shape), _count(labels[in_test], groups[in_test], shape)
    present = np.unique(tone.codes[tone.codes >= 0])
    lacking = [
        (i, j, every[i, j] == 0)
        for i in range(len(classes))
        for j in (present if tone.names[0] != FST_NAMES[0] else range(len(tone.names)))
        if test[i, j] == 0
    ]
    return ToneTable(
        feature=tone.feature,
        groups=names,
        classes=tuple(classes),
        counts=tuple(tuple(map(int, row)) for row in every),
        test=tuple(tuple(map(int, row)) for row in test),
        empty=tuple(EmptyCell(label=classes[i], group=names[j]) for i, j, all_ in lacking if all_),
        empty_in_test=tuple(EmptyCell(label=classes[i], group=names[j]) for i, j, all_ in lacking if not all_),
    )


def agreements(tones: Sequence[Tone]) -> list[Agreement]:
    """Measure the agreement of every two columns on the same scale, over images with a value in both."""
    found = []
    for one, other in combinations(tones, 2):
        both = (one.codes >= 0) & (other.codes >= 0)
        if one.names == other.names and both.any():
            found.append(_agreement(one, other, both))
    return found


def _agreement(one: Tone, other: Tone, both: NDArray[np.bool_]) -> Agreement:
    a, b = one.codes[both], other.codes[both]
    apart = np.abs(a - b)
    constant = len(np.unique(a)) < 2 or len(np.unique(b)) < 2
    scale = list(range(len(one.names)))
    return Agreement(
        columns=(one.feature, other.feature),
        n=int(both.sum()),
        exact=float((apart == 0).mean()),
        within_one=float((apart <= 1).mean()),
        kappa=None if constant else float(cohen_kappa_score(a, b, labels=scale, weights="quadratic")),
    )


def _order(name: str) -> tuple[int, str]:
    return (0 if name == "fst" else 1 + is_monk(name), name)


def _tone(values: pd.Series, name: str) -> Tone:
    if name == BAND:
        codes = pd.Categorical(values.astype(object), categories=list(BANDS)).codes
        return Tone(name, BANDS, codes.astype(np.intp))
    numbers = pd.to_numeric(values, errors="coerce").fillna(0).to_numpy(dtype=np.intp)
    names = tuple(map(str, MONK)) if is_monk(name) else FST_NAMES
    return Tone(name, names, np.where((numbers >= 1) & (numbers <= len(names)), numbers - 1, -1))


def _count(rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.intp]:
    table = np.zeros(shape, dtype=np.intp)
    np.add.at(table, (rows, columns), 1)
    return table
