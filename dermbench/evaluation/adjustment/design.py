"""Covariates of an adjusted comparison: their coding, and whether the two sides overlap in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from dermbench.artifacts.skin import UNKNOWN, is_unknown
from dermbench.artifacts.text_form import to_text
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Codes = NDArray[np.intp]

RARE = 10
"""Levels of a category with fewer images than this are pooled into one."""
MOST_POOLED = 0.25
"""Largest share of images in pooled levels of a category; above it, the category is not held fixed."""
CODES = 10
"""A column of whole numbers with at most this many distinct values holds codes of categories."""
MANY = 50
OTHER = "rare"
KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles at which the spline of a number has its knots."""


@dataclass(frozen=True)
class Covariate:
    """A column that is held fixed: text or numbers.

    Attributes
    ----------
    name
        The column.
    text
        Level of each image, ``unknown`` if missing, shape (n_samples,); None for a column of numbers.
    number
        Value of each image, NaN if missing, shape (n_samples,); None for a column of text.
    """

    name: str
    text: NDArray[np.object_] | None = None
    number: NDArray[np.float64] | None = None

    def take(self, rows: NDArray[np.bool_]) -> Covariate:
        """Return the values of some images."""
        text = None if self.text is None else self.text[rows]
        return Covariate(self.name, text, None if self.number is None else self.number[rows])


def as_covariate(column: pd.Series) -> Covariate:
    """Return a column of the truth as numbers if it holds numbers, else as text.

    Whole numbers with at most :data:`CODES` distinct values count as text: they are codes of categories.

    Raises
    ------
    UsageError
        For whole numbers that differ for every image: they are ids.
    """
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        known = values[np.isfinite(values)]
        n_values, whole = len(np.unique(known)), bool((known == np.round(known)).all())
        if whole and n_values == len(known) > MANY:
            raise UsageError(f"--adjust: {column.name} has a different whole number for each image, like an id")
        if not (whole and n_values <= CODES):
            return Covariate(str(column.name), number=values)
    text = to_text(column).str.strip()
    known = text.mask(is_unknown(text)).fillna(UNKNOWN)
    return Covariate(str(column.name), known.to_numpy(dtype=object))


def pooled(values: NDArray[np.object_] | Codes) -> tuple[Codes, list[str], int]:
    """Pool the levels of a category that have fewer than :data:`RARE` images.

    Returns
    -------
    tuple
        Code of each image, names of the levels, and number of images in pooled levels. A pool with fewer than
        :data:`RARE` images joins the largest level.
    """
    names, codes = np.unique(values.astype(str), return_inverse=True)
    sizes = np.bincount(codes, minlength=len(names))
    rare = sizes < RARE
    n_rare, kept = int(sizes[rare].sum()), np.flatnonzero(~rare)
    place = np.full(len(names), len(kept), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    labels = [str(names[level]) for level in kept]
    if n_rare >= RARE or not len(kept):
        labels.append(OTHER)
    elif n_rare:
        place[rare] = int(np.argmax(sizes[kept]))
    return place[codes], labels, n_rare


def no_overlap(covariate: Covariate, side: NDArray[np.bool_]) -> str | None:
    """Say why two sides do not overlap in a covariate; None if they do.

    Every level with :data:`RARE` images or more must occur on both sides; ranges of numbers must overlap.
    """
    if covariate.number is not None:
        return _no_common_range(covariate.name, covariate.number, side)
    assert covariate.text is not None
    codes, names, n_rare = pooled(covariate.text)
    if n_rare > MOST_POOLED * len(side):
        return f"{n_rare:,} of {len(side):,} images have a value of {covariate.name} with fewer than {RARE} images"
    sizes = [np.bincount(codes[which], minlength=len(names)) for which in (side, ~side)]
    absent = [name for name, a, b in zip(names, *sizes, strict=True) if not (a and b)]
    return f"{covariate.name} {name_some(absent)} occurs on one side only" if absent else None


def _no_common_range(name: str, values: NDArray[np.float64], side: NDArray[np.bool_]) -> str | None:
    known = np.isfinite(values)
    first, second = values[known & side], values[known & ~side]
    if not (len(first) and len(second)):
        return f"{name} is unknown on one side"
    apart = first.min() > second.max() or second.min() > first.max()
    return f"{name} has no value that both sides reach" if apart else None


def dummies(codes: Codes) -> NDArray[np.float64]:
    """Return indicators of all levels except the largest, shape (n_samples, n_levels - 1)."""
    sizes = np.bincount(codes)
    kept = np.setdiff1d(np.flatnonzero(sizes), [int(np.argmax(sizes))])
    return np.asarray(codes[:, None] == kept[None, :], dtype=np.float64)


def numbers(columns: Sequence[NDArray[np.float64]], n_samples: int) -> NDArray[np.float64]:
    """Return the design columns of numeric covariates, shape (n_samples, n_columns): :func:`spline` of each.

    Missing numbers are set to the mean. If :data:`RARE` or more are missing, a further column marks them.
    """
    made = [np.empty((n_samples, 0))]
    for values in columns:
        known = np.isfinite(values)
        spread = float(values[known].std()) if known.any() else 0.0
        if spread > 0:
            standard = np.where(known, (values - values[known].mean()) / spread, 0.0)
            made.append(spline(standard, np.quantile(standard[known], KNOTS)))
        if (~known).sum() >= RARE:
            made.append((~known).astype(np.float64)[:, None])
    return np.column_stack(made)


def spline(values: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a natural cubic spline: cubic between the knots, linear beyond them.

    Four knots give three columns; the first is ``values``. If two knots coincide, because there are few distinct
    values, ``values`` is the only column.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """
    if (np.diff(knots) <= 0).any():
        return values[:, None]

    def bent(knot: float) -> NDArray[np.float64]:
        cubes = [np.maximum(values - place, 0) ** 3 for place in (knot, knots[-2], knots[-1])]
        width = knots[-1] - knots[-2]
        found = cubes[0] - cubes[1] * (knots[-1] - knot) / width + cubes[2] * (knots[-2] - knot) / width
        return np.asarray(found / (knots[-1] - knots[0]) ** 2)

    return np.column_stack([values, *(bent(knot) for knot in knots[:-2])])
