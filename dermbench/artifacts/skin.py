"""Names of skin-tone groups, and how releases write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

FST_NAMES = ("I", "II", "III", "IV", "V", "VI")
"""Fitzpatrick skin types by number: ``FST_NAMES[fst - 1]``."""
BANDS = ("I-II", "III-IV", "V-VI")
"""Bands of two skin types, as DDI groups them (12, 34, 56)."""
UNKNOWN = "unknown"
"""Group of the images whose value of a sensitive feature is missing."""

_ROMAN = {name.lower(): number for number, name in enumerate(FST_NAMES, start=1)}
_FST = re.compile(
    r"^\s*(?:(?:fst|skin type|type)[\s_-]*)?(?:([1-6])(?:\.0+)?|(vi|iv|v|i{1,3}))(?![\w.])", re.IGNORECASE
)


def parse_fst(values: Iterable[object]) -> pd.Series:
    """Read Fitzpatrick skin types as releases write them: 3, "3.0", "FST3", "iii fair skin", "V".

    Returns
    -------
    pandas.Series
        ``Int64``, 1-6, ``<NA>`` for anything else (-1, empty, "None of the above", 0, 7).
    """

    def one(value: object) -> int | None:
        found = None if value is None or value is pd.NA else _FST.match(str(value))
        if not found:
            return None
        return int(found[1]) if found[1] else _ROMAN[found[2].lower()]

    return pd.Series([one(v) for v in values], dtype="Int64")


def fst_name(fst: pd.Series) -> pd.Series:
    """Return the Roman name of each skin type (1-6), :data:`UNKNOWN` where it is missing."""
    names = dict(enumerate(FST_NAMES, start=1))
    return fst.map(names).astype("string").fillna(UNKNOWN)


def band_name(fst: pd.Series) -> pd.Series:
    """Return the band ("I-II", "III-IV", "V-VI") of each skin type, :data:`UNKNOWN` where it is missing."""
    bands = {number: BANDS[(number - 1) // 2] for number in range(1, 7)}
    return fst.map(bands).astype("string").fillna(UNKNOWN)
