"""Difference between two sides by marginal standardisation (g-computation).

A logistic regression predicts whether an image is right from its side, class and covariates. The difference is the
mean prediction with all images set to the first side, minus the mean with all set to the second. The variance is
the bias-reduced sandwich of a GEE with independence as working correlation and units as clusters. It also includes
the sampling of the images, so the limits hold for the population that the images are drawn from. Quantiles are
Student's; the degrees of freedom are the units of the side with fewer units, minus one.

References
----------
Liang, Zeger (1986), Biometrika 73, 13-22; Mancl, DeRouen (2001), Biometrics 57, 126-134; Muller, MacLehose (2014),
International Journal of Epidemiology 43, 962-970. Why independence: Pepe, Anderson (1994), Communications in
Statistics 23, 939-951.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import t as student

from dermbench.evaluation.adjustment.design import dummies
from dermbench.evaluation.adjustment.sandwich import unit_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

UNITS_PER_PARAMETER = 10
"""Fewest units per parameter of the regression."""
EVENTS_PER_PARAMETER = 3
"""Fewest images of the rarer outcome per parameter."""
EVENTS = 5
"""Fewest right images, and fewest wrong images, of a side."""
FARTHEST = 15.0
"""Largest fitted log odds; beyond it, the outcomes count as separated."""
DEPENDENT = 1e-8


@dataclass(frozen=True)
class Difference:
    """A standardised difference.

    Attributes
    ----------
    value, low, high
        First side minus second, and its limits, from -1 to 1.
    n
        Number of images.
    """

    value: float
    low: float
    high: float
    n: int


def difference(
    right: NDArray[np.float64],
    side: NDArray[np.bool_],
    unit: NDArray[np.intp],
    categories: Sequence[NDArray[np.intp]],
    numbers: NDArray[np.float64],
    *,
    level: float,
) -> Difference | str:
    """Return the difference between two sides with categories and numbers held fixed, or why there is none.

    If all images of a level are right, or all are wrong, their fitted probability is the same on both sides. They
    add a difference of 0, and the regression is fitted to the other images.

    Parameters
    ----------
    right
        1 or 0 for each image, shape (n_samples,).
    side
        Whether an image is on the first side.
    unit
        Unit of each image.
    categories
        Code of each image in each category.
    numbers
        Further columns, shape (n_samples, n_columns).
    level
        Error rate of the limits, two-sided.
    """
    live = _with_both_outcomes(right, categories)
    for which, name in ((side, "first"), (~side, "second")):
        hits, misses = int(right[live & which].sum()), int((1 - right[live & which]).sum())
        if min(hits, misses) < EVENTS:
            return f"too few images: the {name} side has {hits:,} right and {misses:,} wrong, needed are {EVENTS}"
    nuisance = np.column_stack([np.ones(int(live.sum())), *(dummies(c[live]) for c in categories), numbers[live]])
    design = _independent(np.column_stack([nuisance, side[live].astype(np.float64)]))
    if design is None:
        return "what is held fixed tells the sides apart"
    own = np.unique(unit[live], return_inverse=True)[1].astype(np.intp)
    n_units, size = int(own.max()) + 1, design.shape[1]
    rarer = int(min(right[live].sum(), (1 - right[live]).sum()))
    if n_units < UNITS_PER_PARAMETER * size or rarer < EVENTS_PER_PARAMETER * size:
        return (
            f"too thin: {size} parameters for {n_units:,} units and {rarer:,} images of the rarer outcome; "
            f"needed are {UNITS_PER_PARAMETER} and {EVENTS_PER_PARAMETER} for each"
        )
    fitted = _fit(right[live], design)
    if fitted is None:
        return "separation: what is held fixed tells right from wrong images"
    return _standardised(right, live, design, fitted, unit, level)


def _with_both_outcomes(right: NDArray[np.float64], categories: Sequence[NDArray[np.intp]]) -> NDArray[np.bool_]:
    """Mark the images whose levels all hold right and wrong images, dropping others until nothing changes."""
    live = np.ones(len(right), dtype=bool)
    while True:
        before = int(live.sum())
        for codes in categories:
            n = np.bincount(codes[live], minlength=int(codes.max(initial=0)) + 1)
            hits = np.bincount(codes[live], weights=right[live], minlength=len(n))
            live &= ((hits > 0) & (hits < n))[codes]
        if int(live.sum()) == before:
            return live


def _independent(design: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the linearly independent columns; None if the last one (the side) depends on the others."""
    triangle = np.abs(np.diag(np.linalg.qr(design, mode="r")))
    kept = triangle > DEPENDENT * np.sqrt((design**2).sum(axis=0)).clip(min=1e-300)
    return design[:, kept] if kept[-1] else None


def _fit(right: NDArray[np.float64], design: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the coefficients; None if the outcomes are separated."""
    # imported here: it takes half a second, and only --adjust needs it
    from statsmodels.genmod.families import Binomial  # noqa: PLC0415
    from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = GLM(right, design, family=Binomial()).fit(maxiter=50)
    found = np.asarray(made.params, dtype=np.float64)
    apart = not (made.converged and np.isfinite(found).all()) or np.abs(design @ found).max() > FARTHEST
    return None if apart else found


def _standardised(
    right: NDArray[np.float64],
    live: NDArray[np.bool_],
    design: NDArray[np.float64],
    fitted: NDArray[np.float64],
    unit: NDArray[np.intp],
    level: float,
) -> Difference:
    n = len(right)
    p = expit(design @ fitted)
    inverse = np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design))
    every, units = np.unique(unit, return_inverse=True)
    own, within = np.unique(units[live], return_inverse=True)
    scores = unit_scores(design, right[live] - p, p * (1 - p), inverse, within.astype(np.intp))
    first, second = design.copy(), design.copy()
    first[:, -1], second[:, -1] = 1.0, 0.0
    as_first, as_second = expit(first @ fitted), expit(second @ fitted)
    apart = np.zeros(n)
    apart[live] = as_first - as_second
    value = float(apart.mean())
    slope = (as_first * (1 - as_first)) @ first - (as_second * (1 - as_second)) @ second
    influence = np.bincount(units, weights=apart - value, minlength=len(every)) / n
    influence[own] += scores @ inverse @ slope / n
    spread = float(np.sqrt(np.sum(influence**2)))
    fewest = min(len(np.unique(within[design[:, -1] == which])) for which in (0.0, 1.0))
    half = float(student.ppf(1 - level / 2, max(1, fewest - 1))) * spread
    return Difference(value, max(-1.0, value - half), min(1.0, value + half), n)
