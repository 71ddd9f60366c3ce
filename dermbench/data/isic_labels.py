"""Choose rows and labels of a collection of the ISIC archive by the user's options."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.data.reading import at_least_one
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAF = "leaf"
USUAL = "diagnosis_1"
LEVEL = re.compile(r"diagnosis_\d")


@dataclass(frozen=True)
class Choice:
    """Rows of a collection, with their labels.

    Attributes
    ----------
    rows, labels
        Chosen rows of the table, and their labels.
    is_usual_label
        Whether the label is ``diagnosis_1``.
    dropped
        Classes with too few images.
    left_out
        Number of other rows, by reason.
    variant
        Options that make this differ from all images labelled by ``diagnosis_1``.
    """

    rows: pd.DataFrame
    labels: pd.Series
    is_usual_label: bool
    dropped: tuple[str, ...]
    left_out: Mapping[str, int]
    variant: tuple[str, ...]


def choose_rows(raw: pd.DataFrame, options: Mapping[str, str]) -> Choice:
    """Read the options ``label``, ``image_type`` and ``min_images``, and apply them to a table.

    Raises
    ------
    UsageError
        When the table has no such level or kind of image, or ``min_images`` is no number.
    """
    label = options.get("label", USUAL)
    every = _labels(raw, label)
    wanted = _of_type(raw, options.get("image_type"))
    least = at_least_one(options, "min_images", 1)
    counts = every[wanted].value_counts()
    small = counts[counts < least]
    rare = wanted & every.isin(small.index)
    kept = wanted & every.notna() & ~rare
    left_out = {
        f"image_type other than {options.get('image_type')}": int((~wanted).sum()),
        f"no {'diagnosis' if label == LEAF else label}": int((wanted & every.isna()).sum()),
        f"class with fewer than {least:,} images": int(rare.sum()),
    }
    differs = {"label": label != USUAL, "image_type": bool((~wanted).any()), "min_images": bool(rare.any())}
    return Choice(
        rows=raw[kept],
        labels=every[kept],
        is_usual_label=label == USUAL,
        dropped=tuple(sorted(map(str, small.index))),
        left_out={reason: n for reason, n in left_out.items() if n},
        variant=tuple(f"{name}={options[name]}" for name, is_so in differs.items() if is_so),
    )


def _labels(raw: pd.DataFrame, label: str) -> pd.Series:
    levels = sorted(str(name) for name in raw if LEVEL.fullmatch(str(name)))
    if label == LEAF:
        return raw[levels].ffill(axis=1)[levels[-1]]
    if label not in levels:
        raise UsageError(f"--set label={label}: write {', '.join(levels)} or {LEAF}")
    return raw[label]


def _of_type(raw: pd.DataFrame, kind: str | None) -> pd.Series:
    """Return the rows of a kind of image: ``clinical`` stands for ``clinical: overview`` and the like."""
    if kind is None:
        return pd.Series(data=True, index=raw.index)
    found = raw["image_type"].str.lower()
    wanted = found.eq(kind.lower()) | found.str.split(":").str[0].eq(kind.lower())
    if not wanted.any():
        names = name_some(raw["image_type"].dropna().unique())
        raise UsageError(f"--set image_type={kind}: no such image; the table has {names}")
    return wanted.fillna(value=False).astype(bool)
