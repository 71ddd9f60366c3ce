"""Hold out a kind of image: train without one skin type, atlas or site, and test only on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.columns import is_skin_type
from dermbench.artifacts.skin import read_skin
from dermbench.artifacts.text_form import to_text
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = "write COLUMN:VALUE, for example fst:5-6, site:hand or atlas:dermaamin,other"
_RANGE = re.compile(r"([1-6IVX]+)\s*[-\u2013]\s*([1-6IVX]+)")


@dataclass(frozen=True)
class Holdout:
    """Split of a hold-out, and the number of images that it leaves out.

    Attributes
    ----------
    split
        ``test`` or ``train`` for each row that stays, shape (n_kept,), on the index of the table.
    left_out
        Number of images that are in neither, by reason.
    """

    split: pd.Series
    left_out: Mapping[str, int]


def hold_out(table: pd.DataFrame, rule: str) -> Holdout:
    """Split a release by the values of one column.

    Images with an unknown value are left out. So are training images that share a patient, lesion or group of
    copies with a test image.

    Parameters
    ----------
    table
        Whole table of a release.
    rule
        ``COLUMN:VALUE``; several values are separated by commas, skin types can be a range, ``fst:1-2``.

    Raises
    ------
    UsageError
        When the rule is not of that form, the column or a value does not occur, or nothing is left to train on.
    """
    column, _, text = (part.strip() for part in rule.partition(":"))
    values = [value.strip() for value in text.split(",") if value.strip()]
    if not column or not values:
        raise UsageError(f"--holdout {rule}: {FORM}")
    if column not in table:
        known = ", ".join(sorted(name for name in table.columns if name not in {"image_id", "path", "sha256"}))
        raise UsageError(f"--holdout {rule}: the release has no column {column}; it has {known}")
    present = to_text(table[column])
    wanted = _skin_types(rule, values) if is_skin_type(column) else values
    absent = sorted(set(wanted) - set(present.dropna()))
    if absent:
        raise UsageError(
            f"--holdout {rule}: no image has {column} {name_some(absent)}; "
            f"there are {name_some(sorted(present.dropna().unique()))}"
        )
    held = present.isin(wanted)
    units = pd.Series(connected_units(table, unit_columns(table)), index=table.index)
    related = units.isin(units[held]) & ~held
    unknown = present.isna() & ~related
    split = pd.Series("train", index=table.index, dtype="string").mask(held, "test")[~related & ~unknown]
    if not (split == "train").any():
        raise UsageError(f"--holdout {rule}: no image is left to train on")
    reasons = {
        f"unknown {column}, the column of the hold-out": int(unknown.sum()),
        "related to a held-out image (patient, lesion or copy)": int(related.sum()),
    }
    return Holdout(split, {why: n for why, n in reasons.items() if n})


def _skin_types(rule: str, values: list[str]) -> list[str]:
    """Return skin types as text, 1 to 6; ranges are written out."""
    wanted: list[str] = []
    for value in values:
        ends = _RANGE.fullmatch(value.upper())
        parts = read_skin(pd.Series(list(ends.groups()) if ends else [value], dtype="string")).fst
        if parts.isna().any() or (ends and parts.iloc[0] > parts.iloc[1]):
            raise UsageError(f"--holdout {rule}: {value!r} is no skin type or range of types, such as 5-6 or V-VI")
        wanted += [str(number) for number in range(int(parts.iloc[0]), int(parts.iloc[-1]) + 1)]
    return wanted
