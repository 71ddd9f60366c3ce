"""The two declared tests of a disparity, and what they could have found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA = 0.05
POWER = 0.8
"""Power at which a difference counts as detectable."""
TOLERANCE = 1e-9
"""Statistics closer than this (relative) count as equal: permutations repeat values up to rounding."""
SHIFTED = 2_000
"""Permutations used to find the detectable difference."""
BLOCK = 2**14
"""Permutations at once."""
FEWEST = 100
"""Fewest permutations from which it is found."""


@dataclass(frozen=True)
class Null:
    """Permutation distribution of the values of all groups.

    Attributes
    ----------
    observed
        Value of each group, shape (n_groups,).
    permuted
        The same under permutation, NaN where undefined, shape (n_permutations, n_groups).
    scores
        Position of each group on the ordered scale, shape (n_groups,); None for an unordered feature.
    """

    observed: NDArray[np.float64]
    permuted: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None

    @cached_property
    def all_values(self) -> NDArray[np.float64]:
        """The data first, then the permutations, without undefined ones."""
        defined = np.isfinite(self.permuted).all(axis=1)
        together = np.empty((len(self.observed), 1 + np.count_nonzero(defined)))  # groups apart in memory
        together[:, 0] = self.observed
        np.compress(defined, self.permuted.T, axis=1, out=together[:, 1:])
        return together.T

    @cached_property
    def scale(self) -> Scale:
        """Means and spreads over the data and the permutations."""
        return Scale.of(self.all_values)

    @cached_property
    def studentised(self) -> NDArray[np.float64]:
        """Studentised ranges of the data, first, and of the permutations."""
        return self.scale.studentised_range(self.all_values)

    @cached_property
    def n_undefined(self) -> int:
        """Permutations in which a group's value is undefined; they count as at least as extreme."""
        return len(self.permuted) + 1 - len(self.all_values)

    def p_value(self, statistics: NDArray[np.float64]) -> float:
        """Return (b+1)/(B+1), for statistics of the data (first) and the permutations; large is extreme."""
        slack = TOLERANCE * (abs(statistics[0]) + 1e-3)
        b = int((statistics[1:] >= statistics[0] - slack).sum()) + self.n_undefined
        return (b + 1) / (len(self.permuted) + 1)


