"""Label-swap tests: differences between two models after random swaps of their predictions, unit by unit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Tally
    from dermbench.evaluation.paired.tallies import Tallies
    from dermbench.evaluation.resampling.plan import Plan

    Scores = Callable[[Tally], NDArray[np.float64]]
    Reduce = Callable[[NDArray[np.float64]], NDArray[np.float64]]
    Pair = tuple[NDArray[np.intp], NDArray[np.intp]]

TOLERANCE = 1e-9
"""Differences closer than this count as equal, so that the order of summation does not affect a test."""


@dataclass(frozen=True)
class Swapped:
    """Differences between pairs of models, observed and under swaps; arrays have shape (n_pairs, n_statistics).

    Attributes
    ----------
    observed
        Second model minus first; NaN if undefined.
    beyond
        Number of swaps with a difference as far from 0; undefined differences count.
    squares
        Mean of the squared differences under swaps.
    n_swaps
        Number of swaps.
    """

    observed: NDArray[np.float64]
    beyond: NDArray[np.float64]
    squares: NDArray[np.float64]
    n_swaps: int

    @property
    def p_value(self) -> NDArray[np.float64]:
        """Two-sided p value (b + 1) / (B + 1); NaN if the difference is undefined."""
        return np.where(np.isfinite(self.observed), (self.beyond + 1) / (self.n_swaps + 1), np.nan)


def swap(
    tallies: Tallies,
    pairs: Sequence[Pair],
    scores: Scores,
    plan: Plan,
    *,
    stream: str,
    reduce: Reduce = lambda values: values.reshape(len(values), -1),
) -> Swapped:
    """Swap predictions of units between models, the same units for all seeds and in all groups.

    Parameters
    ----------
    tallies
        Counts of all seeds of all models.
    pairs
        Seeds to swap for each pair of models; see :func:`seed_pairs`.
    scores
        Function from a tally of shape (size, n_groups, n_classes) to values of shape (size, ...), which are then
        averaged over seeds.
    plan, stream
        Number of swaps, and the random numbers.
    reduce
        Function from averaged values to the statistics to compare, shape (size, n_statistics).
    """
    base = tallies.answers.astype(np.float32)[..., None]

    def apart(pair: Pair, inside: NDArray[np.float32]) -> NDArray[np.float64]:
        found = []
        for i, j in zip(*pair, strict=True):
            moved = inside[j] - inside[i]
            found.append(scores(tallies.tally(np.concatenate([base[i] + moved, base[j] - moved], axis=-1))))
        first, second = np.split(reduce(np.mean(found, axis=0)), 2)
        return np.asarray(second - first)

    observed = np.concatenate([apart(pair, np.zeros_like(base)) for pair in pairs])
    far = np.abs(observed) * (1 - TOLERANCE) - TOLERANCE

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        inside = tallies.swapped(rng, size)
        found = np.empty((2, *observed.shape))
        for k, pair in enumerate(pairs):
            difference = apart(pair, inside)
            found[0, k] = np.count_nonzero(~(np.abs(difference) < far[k]), axis=0)
            found[1, k] = np.nansum(difference**2, axis=0)
        return found[None]

    block = max(16, tallies.block // max(1, tallies.n_groups))
    beyond, squares = plan.in_blocks(one, stream=stream, block=block).sum(axis=0)
    return Swapped(observed, beyond, squares / plan.n_resamples, plan.n_resamples)


def seed_pairs(sizes: Sequence[int], pairs: Sequence[tuple[int, int]] | None = None) -> list[Pair]:
    """Return the seeds to swap with each other for each pair of models.

    Seed k of one model is swapped with seed k of the other. If their numbers differ, seeds are repeated equally
    often.

    Parameters
    ----------
    sizes
        Number of seeds of each model; the result numbers seeds consecutively over models.
    pairs
        Models of each pair; all pairs by default.
    """
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    found = []
    for a, b in combinations(range(len(sizes)), 2) if pairs is None else pairs:
        turn = np.arange(lcm(sizes[a], sizes[b]))
        found.append((start[a] + turn % sizes[a], start[b] + turn % sizes[b]))
    return found
