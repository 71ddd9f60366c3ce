"""Metrics of counts of every candidate in every group: observed, resampled, and with units left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.intervals.bca import bootstrap_estimate
from dermbench.evaluation.intervals.estimate import Estimate
from dermbench.evaluation.resampling.jackknife import acceleration
from dermbench.evaluation.resampling.resample import as_tally, replicate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric, Tally
    from dermbench.evaluation.paired.tallies import Tallies
    from dermbench.evaluation.resampling.plan import Plan

    Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

NO_VARIATION = "no interval: every resample gives the same difference"
TINY = 1e-12
BLOCK = 256


@dataclass(frozen=True)
class Scorer:
    """Function from tallies to values of metrics.

    Attributes
    ----------
    metrics
        Metrics of kind ``counts``.
    classes
        Classes that macro metrics average over; None for the classes that occur in each group.
    """

    metrics: Sequence[Metric]
    classes: NDArray[np.intp] | None = None

    def __call__(self, tally: Tally) -> NDArray[np.float64]:
        """Return values of shape (..., n_metrics) of a tally of shape (..., n_classes)."""
        cut = tally if self.classes is None else tally.take(self.classes)
        values = [metric.score(cut if metric.macro else tally) for metric in self.metrics]
        return np.stack([np.asarray(value, dtype=np.float64) for value in values], axis=-1)


def seed_means(values: NDArray[np.float64], sizes: Sequence[int], *, axis: int) -> NDArray[np.float64]:
    """Average the axis of models (all seeds of all candidates) over the seeds of each candidate."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    shape = [1] * values.ndim
    shape[axis] = len(sizes)
    return np.asarray(np.add.reduceat(values, starts, axis=axis) / np.reshape(sizes, shape), dtype=np.float64)


@dataclass(frozen=True)
class GroupScores:
    """Values of candidates in groups; all share the same resamples.

    Attributes
    ----------
    observed
        Values on the data, shape (n_candidates, n_groups, n_metrics).
    replicates
        Values in the resamples, shape (n_resamples, n_candidates, n_groups, n_metrics).
    left_out
        Values without one unit of each cell, shape (n_cells, n_candidates, n_groups, n_metrics).
    counts
        Number of units in each cell.
    n, n_units
        Images and independent units of each group, shape (n_groups,).
    """

    observed: NDArray[np.float64]
    replicates: NDArray[np.float64]
    left_out: NDArray[np.float64]
    counts: NDArray[np.int64]
    n: NDArray[np.intp]
    n_units: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        tallies: Tallies,
        sizes: Sequence[int],
        scorer: Scorer,
        plan: Plan,
        *,
        n_units: NDArray[np.intp],
        stream: str,
        total: bool = False,
    ) -> GroupScores:
        """Compute observed, resampled and left-out values.

        Parameters
        ----------
        tallies
            Counts of all seeds of all candidates.
        sizes
            Number of seeds of each candidate.
        scorer
            Function from tallies to values.
        plan, stream
            Number of resamples, and the random numbers.
        n_units
            Independent units of each group.
        total
            Whether to append a further group of all images, over all classes that occur.
        """

        def score(sums: NDArray[Any]) -> NDArray[np.float64]:
            tally = as_tally(sums, tallies.n_classes, steps=tallies.steps)
            shape = (sums.shape[-1], tallies.n_models, tallies.n_groups)
            values = scorer(tally).reshape(*shape, -1)
            if total:
                values = np.concatenate([values, _together(tally, shape, scorer)], axis=2)
            return seed_means(values, sizes, axis=1)

        cells = tallies.cells
        matrix, base = cells.matrix.tocsc(), cells.totals()[:, None]
        starts = range(0, len(cells.counts), BLOCK)
        left_out = [score(base - matrix[:, start : start + BLOCK].toarray()) for start in starts]
        n = tallies.support.sum(axis=1).astype(np.intp)
        replicates = np.moveaxis(replicate(cells, score, plan, stream=stream), -1, 0)
        return cls(score(base)[0], replicates, np.concatenate(left_out), cells.counts, n, n_units)

    def estimate(self, statistic: Statistic, groups: NDArray[np.intp]) -> Estimate:
        """Return a function of the values, with BCa limits.

        Parameters
        ----------
        statistic
            Function from values of shape (..., n_candidates, n_groups, n_metrics) to shape (...).
        groups
            The groups that it uses.
        """
        n, n_units = int(self.n[groups].sum()), int(self.n_units[groups].min())
        value = float(statistic(self.observed[None])[0])
        if not np.isfinite(value):
            return Estimate(value, n)
        accelerate = acceleration(statistic(self.left_out), self.counts)
        return paired_estimate(value, statistic(self.replicates), accelerate, n=n, n_units=n_units)


def paired_estimate(
    value: float, replicates: NDArray[np.float64], accelerate: float, *, n: int, n_units: int
) -> Estimate:
    """Return a difference with BCa limits, or without limits if all resamples give the same difference.

    An interval of width 0 would mislead: two models that agree on these images may differ on others.

    Parameters
    ----------
    value, replicates, accelerate, n, n_units
        See :func:`dermbench.evaluation.intervals.bca.bootstrap_estimate`.
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or float(defined.max() - defined.min()) < TINY:
        return Estimate(value, n, reason=NO_VARIATION)
    return bootstrap_estimate(value, replicates, accelerate, n=n, n_units=n_units)


def _together(tally: Tally, shape: tuple[int, int, int], scorer: Scorer) -> NDArray[np.float64]:
    """Return values of all groups together, shape (n, n_models, 1, n_metrics)."""
    counts = (tally.support, tally.predicted, tally.correct)
    sums = [part.reshape(*shape, -1).sum(axis=2, keepdims=True) for part in counts]
    steps = [
        None if part is None else part.reshape(shape).sum(axis=2, keepdims=True)
        for part in (tally.linear, tally.quadratic)
    ]
    return Scorer(scorer.metrics)(type(tally)(*sums, *steps))
