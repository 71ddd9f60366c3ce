"""Conversion of table cells to text and to numbers, independent of the file format."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dermbench.errors import name_some

MAX_ID = 512
"""Most characters of an id."""
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
"""A number as programs write it, for :mod:`pyarrow.compute`; without thousands separators."""
CONTROL = "[\x01-\x1f\x7f-\x9f\u2028\u2029]|\\x00"
"""Characters that are not allowed in ids."""
_WHOLE = r"^-?\d{1,15}\.0$"
_EXACT = 1e15
"""Whole numbers below this have a unique form in double precision."""


def to_text(column: pd.Series) -> pd.Series:
    """Return a column as the text of a CSV file, with missing values and empty cells as ``<NA>``.

    If all values of a column are whole numbers such as ``7.0``, as numbers or as text, they become ``7``. So ids
    and labels are the same in CSV, parquet and data frames, even if a missing value has turned whole numbers into
    floats. Blanks around a text are kept.
    """
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
        present = values[~np.isnan(values)]
        if (np.abs(present) < _EXACT).all() and (present == np.trunc(present)).all():
            column = column.astype("Int64")
        return column.astype("string")
    text = column.astype("string")
    text = text.mask(text.str.strip() == "")
    first = text.first_valid_index()
    if first is not None and str(text.dropna().iloc[0]).endswith(".0") and text.dropna().str.match(_WHOLE).all():
        text = text.str.slice(stop=-2)
    return text


def to_numbers(column: pd.Series, *, decimal_comma: bool = False) -> pd.Series:
    """Return a column as numbers in double precision, NaN for a cell without a finite number.

    Booleans, ``1_000``, ``0x10`` and ``1,000.5`` are not numbers.

    Parameters
    ----------
    column
        Numbers or text.
    decimal_comma
        Whether text such as ``0,25`` is a number.
    """
    if pd.api.types.is_bool_dtype(column):
        values = np.full(len(column), np.nan)
    elif pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        values = _parsed(pa.array(column.astype("string"), type=pa.large_string()), decimal_comma)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), index=column.index)


def id_problems(ids: pd.Series) -> list[str]:
    """Return the problems of ids: too long, or with control characters.

    Parameters
    ----------
    ids
        Ids from :func:`to_text`.
    """
    text = pa.array(ids, type=pa.large_string())
    is_long = pc.greater(pc.utf8_length(text), MAX_ID)
    is_odd = pc.and_(pc.invert(is_long), pc.match_substring_regex(text, CONTROL))
    problems = []
    for wrong, what in ((is_long, f"longer than {MAX_ID} characters"), (is_odd, "with control characters")):
        if pc.any(wrong).as_py():
            found = text.filter(wrong).to_pylist()
            problems.append(f"{len(found):,} image_id {what}: {name_some(found)}")
    return problems


def _parsed(text: pa.Array, decimal_comma: bool) -> np.ndarray:  # noqa: FBT001 - private, one caller
    text = pc.utf8_trim_whitespace(text)
    if decimal_comma and not pc.any(pc.match_substring(text, ".")).as_py():
        text = pc.replace_substring(text, ",", ".")
    try:
        numbers = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        numbers = pc.cast(pc.if_else(pc.match_substring_regex(text, NUMBER), text, None), pa.float64())
    values: np.ndarray = numbers.to_numpy(zero_copy_only=False)
    return values
