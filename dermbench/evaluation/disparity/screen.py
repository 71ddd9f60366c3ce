"""The screen: recall by class and group, tested against the other groups.

Every class is compared between each group and the others and, for an ordered feature, between the groups below and
above each cut. P-values are exact (hypergeometric) and corrected over all comparisons together (Benjamini &
Hochberg 1995). If images share units, the p-value is no smaller than that of a normal test whose variance includes
the correlation within units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr
from scipy.stats import false_discovery_control, hypergeom

from dermbench.artifacts.report import THIN, ScreenCell, ScreenRow, Undefined, Worst
from dermbench.evaluation.disparity.group_sums import unit_correlation
from dermbench.evaluation.intervals.proportions import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample

EXACT = 20_000
"""Most images of a class for exact p-values; larger classes get the normal approximation."""


@dataclass(frozen=True)
class _Recall:
    """Recognised and all images of each group and class, with the correlation of images of one unit.

    Attributes
    ----------
    k, n
        Recognised and all images, shape (n_groups, n_classes).
    design
        Factor by which correlation within units raises the variance of each cell, same shape.
    """

    k: NDArray[np.float64]
    n: NDArray[np.float64]
    design: NDArray[np.float64]

    @classmethod
    def of(cls, sample: Sample, grouping: Grouping) -> _Recall:
        rows = grouping.codes >= 0
        shape = (len(grouping.names), sample.n_classes)
        cell = grouping.codes[rows] * shape[1] + sample.y_true[rows]
        size = shape[0] * shape[1]
        n = np.bincount(cell, minlength=size).astype(np.float64)
        k = np.bincount(cell, weights=sample.hit[rows], minlength=size).astype(np.float64)
        design = np.ones(size)
        if sample.clustered:
            units = sample.units[rows]
            pair, count = np.unique(cell * sample.n_units + units, return_counts=True)
            squares = np.bincount(pair // sample.n_units, weights=count.astype(np.float64) ** 2, minlength=size)
            hit, y_true = sample.hit[rows].astype(np.float64), sample.y_true[rows]
            mean = np.bincount(y_true, weights=hit) / np.maximum(np.bincount(y_true), 1)
            rho = unit_correlation(units, hit - mean[y_true])
            design = 1 + rho * np.maximum(squares / np.maximum(n, 1) - 1, 0)
        return cls(k.reshape(shape), n.reshape(shape), design.reshape(shape))

    @cached_property
    def clustered(self) -> bool:
        """Whether any cell's variance is raised."""
        return bool((self.design > 1).any())

    def sides(self, groups: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
        """Return k, n, and n over its design effect, of some groups and then of the others, each (n_classes,)."""
        inside = np.isin(np.arange(len(self.n)), groups)
        effective = self.n / self.design
        return tuple(a[side].sum(axis=0) for side in (inside, ~inside) for a in (self.k, self.n, effective))


def screen(sample: Sample, grouping: Grouping) -> dict[str, ScreenRow] | Undefined:
    """Return recall by class and group, and the groups in which each class is recognised least.

    Parameters
    ----------
    sample, grouping
        The data in the view of all classes; images of unknown groups are left out.
    """
    known = grouping.known()
    if len(known.names) < 2:
        return Undefined(reason=f"fewer than two known groups of {grouping.feature}")
    recall = _Recall.of(sample, known)
    candidates = _candidates(len(known.names), ordered=known.ordered)
    tested = np.array([_p_values(recall, groups) for groups in candidates])
    q = benjamini_hochberg(tested)
    return {
        name: _row(recall, known.names, label, candidates, q[:, label])
        for label, name in enumerate(sample.classes)
    }


def _candidates(size: int, *, ordered: bool) -> list[tuple[int, ...]]:
    """Return the sets of groups to compare with the others: single groups, then upper parts of an order."""
    single: list[tuple[int, ...]] = [(group,) for group in range(size)]
    if size == 2:
        return single[:1]
    upper = [tuple(range(start, size)) for start in range(1, size)] if ordered else []
    return single + [groups for groups in upper if 1 < len(groups) < size - 1]


def _p_values(recall: _Recall, groups: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the two-sided p-value of each class, NaN if one side has no image of it."""
    found: NDArray[np.float64] = np.full(recall.n.shape[1], np.nan)
    sides = recall.sides(groups)
    there = (sides[1] > 0) & (sides[4] > 0)
    k, n, effective, rest_k, rest_n, rest_effective = (side[there] for side in sides)
    hits, total = k + rest_k, n + rest_n
    rate, away = hits / total, np.abs(k / n - rest_k / rest_n)
    variance = rate * (1 - rate) * (1 / effective + 1 / rest_effective)
    statistic = np.divide(away, np.sqrt(variance), out=np.zeros_like(away), where=variance > 0)
    normal, few = 2 * ndtr(-statistic), total <= EXACT
    exact = hypergeometric_p(*(side[few].astype(np.int64) for side in (k, n, hits, total)))
    made = normal.copy()
    made[few] = np.maximum(exact, normal[few]) if recall.clustered else exact
    found[there] = made
    return found


def hypergeometric_p(
    k: NDArray[np.int64], n: NDArray[np.int64], hits: NDArray[np.int64], total: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the two-sided p-value of ``k`` hits among ``n`` of ``total`` images: twice the smaller tail."""
    law = hypergeom(total, hits, n)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(law.cdf(k), law.sf(k - 1))))


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Benjamini-Hochberg adjusted p-values; NaN stays NaN and does not count."""
    adjusted, defined = p_values.copy(), np.isfinite(p_values)
    if defined.any():
        adjusted[defined] = false_discovery_control(p_values[defined])
    return adjusted


def _row(
    recall: _Recall, names: tuple[str, ...], label: int, candidates: list[tuple[int, ...]], q: NDArray[np.float64]
) -> ScreenRow:
    own = q[: len(names)] if len(names) > 2 else q[[0, 0]]
    cells = {name: _cell(recall, group, label, own[group]) for group, name in enumerate(names)}
    return ScreenRow(cells=cells, worst=_worst(recall, names, label, candidates, q))


def _cell(recall: _Recall, group: int, label: int, q: float) -> ScreenCell:
    k, n = recall.k[group, label], recall.n[group, label]
    low, high = wilson(k / n, n / recall.design[group, label]) if n else (None, None)
    return ScreenCell(k=int(k), n=int(n), low=low, high=high, q=None if np.isnan(q) else float(q), thin=n < THIN)


def _worst(
    recall: _Recall, names: tuple[str, ...], label: int, candidates: list[tuple[int, ...]], q: NDArray[np.float64]
) -> Worst | None:
    """Return the groups with the strongest evidence of a lower recall; None if no recall is lower."""
    if np.isnan(q).all():
        return None
    groups = candidates[int(np.nanargmin(q))]
    k, n, _, rest_k, rest_n, _ = (side[label] for side in recall.sides(groups))
    if k / n > rest_k / rest_n:
        groups = tuple(g for g in range(len(names)) if g not in groups)
        k, n, rest_k, rest_n = rest_k, rest_n, k, n
    if k / n == rest_k / rest_n:
        return None
    return Worst(
        groups=tuple(names[g] for g in groups if recall.n[g, label]),
        k=int(k),
        n=int(n),
        rest_k=int(rest_k),
        rest_n=int(rest_n),
        q=float(np.nanmin(q)),
    )
