"""Named groups from one column of a truth table: scales, bands, numbers and categories."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.column_types import NUMBER
from dermbench.artifacts.columns import is_monk, is_skin_type
from dermbench.artifacts.labels import spellings
from dermbench.artifacts.skin import BANDS, FST_NAMES, ITA_SIX, band_name, fst_name, is_unknown
from dermbench.artifacts.text_form import to_text
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.scales import Scales
    from dermbench.artifacts.truth import Truth

MAX_GROUPS = 100
"""Most groups of a feature; a column with more values is an id or a measurement."""
MAX_FRACTIONS = 20
"""Most groups of a column of numbers with decimals."""
AGE_BINS = (40.0, 60.0)
"""Default lower ends of the second and third band of ``age``, in years."""


def named_groups(truth: Truth, name: str) -> pd.Series:
    """Return a column as a categorical series, missing where the value is unknown."""
    derived = name == "fst_band" and name not in truth.table
    column = band_name(truth.table["fst"]) if derived else truth.table[name]
    places, distinct = pd.factorize(column)
    named = _named(name, pd.Series(distinct), truth.scales)
    codes = np.append(named.cat.codes.to_numpy(), -1)[places]  # place -1 marks a missing cell
    found = pd.Categorical.from_codes(codes, categories=named.cat.categories, ordered=named.cat.ordered)
    return pd.Series(found, index=column.index)


def _named(name: str, values: pd.Series, scales: Scales) -> pd.Series:
    """Return the group of each distinct value of a column as an ordered or unordered category."""
    if name == "fst_band":
        return _category(values, BANDS)
    if is_skin_type(name):
        return _category(fst_name(values), FST_NAMES)
    text = to_text(values).str.strip().mask(is_unknown(values))
    numbers = _numbers(values, text)
    if name in scales.ordered:
        return _ordered(name, text, numbers, scales.ordered[name])
    bins = scales.bins.get(name, ())
    if numbers is None:
        if bins:
            raise UsageError(f"--bins {name}: {name!r} holds values that are not numbers: {_no_numbers(text)}")
        return _categories(name, text)
    if bins or name == "age":
        return _banded(numbers, bins or AGE_BINS, years=name == "age")
    return _skin_angles(numbers) if name == "ita" else _number_names(name, numbers, ordered=is_monk(name))


def _skin_angles(numbers: pd.Series) -> pd.Series:
    ends, bands = ITA_SIX
    place = np.searchsorted(ends, np.nan_to_num(numbers.to_numpy(np.float64, na_value=np.nan)), side="left")
    names = pd.Series(np.asarray(bands, dtype=object)[place], index=numbers.index)
    return _category(names.where(numbers.notna()), bands)


def _numbers(column: pd.Series, text: pd.Series) -> pd.Series | None:
    """Return a column as numbers; None if a value is not a number, or all are unknown."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("Float64").mask(text.isna())
    known = text.dropna()
    if known.empty or not known.str.fullmatch(NUMBER).all():
        return None
    return pd.to_numeric(text.astype(object), errors="coerce").astype("Float64")


def _categories(name: str, text: pd.Series) -> pd.Series:
    known = text.str.lower()
    if known.dropna().isin(["true", "false"]).all():
        text = known.str.capitalize()  # True and TRUE are the same value
    doubled = [known for known in spellings(text.dropna().unique()) if len(known) > 1]
    if doubled:
        raise UsageError(
            f"sensitive feature {name!r} has groups that differ only in spelling: {name_some(doubled[0])}",
            remedy=f"Spell them alike in column {name!r} of the truth.",
        )
    values = text.astype(object)
    return values.astype(pd.CategoricalDtype(sorted(values.dropna().unique())))


def _number_names(name: str, numbers: pd.Series, *, ordered: bool) -> pd.Series:
    distinct = sorted(numbers.dropna().unique())
    whole = all(float(value).is_integer() for value in distinct)
    if len(distinct) > (MAX_GROUPS if whole else MAX_FRACTIONS):
        raise UsageError(
            f"sensitive feature {name!r} has {len(distinct):,} different numbers",
            remedy=f"Put them into bands: --bins {name}={float(f'{distinct[len(distinct) // 2]:.1g}'):g}",
        )
    names = {value: _number_name(float(value)) for value in distinct}
    text = numbers.astype(object).map(names, na_action="ignore")
    return text.astype(pd.CategoricalDtype(list(names.values()), ordered=ordered))


def _number_name(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _ordered(name: str, text: pd.Series, numbers: pd.Series | None, levels: Sequence[str]) -> pd.Series:
    """Return an ordered category: numbers by size, text in the order that the user gave."""
    if not levels:
        if numbers is None:
            raise UsageError(
                f"--ordered {name}: the order of its values is unknown: {_no_numbers(text)}",
                remedy=f"Give the values from low to high: --ordered {name}=A,B,C",
            )
        return _number_names(name, numbers, ordered=True)
    values = text if numbers is None else _number_names(name, numbers, ordered=True).astype("string")
    strange = values[values.notna() & ~values.isin(list(levels))]
    if len(strange):
        raise UsageError(f"--ordered {name}: the list lacks the values {name_some(strange.unique())}")
    return _category(values, levels)


def _banded(numbers: pd.Series, ends: Sequence[float], *, years: bool) -> pd.Series:
    """Return the band of each number; a band includes its lower end."""
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[~np.isnan(values)]
    whole = all(float(e).is_integer() for e in ends) and (years or bool((known == np.round(known)).all()))
    between = [
        (f"{_number_name(a)}-{_number_name(b - 1)}" if b - a > 1 else _number_name(a))
        if whole
        else f"{_number_name(a)} to <{_number_name(b)}"
        for a, b in pairwise(ends)
    ]
    names = (f"<{_number_name(ends[0])}", *between, f"{_number_name(ends[-1])}+")
    place = np.searchsorted(ends, np.nan_to_num(values), side="right")
    text = pd.Series(np.asarray(names, dtype=object)[place], index=numbers.index)
    return _category(text.where(~np.isnan(values)), names)


def _no_numbers(text: pd.Series) -> str:
    known = text.dropna()
    return name_some(known[~known.str.fullmatch(NUMBER)].unique()) or "no value"


def _category(text: pd.Series, names: Sequence[str]) -> pd.Series:
    """Return an ordered category; values other than ``names`` become missing."""
    values = text.astype(object).where(text.isin(names).to_numpy(dtype=bool))
    return values.astype(pd.CategoricalDtype(list(names), ordered=True))
