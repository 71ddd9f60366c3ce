"""Where a classifier fails: recall by class and group, tested against the other groups.

Every class is compared between each group and the others and, for an ordered feature, between each lower and upper
part of the order. P-values are exact (hypergeometric) and corrected over all comparisons together (Benjamini &
Hochberg 1995). Where images share units, the p-value is at least that of a normal test whose variance includes the
correlation within units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, ndtr

from dermbench.artifacts.report import THIN, ScreenCell, ScreenRow, Undefined, Worst
from dermbench.evaluation.intervals.proportions import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample

EXACT = 20_000
"""Images of a class up to which its p-values are exact; more get the normal approximation."""


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
            rho = _correlation(sample.hit[rows].astype(np.float64), sample.y_true[rows], units)
            design = 1 + rho * np.maximum(squares / np.maximum(n, 1) - 1, 0)
        return cls(k.reshape(shape), n.reshape(shape), design.reshape(shape))

    @cached_property
    def clustered(self) -> bool:
        """Whether any cell's variance is raised."""
        return bool((self.design > 1).any())

    def sides(self, groups: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
        """Return k, n and n over its design effect of some groups and of the others, each (n_classes,)."""
        inside = np.isin(np.arange(len(self.n)), groups)
        effective = self.n / self.design
        return tuple(a[side].sum(axis=0) for side in (inside, ~inside) for a in (self.k, self.n, effective))


def _correlation(hit: NDArray[np.float64], y_true: NDArray[np.intp], units: NDArray[np.intp]) -> float:
    """Return the correlation of being recognised between images of one unit, class means taken out, 0 to 1."""
    mean = np.bincount(y_true, weights=hit) / np.maximum(np.bincount(y_true), 1)
    residual = hit - mean[y_true]
    n = np.bincount(units).astype(np.float64)
    total, squares = np.bincount(units, weights=residual), np.bincount(units, weights=residual**2)
    several = n > 1
    below = squares[several].sum()
    shared = ((total**2 - squares)[several] / (n[several] - 1)).sum()
    return float(np.clip(shared / below, 0.0, 1.0)) if below > 0 else 0.0


def screen(sample: Sample, grouping: Grouping) -> dict[str, ScreenRow] | Undefined:
    """Return recall by class and group, and where each class is recognised least.

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
    """Return the groups that are compared with the others: each one, then the upper parts of an order."""
    single: list[tuple[int, ...]] = [(group,) for group in range(size)]
    if size == 2:
        return single[:1]
    upper = [tuple(range(start, size)) for start in range(1, size)] if ordered else []
    return single + [groups for groups in upper if 1 < len(groups) < size - 1]


def _p_values(recall: _Recall, groups: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the two-sided p-value of each class, NaN where nothing can be compared."""
    k, n, effective, rest_k, rest_n, rest_effective = recall.sides(groups)
    found = np.full(len(k), np.nan)
    for label in np.flatnonzero((n > 0) & (rest_n > 0)):
        hits, total = k[label] + rest_k[label], n[label] + rest_n[label]
        if total <= EXACT:
            found[label] = hypergeometric_p(int(k[label]), int(n[label]), int(hits), int(total))
        if total > EXACT or recall.clustered:
            rate = hits / total
            variance = rate * (1 - rate) * (1 / effective[label] + 1 / rest_effective[label])
            away = abs(k[label] / n[label] - rest_k[label] / rest_n[label])
            normal = float(2 * ndtr(-away / np.sqrt(variance))) if variance > 0 else 1.0
            found[label] = np.fmax(found[label], normal)
    return found


def hypergeometric_p(k: int, n: int, hits: int, total: int) -> float:
    """Return the two-sided p-value of ``k`` hits among ``n`` of ``total`` images: twice the smaller tail."""
    if hits in (0, total):
        return 1.0
    support = np.arange(max(0, n + hits - total), min(n, hits) + 1)
    log = _log_choose(hits, support) + _log_choose(total - hits, n - support) - _log_choose(total, np.array(n))
    mass = np.exp(log)
    return float(min(1.0, 2 * min(mass[support <= k].sum(), mass[support >= k].sum())))


def _log_choose(n: int, k: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return adjusted p-values over all that are defined; NaN stays NaN."""
    flat = p_values.ravel()
    defined = np.flatnonzero(np.isfinite(flat))
    order = defined[np.argsort(flat[defined], kind="stable")]
    scaled = flat[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full(flat.shape, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return np.asarray(adjusted.reshape(p_values.shape))


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
    """Return the groups with the most evidence of a lower recall than the others have."""
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
