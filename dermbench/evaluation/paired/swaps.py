"""Label-swap tests of candidates against a baseline: in every group, of the worst group, of the gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.paired.pairs import seed_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Tally
    from dermbench.evaluation.paired.tallies import Panel
    from dermbench.evaluation.resampling.plan import Plan

    Scores = Callable[[Tally], NDArray[np.float64]]
    Reduce = Callable[[NDArray[np.float64]], NDArray[np.float64]]

TOLERANCE = 1e-9
"""Differences closer than this count as equal, so that the order of a sum decides no test."""


@dataclass(frozen=True)
class Swaps:
    """A candidate's seeds against the baseline's.

    Attributes
    ----------
    panel
        Counts of all seeds of all candidates.
    sizes
        Seeds of each candidate.
    baseline
        Index of the candidate that the others are compared with.
    """

    panel: Panel
    sizes: Sequence[int]
    baseline: int

    def p_values(self, scores: Scores, reduce: Reduce, plan: Plan, *, stream: str) -> NDArray[np.float64]:
        """Return two-sided p values of each candidate's difference from the baseline.

        The answers of a unit are exchanged between whole candidates, seed by seed, in all groups at once.

        Parameters
        ----------
        scores
            Takes a tally of shape (size, n_groups, n_classes), returns values of shape (size, ...), which are
            averaged over seeds.
        reduce
            Takes averaged values, returns what is compared, shape (size, n_statistics).
        plan, stream
            Number of swaps, and the random numbers.

        Returns
        -------
        numpy.ndarray
            Shape (n_candidates, n_statistics), (b + 1) / (B + 1), a swap with an undefined value counting as far;
            NaN where the difference itself is undefined, and for the baseline.
        """
        lines = self._lines()
        base = self.panel.answers.astype(np.float32)[..., None]
        still = np.zeros_like(base)
        observed = {k: self._apart(base, still, line, scores, reduce)[0] for k, line in lines.items()}
        width = len(next(iter(observed.values())))

        def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
            inside = self.panel.swapped(rng, size)
            beyond = np.zeros((len(self.sizes), width))
            for k, line in lines.items():
                far = np.abs(observed[k])
                apart = np.abs(self._apart(base, inside, line, scores, reduce))
                beyond[k] = np.count_nonzero(~(apart < far * (1 - TOLERANCE) - TOLERANCE), axis=0)
            return beyond[None]

        block = max(16, self.panel.block // max(1, self.panel.n_groups))
        p = (plan.in_blocks(one, stream=stream, block=block).sum(axis=0) + 1) / (plan.n_resamples + 1)
        for k in range(len(self.sizes)):
            p[k] = np.where(np.isfinite(observed[k]), p[k], np.nan) if k in observed else np.nan
        return np.asarray(p, dtype=np.float64)

    def _lines(self) -> dict[int, tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Return {candidate: (seeds of the baseline, seeds of the candidate)} that are exchanged."""
        start = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.intp)
        lines = {}
        for k, size in enumerate(self.sizes):
            if k != self.baseline:
                ((a, b),) = seed_pairs([self.sizes[self.baseline], size])
                lines[k] = (start[self.baseline] + a, start[k] + b - self.sizes[self.baseline])
        return lines

    def _apart(
        self,
        base: NDArray[np.float32],
        inside: NDArray[np.float32],
        line: tuple[NDArray[np.intp], NDArray[np.intp]],
        scores: Scores,
        reduce: Reduce,
    ) -> NDArray[np.float64]:
        """Return what is compared, candidate minus baseline, after a swap."""
        first, second = [], []
        for i, j in zip(*line, strict=True):
            moved = inside[j] - inside[i]
            first.append(scores(self.panel.tally(base[i] + moved)))
            second.append(scores(self.panel.tally(base[j] - moved)))
        apart: NDArray[np.float64] = reduce(np.mean(second, axis=0)) - reduce(np.mean(first, axis=0))
        return apart
