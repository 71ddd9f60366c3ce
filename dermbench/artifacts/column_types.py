"""Standard columns of a table: names, types, skin tones, numbers and categories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.columns import REQUIRED, UNITS, choose_columns, is_monk, is_skin_type
from dermbench.artifacts.skin import is_unknown, read_monk, read_skin
from dermbench.artifacts.text_form import to_numbers, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
"""A number as programs write it; ``010`` and ``1,5`` are text."""
LONGEST = 400
"""Most characters of a number; Python refuses whole numbers of thousands of digits."""
CATEGORIES = ("label", "sex", "site", "malignancy")
TEXT = (*REQUIRED, *UNITS, "sha256", *CATEGORIES)
MEASURED = ("age", "ita")
"""Measurements, which are numbers."""
KEPT = "_text"
"""Suffix of the column that keeps values which could not be read into the column without the suffix."""
SHOWN = 5
"""Most unread spellings that a sentence names."""

_WHOLE = r"(-?\d+)(?:\.0+)?"
_COMMA = r"-?\d+(?:,\d+)?"
_TONE_NAME = re.compile(r"\s*(fst|mst)[\s_-]+(\S.*?)\s*", re.IGNORECASE)


def standardise(
    table: pd.DataFrame, chosen: Mapping[str, str] | None = None, *, decimal_comma: bool = False
) -> pd.DataFrame:
    """Return ``table`` with standard column names and types.

    ``fst`` and ``fst_<source>`` become ``Int64`` 1-6, ``mst_<source>`` ``Int64`` 1-10, ``fst_band`` a band,
    ``age`` and ``ita`` ``Float64``; other values are kept in ``<name>_text``. Ids, labels and the other columns of
    :data:`TEXT` are text. Any further column holds numbers if all its values are plain numbers (``10`` and
    ``2.5``, not ``010``), and text otherwise. So CSV and parquet files of the same table give the same result.
    Empty cells become ``<NA>``.

    Parameters
    ----------
    table
        The table with its original column names.
    chosen
        {standard name: column}; by default from :func:`~dermbench.artifacts.columns.choose_columns`.
    decimal_comma
        Whether ``2,5`` is a number.
    """
    renamed = _renamed(table, choose_columns(table) if chosen is None else chosen)
    made: dict[str, pd.Series] = {}
    for name in map(str, renamed.columns):
        made[name] = _typed(name, renamed[name], decimal_comma=decimal_comma)
    for name in [n for n in made if is_skin_type(n) or is_monk(n) or n in {*MEASURED, "fst_band"}]:
        _read_tone(made, name, renamed[name], decimal_comma=decimal_comma)
    return pd.DataFrame(made)


def reading_sentences(table: pd.DataFrame) -> tuple[str, ...]:
    """Name the values of skin tone, age and ITA that could not be read, with counts."""
    said = []
    for name in map(str, table.columns):
        base = name.removesuffix(KEPT)
        if base == name or base not in table:
            continue
        lost = table[name].notna() & table[base].isna()
        if not lost.any():
            continue
        counts = table[name][lost].value_counts()
        first = ", ".join(f"{spelling!r} {n:,}" for spelling, n in counts.head(SHOWN).items())
        more = f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
        sentence = f"{base}: {int(lost.sum()):,} unknown, because the table names {_wanted(base)} ({first}{more})"
        banded = int((lost & table["fst_band"].notna()).sum()) if base == "fst" and "fst_band" in table else 0
        if banded:
            sentence += f"; the band is known for {banded:,} of them"
        said.append(f"{sentence}.")
    return tuple(said)


def _wanted(name: str) -> str:
    if is_skin_type(name):
        return "no single skin type"
    if is_monk(name):
        return "no tone from 1 to 10"
    return "no band" if name == "fst_band" else "no number"


def _renamed(table: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    names = {column: name for name, column in chosen.items()}
    taken = set(chosen)
    for column in map(str, table.columns):
        tone = _TONE_NAME.fullmatch(column)
        if column in names:
            continue
        if column in taken:
            names[column] = f"unused_{column}"
        elif tone and (new := f"{tone[1]}_{tone[2]}".lower()) not in {*table.columns, *names.values()}:
            names[column] = new
    return table.rename(columns=names)


def _typed(name: str, column: pd.Series, *, decimal_comma: bool) -> pd.Series:
    if name in CATEGORIES:
        return _category_text(column)
    if name in TEXT or name.endswith(KEPT):
        return to_text(column)
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = to_text(column)
    if decimal_comma and text.dropna().str.fullmatch(_COMMA).all():
        text = text.str.replace(",", ".", regex=False)
    return _numbers_or_text(text)


def _category_text(column: pd.Series) -> pd.Series:
    """Return trimmed text; if all values are whole numbers (``1``, ``1.0``), each is written as ``1``."""
    text = to_text(column).str.strip()
    if text.dropna().str.fullmatch(_WHOLE).all():
        return text.str.replace(rf"^{_WHOLE}$", r"\1", regex=True)
    return text


def _read_tone(made: dict[str, pd.Series], name: str, column: pd.Series, *, decimal_comma: bool) -> None:
    """Replace a tone or measurement by its value, and keep values that could not be read."""
    if is_monk(name):
        made[name], lost = read_monk(column)
    elif name in MEASURED:
        made[name], lost = _read_number(name, to_text(column), decimal_comma=decimal_comma)
    else:
        skin = read_skin(column)
        lost = skin.text
        if name == "fst_band":
            made[name], lost = skin.band, lost.mask(skin.band.notna())
        else:
            made[name] = skin.fst
        if name == "fst" and (lost.notna() & skin.band.notna()).any():
            stated = read_skin(made["fst_band"]).band if "fst_band" in made else skin.band
            made["fst_band"] = stated.fillna(skin.band)
    if lost.notna().any():
        kept = f"{name}{KEPT}"
        made[kept] = lost if kept not in made else to_text(made[kept]).fillna(lost)


def _read_number(name: str, text: pd.Series, *, decimal_comma: bool) -> tuple[pd.Series, pd.Series]:
    numbers = to_numbers(text, decimal_comma=decimal_comma)
    numbers = numbers.astype("Float64").mask(numbers.isna())
    lost = text.mask(numbers.notna() | is_unknown(text))
    if name == "age" and lost.notna().any() and not numbers.notna().any():
        return text, lost.mask(lost.notna())  # age groups in words: a category like any other
    return numbers, lost


def _numbers_or_text(text: pd.Series) -> pd.Series:
    present = text.dropna()
    if present.empty or present.str.len().max() > LONGEST or not present.str.fullmatch(NUMBER).all():
        return text
    numbers = pd.to_numeric(present.astype(object))
    if not pd.api.types.is_signed_integer_dtype(numbers) and not pd.api.types.is_float_dtype(numbers):
        return text  # whole numbers beyond 64 bits
    return numbers.astype("Float64" if pd.api.types.is_float_dtype(numbers) else "Int64").reindex(text.index)