def ranges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return max - min over groups (the last axis)."""
    return np.asarray(values.max(axis=-1) - values.min(axis=-1))


@dataclass(frozen=True)
class Scale:
    """Mean and spread of pairwise differences and group values under permutation: what statistics divide by."""

    centre: NDArray[np.float64]
    pair_sd: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Scale:
        """Measure ``values`` of shape (n, n_groups)."""
        centre = values.mean(axis=0)
        cov = _covariance(values, centre)
        rounding = (TOLERANCE * np.abs(centre).max(initial=0.0)) ** 2
        variance = _above(np.diag(cov), rounding)
        pair_sd = np.sqrt(_above(variance[:, None] + variance[None, :] - 2 * cov, rounding))
        floor = variance.max(initial=0.0) * 1e-12
        weight = np.where(variance > floor, 1 / np.maximum(variance, floor or 1.0), 0.0)
        return cls(centre, pair_sd, weight)

    def studentised_range(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the largest |difference - its mean| / its SD over pairs, for each row of ``values``."""
        best = np.zeros(len(values))
        for start in range(0, len(values), BLOCK):
            centred, part = values[start : start + BLOCK] - self.centre, best[start : start + BLOCK]
            for i, j in zip(*np.triu_indices(values.shape[1], 1), strict=True):
                if self.pair_sd[i, j] > 0:
                    np.maximum(part, np.abs(centred[:, i] - centred[:, j]) / self.pair_sd[i, j], out=part)
        return best

    def trend(self, values: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return |slope| of group values on their scores, weighted by precision, up to a constant factor."""
        weights = self.trend_weights(scores)
        starts = range(0, len(values), BLOCK)
        return np.asarray(
            np.abs(np.concatenate([(values[s : s + BLOCK] - self.centre) @ weights for s in starts]))
        )

    def trend_weights(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each group's deviation counts in the slope, shape (n_groups,)."""
        total = self.weight.sum()
        if not total > 0:
            return np.zeros(len(scores))
        return np.asarray(self.weight * (scores - np.sum(self.weight * scores) / total))

    def at(self, groups: NDArray[np.bool_]) -> Scale:
        """Return the scale of some of the groups."""
        return Scale(self.centre[groups], self.pair_sd[np.ix_(groups, groups)], self.weight[groups])


def _above(variance: NDArray[np.float64], rounding: float) -> NDArray[np.float64]:
    """Return variances, 0 where they are what rounding leaves of none."""
    return np.asarray(np.where(variance > rounding, variance, 0.0))


def _covariance(values: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of the columns, in blocks of rows, so that no copy of all is made."""
    total = np.zeros((len(centre), len(centre)))
    for start in range(0, len(values), BLOCK):
        away = values[start : start + BLOCK] - centre
        total += away.T @ away
    return np.asarray(total / (len(values) - 1) if len(values) > 1 else np.full_like(total, np.nan))


@dataclass(frozen=True)
class Tests:
    """P values of the declared tests.

    Attributes
    ----------
    omnibus
        Studentised range.
    trend
        Cochran-Armitage type trend; None for unordered features and two groups.
    adjusted
        The smaller one after Holm: below .05 is evidence.
    """

    omnibus: float
    trend: float | None
    adjusted: float


def declared_tests(null: Null) -> Tests:
    """Run the omnibus test and, for ordered features with at least 3 groups, the trend test; Holm over both."""
    omnibus = null.p_value(null.studentised)
    if null.scores is None or len(null.observed) < 3:
        return Tests(omnibus, None, omnibus)
    trend = null.p_value(null.scale.trend(null.all_values, null.scores))
    return Tests(omnibus, trend, min(1.0, 2 * min(omnibus, trend), max(omnibus, trend)))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Holm's adjusted p values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return adjusted


def pair_p_value(null: Null, first: int, second: int) -> float:
    """Return the p value that two groups differ, adjusted for all pairs of groups (max T)."""
    scale = null.scale
    if not scale.pair_sd[first, second] > 0:
        return 1.0
    centred = null.observed - scale.centre
    statistics = null.studentised.copy()
    statistics[0] = abs(centred[first] - centred[second]) / scale.pair_sd[first, second]
    return null.p_value(statistics)


def minimum_detectable(null: Null) -> float | None:
    """Return the smallest difference that the declared tests find with 80 % power at these group sizes.

    One group, the one whose value is least certain, lies that far from all others, which are equal. Permuted
    values with that group shifted stand for such data.

    Returns
    -------
    float or None
        None where no difference is detectable: a group's value does not vary under permutation.
    """
    values = null.all_values[1:]
    if len(values) < FEWEST:
        return None
    scale = Scale.of(values)
    if not (scale.pair_sd[np.triu_indices(len(scale.centre), 1)] > 0).all():
        return None
    find = _Detector.of(null, values, scale)
    low, high = 0.0, float(scale.pair_sd.max())
    while find.power(high) < POWER:
        low, high = high, high * 2
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if find.power(middle) >= POWER else (middle, high)
    return high


@dataclass(frozen=True)
class _Detector:
    """Values of the groups under permutation, of which the least certain is shifted.

    Attributes
    ----------
    others
        Studentised range of all other groups, shape (n,).
    apart
        Studentised difference of the shifted group from each other one, shape (n, n_groups - 1).
    pair_sd
        What these are divided by, shape (n_groups - 1,).
    slope, pull
        Trend statistic before it loses its sign, shape (n,), and what a unit of shift takes from it.
    omnibus, trend
        Critical values of the declared tests at .05 and .025.
    """

    others: NDArray[np.float64]
    apart: NDArray[np.float64]
    pair_sd: NDArray[np.float64]
    slope: NDArray[np.float64]
    pull: float
    omnibus: NDArray[np.float64]
    trend: NDArray[np.float64] | None

    @classmethod
    def of(cls, null: Null, values: NDArray[np.float64], scale: Scale) -> _Detector:
        levels = [1 - ALPHA, 1 - ALPHA / 2]
        omnibus = np.quantile(scale.studentised_range(values), levels)
        group = int(np.argmax([column.var() for column in values.T]))
        rest = np.arange(values.shape[1]) != group
        some = values[:SHIFTED]
        pair_sd, centred = scale.pair_sd[group, rest], some - scale.centre
        apart = (centred[:, [group]] - centred[:, rest]) / pair_sd
        others = scale.at(rest).studentised_range(some[:, rest])
        if null.scores is None or len(null.observed) < 3:
            return cls(others, apart, pair_sd, np.zeros(len(some)), 0.0, omnibus, None)
        weights = scale.trend_weights(null.scores)
        trend = np.quantile(scale.trend(values, null.scores), levels)
        return cls(others, apart, pair_sd, centred @ weights, float(weights[group]), omnibus, trend)

    def power(self, shift: float) -> float:
        """Return the share of the permutations for which a test rejects after Holm."""
        first = np.maximum(self.others, np.abs(self.apart - shift / self.pair_sd).max(axis=1))
        if self.trend is None:
            return float(np.mean(first > self.omnibus[0]))
        second = np.abs(self.slope - shift * self.pull)
        either = (first > self.omnibus[1]) | (second > self.trend[1])
        return float(np.mean(either | ((first > self.omnibus[0]) & (second > self.trend[0]))))
