"""The text and the number that a cell of a table stands for, whatever file format it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dermbench.errors import name_some

MAX_ID = 512
"""Characters that an id may have."""
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
"""A number as programs write it, for :mod:`pyarrow.compute`; thousands separators are none."""
CONTROL = "[\x01-\x1f\x7f-\x9f\u2028\u2029]|\\x00"
"""Characters that no id holds."""
_WHOLE = r"^-?\d{1,15}\.0$"
_EXACT = 1e15
"""Below this, a whole number has one form in double precision."""


def to_text(column: pd.Series) -> pd.Series:
    """Return a column as the text that a CSV file holds, with missing values and empty cells as ``<NA>``.

    Whole numbers have one form: where all values of a column are ``7.0`` and the like, as numbers or as text, they
    read ``7``. So ids and labels are the same in CSV, parquet and data frames, also where a missing value made
    whole numbers floats. Blanks around a text stay.
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
    """Return a column as numbers in double precision, NaN where a cell holds no finite number.

    Truth values, ``1_000``, ``0x10`` and ``1,000.5`` are no numbers.

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
    """Say which ids are too long, or hold characters that cannot be shown.

    Parameters
    ----------
    ids
        As :func:`to_text` returns them.
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
