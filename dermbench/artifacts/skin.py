"""Names of skin-tone groups, and reading of the forms that releases use."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.text_form import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

FST_NAMES = ("I", "II", "III", "IV", "V", "VI")
"""Fitzpatrick skin types by number: ``FST_NAMES[fst - 1]``."""
BANDS = ("I-II", "III-IV", "V-VI")
"""Bands of two skin types, as DDI groups them (12, 34, 56)."""
MONK = range(1, 11)
"""Tones of the Monk scale."""
ITA_SIX = ((-30, 10, 28, 41, 55), ("dark", "brown", "tan", "intermediate", "light", "very light"))
"""Six classes of the individual typology angle: upper ends in degrees (included), and names (Del Bino 2013)."""
ITA_FIVE = ((10, 28, 41, 55), ("brown", "tan", "intermediate", "light", "very light"))
"""Five classes of the angle, with one class for all angles up to 10 degrees (Chardon et al. 1991)."""
UNKNOWN = "unknown"
"""Group of images without a value of a sensitive feature."""
UNKNOWN_SPELLINGS = frozenset({"", "nan", "none", "null", "n/a", "na", "<na>", "not available", UNKNOWN})
"""Spellings of an unknown value in a column of a sensitive feature, in lower case."""
NOT_TYPES = frozenset({"-1", "-1.0", "0", "0.0", "none_identified", "not identified", "missing"})
"""Further spellings that releases use for an unknown skin tone, in lower case."""

_ROMAN = {name.lower(): number for number, name in enumerate(FST_NAMES, start=1)}
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d", "-"))
_PREFIX = r"(?:(?:fitzpatrick(?:'s)?|fst|skin|photo|type|types|phototype|scale)[\s_.:-]*)*"
_TYPE = rf"{_PREFIX}(?:([1-6])(?:[.,]0+)?|(vi|iv|v|i{{1,3}}))"
_ONE = re.compile(rf"{_TYPE}\.?")
_TWO = re.compile(rf"{_TYPE}(?:\s*(?:-|/|,|;|&|\+|\bto\b|\bor\b|\band\b)\s*|\s+){_TYPE}\.?")
_DIGITS = re.compile(r"([1-6])([1-6])(?:\.0+)?")


@dataclass(frozen=True)
class SkinTypes:
    """The skin types in a column, with the index of the column.

    Attributes
    ----------
    fst
        Type, ``Int64`` 1-6, ``<NA>`` if unknown.
    band
        One of :data:`BANDS`: the band of the type, or the band that the column names.
    text
        Text of cells that are not empty and not a type; ``<NA>`` elsewhere.
    """

    fst: pd.Series
    band: pd.Series
    text: pd.Series


def read_skin(values: pd.Series) -> SkinTypes:
    """Read a column of Fitzpatrick skin types.

    A type is written 3, ``3.0``, ``III``, ``FST3`` or ``Fitzpatrick type III``. For two types (``I-II``, ``3, 4``,
    ``12``, ``II or III``) the type is unknown; the band is known if the two are exactly a band. Sentences and
    described types (``iii fair skin``) are not read.
    """
    places, text = _distinct(values)
    found = [(None, None) if pd.isna(spelling) else _read_one(spelling) for spelling in text]
    fst = pd.Series([number for number, _ in found], dtype="Int64")
    band = pd.Series([name for _, name in found], dtype="string")
    kept = text.mask(fst.notna())
    return SkinTypes(*(_spread(part, places, values.index) for part in (fst, band, kept)))


def read_monk(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Read a column of Monk skin tones.

    Returns
    -------
    tuple
        Tone, ``Int64`` 1-10, ``<NA>`` for anything else; and the text of cells that are not empty and not a tone.
    """
    places, text = _distinct(values)
    bare = text.str.lower().str.replace(r"^(?:monk|mst)[\s_-]*", "", regex=True)
    numbers = pd.to_numeric(bare, errors="coerce")
    tone = numbers.where(numbers.isin(list(MONK))).astype("Int64")
    return _spread(tone, places, values.index), _spread(text.mask(tone.notna()), places, values.index)


def is_unknown(values: pd.Series) -> pd.Series:
    """Return where the value of a sensitive feature is unknown.

    Unknown are missing cells, the spellings in :data:`UNKNOWN_SPELLINGS` in any case, and -1 if all other values
    are non-negative numbers.
    """
    text = to_text(values).str.strip().str.translate(_DASHES)
    unknown = text.isna() | text.str.lower().isin(UNKNOWN_SPELLINGS)
    minus = ~unknown & text.str.fullmatch(r"-1(?:\.0+)?").fillna(value=False)
    if minus.any():
        others = pd.to_numeric(pd.Series(text[~unknown & ~minus].unique()), errors="coerce").fillna(-1)
        if bool((others >= 0).all()):
            unknown |= minus
    return unknown.astype(bool)


def fst_name(fst: pd.Series) -> pd.Series:
    """Return the Roman name of each skin type (1-6), :data:`UNKNOWN` if missing."""
    names = dict(enumerate(FST_NAMES, start=1))
    return fst.map(names).astype("string").fillna(UNKNOWN)


def band_name(fst: pd.Series) -> pd.Series:
    """Return the band ("I-II", "III-IV", "V-VI") of each skin type, :data:`UNKNOWN` if missing."""
    bands = {number: BANDS[(number - 1) // 2] for number in range(1, 7)}
    return fst.map(bands).astype("string").fillna(UNKNOWN)


def _distinct(values: pd.Series) -> tuple[NDArray[np.intp], pd.Series]:
    """Return the index of each cell among the distinct values, and these as text, ``<NA>`` if unknown."""
    places, distinct = pd.factorize(values)
    text = to_text(pd.Series(distinct)).str.strip()
    return places, text.mask(is_unknown(text) | text.str.lower().isin(NOT_TYPES))


def _spread(distinct: pd.Series, places: NDArray[np.intp], index: pd.Index) -> pd.Series:
    """Return the result for every cell from the results for the distinct values."""
    return pd.Series(distinct.array.take(places, allow_fill=True), index=index)


def _read_one(spelling: str) -> tuple[int | None, str | None]:
    """Return the type and the band that a cell names."""
    folded = unicodedata.normalize("NFKC", spelling).translate(_DASHES).lower().strip()
    one = _ONE.fullmatch(folded)
    if one:
        number = _number(one.groups())
        return number, BANDS[(number - 1) // 2]
    two = _TWO.fullmatch(folded)
    digits = _DIGITS.fullmatch(folded)
    if digits:
        pair = {int(digits[1]), int(digits[2])}
    elif two:
        pair = {_number(two.groups()[:2]), _number(two.groups()[2:])}
    else:
        return None, None
    low = min(pair)
    return None, BANDS[low // 2] if low % 2 and pair == {low, low + 1} else None


def _number(parts: Iterable[str | None]) -> int:
    digit, roman = parts
    return int(digit) if digit else _ROMAN[str(roman)]
