"""Differences between groups within the true class: the adjustment behind every gap.

The score of an image (1 for a correct prediction, or a loss) is fitted by least squares on class intercepts and
group intercepts. The difference of two group intercepts is the difference between the groups with the class held
fixed; with two groups it is the Mantel-Haenszel difference. It is exactly 0 for a classifier that always gives the
same answer, however much the class mixes differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_OVERLAP = 0.5
"""Smallest overlap of the class mixes of two groups for an estimate of their difference."""
DETERMINED = 1e-6
"""Largest distance of a contrast from the space of estimable contrasts."""


@dataclass(frozen=True)
class Adjustment:
    """Least squares on class and group intercepts, for given numbers of images.

    Attributes
    ----------
    counts
        Images of each group and class that have a score, shape (n_groups, n_classes).
    """

    counts: NDArray[np.float64]

    @cached_property
    def n(self) -> NDArray[np.float64]:
        """Images of each group, shape (n_groups,)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Share of the images of each class that are in each group, shape (n_groups, n_classes)."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=0), 1))

    @cached_property
    def _normal(self) -> NDArray[np.float64]:
        """Normal matrix of the group intercepts after class intercepts are swept out, (n_groups, n_groups)."""
        return np.asarray(np.diag(self.n) - self._shares @ self.counts.T)

    @cached_property
    def solve(self) -> NDArray[np.float64]:
        """Matrix from the groups' sums of class residuals to group intercepts, shape (n_groups, n_groups)."""
        return np.asarray(np.linalg.pinv(self._normal, rcond=1e-9, hermitian=True))

    def effects(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return group intercepts from sums over each group of score minus class mean, shape (..., n_groups)."""
        return np.asarray(sums @ self.solve)

    def determined(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each contrast of group intercepts is estimable, shape (n_contrasts,)."""
        away = rows @ self.solve @ self._normal - rows
        return np.asarray(np.abs(away).max(axis=1, initial=0.0) < DETERMINED)

    def variance_weights(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each group's score variance in the variance of each contrast.

        Parameters
        ----------
        rows
            Contrasts of group intercepts, shape (n_contrasts, n_groups).

        Returns
        -------
        numpy.ndarray
            Shape (n_contrasts, n_groups): the sum over the group's images of their squared weights.
        """
        weights = rows @ self.solve
        found = np.empty(rows.shape)
        for group in range(len(self.n)):
            by_class = -weights @ self._shares + weights[:, [group]]
            found[:, group] = by_class**2 @ self.counts[group]
        return found

    def overlap(self, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
        """Return the overlap of the class mixes of two sets of groups.

        It is the sum over classes of n1 n2 / (n1 + n2), times 1/N1 + 1/N2: 1 for equal class mixes, 0 without a
        common class.
        """
        a, b = self.counts[first].sum(axis=0), self.counts[second].sum(axis=0)
        if not (a.any() and b.any()):
            return 0.0
        return float((a * b / np.maximum(a + b, 1)).sum() * (1 / a.sum() + 1 / b.sum()))


@dataclass(frozen=True)
class Contrasts:
    """The differences between groups of one feature that are tested together.

    Attributes
    ----------
    rows
        Weights of the groups, shape (n_contrasts, n_groups): first pairs of groups, then cuts of an ordered
        feature (all groups up to one against all above it).
    sides
        The groups with a positive and with a negative weight, for each contrast.
    n_pairs
        Number of pairs.
    overlap
        Smallest overlap of the pairs.
    not_comparable
        Pairs of groups that share too few classes for an estimate of their difference.
    """

    rows: NDArray[np.float64]
    sides: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    n_pairs: int
    overlap: float
    not_comparable: tuple[tuple[int, int], ...]


def contrasts(adjustment: Adjustment, *, ordered: bool) -> Contrasts:
    """Return all comparable pairs of groups and, for an ordered feature, every cut.

    Parameters
    ----------
    adjustment
        The fit. Groups without a scored image are in no contrast.
    ordered
        Whether the groups have an order. Groups on one side of a cut are weighted by their images.
    """
    size = len(adjustment.n)
    one = np.eye(size)
    pairs = list(combinations(range(size), 2))
    masks = one.astype(bool)
    overlaps = np.array([adjustment.overlap(masks[i], masks[j]) for i, j in pairs])
    rows = np.array([one[i] - one[j] for i, j in pairs]).reshape(-1, size)
    able = (overlaps >= LEAST_OVERLAP) & adjustment.determined(rows)
    kept = [pair for pair, yes in zip(pairs, able, strict=True) if yes]
    apart = tuple(pair for pair, yes in zip(pairs, able, strict=True) if not yes)
    family = [rows[able]]
    sides: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((i,), (j,)) for i, j in kept]
    for below in _cuts(size, kept) if ordered else ():
        above = _connected(size, kept) & ~below
        row = _weighted(adjustment.n, below, above)
        if adjustment.determined(row[None])[0] and adjustment.overlap(below, above) >= LEAST_OVERLAP:
            family.append(row[None])
            sides.append((tuple(np.flatnonzero(below).tolist()), tuple(np.flatnonzero(above).tolist())))
    least = float(overlaps.min()) if len(overlaps) else 0.0
    return Contrasts(np.concatenate(family), tuple(sides), len(kept), least, apart)


def _connected(size: int, pairs: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which groups are in some comparable pair."""
    found = np.zeros(size, dtype=bool)
    for pair in pairs:
        found[list(pair)] = True
    return found


def _cuts(size: int, pairs: list[tuple[int, int]]) -> list[NDArray[np.bool_]]:
    """Return the lower side of every cut; none for two groups, whose only cut is their pair."""
    groups = np.flatnonzero(_connected(size, pairs))
    if len(groups) < 3:
        return []
    return [np.isin(np.arange(size), groups[:k]) for k in range(1, len(groups))]


def _weighted(n: NDArray[np.float64], below: NDArray[np.bool_], above: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(below, n / n[below].sum(), np.where(above, -n / n[above].sum(), 0.0))
