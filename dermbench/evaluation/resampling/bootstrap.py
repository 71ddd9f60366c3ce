"""The unit bootstrap of functions of sums and of functions of image weights, all groups from the same draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import t as student

from dermbench.evaluation.intervals.bca import acceleration, bca_limits, jackknife
from dermbench.evaluation.intervals.estimate import Estimate, spread
from dermbench.evaluation.resampling.draws import FEW_UNITS as FEW_DRAWN
from dermbench.evaluation.resampling.draws import Drawer, shared_block, unit_counts
from dermbench.evaluation.resampling.resample import Cells, replicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.resampling.replicates import Columns

    Score = Callable[[NDArray[Any]], NDArray[np.float64]]

MOSTLY = 0.95
"""Share of the resamples in which a metric must be defined for a bootstrap interval."""
MOST_WEIGHTS = 2**26
"""Image weights at once when parts are left out (0.5 GB): every block sorts anew."""
STILL = 1e-9
"""Range of the replicates below which they say nothing: perfect predictions are perfect in every resample."""
FEW_UNITS, FEW_CLUSTERS = 10, 15
"""Fewest units of a group for a bootstrap interval: of one image each, and of several.

In simulations kappa's interval covers .87 with 9 units of 1 to 6 images, .95 with 17.
"""
PARTS = 200
"""Most parts of the units that are left out in turn to find the acceleration of a ranking metric."""
BLOCK_WEIGHTS = 2**21
"""Image weights in one block of resamples (16 MB)."""


def bootstrap_estimate(
    value: float, read: Callable[[], NDArray[np.float64]], accelerate: float, *, n: int, n_units: int
) -> Estimate:
    """Return the estimate whose limits are BCa (or percentile) ends of its replicates.

    Where images share units, the level is that at which Student's law with one degree of freedom less than there
    are units ends where the normal law does at the asked one: with few units the replicates vary too little.

    Parameters
    ----------
    value
        The metric on the data.
    read
        Returns the bootstrap replicates, NaN where undefined, shape (n_resamples,). It is called again for
        limits at each level, so that estimates need not keep them.
    accelerate
        Acceleration constant; NaN for the percentile interval.
    n, n_units
        Images and independent units that the value rests on.
    """
    few = too_few_units(n, n_units)
    if few is not None:
        return Estimate(value, n, reason=few)
    replicates = read()
    n_resamples, defined = len(replicates), replicates[np.isfinite(replicates)]
    if len(defined) < MOSTLY * n_resamples:
        share = 1 - len(defined) / n_resamples
        return Estimate(value, n, reason=f"no interval: undefined in {share:.0%} of the resamples")
    if np.ptp(defined) < STILL:
        return Estimate(value, n, reason="no interval: all resamples have the same value")

    def limits(z: float) -> tuple[float, float, str]:
        wide = z if n == n_units else float(student.ppf(ndtr(z), n_units - 1))
        low, high, method = bca_limits(value, ordered(read()), accelerate, z=wide)
        of = "" if n == n_units else f" of {n_units:,} units"
        return low, high, f"{method} bootstrap, {n_resamples:,} resamples{of}"

    return Estimate(value, n, spread(defined), limits, drawn=True)


def ordered(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the defined replicates in ascending order."""
    return np.sort(replicates[np.isfinite(replicates)])


def too_few_units(n: int, n_units: int) -> str | None:
    """Say that there are too few units for a bootstrap interval of ``n`` images; None where there are enough."""
    needed = FEW_UNITS if n == n_units else FEW_CLUSTERS
    return None if n_units >= needed else f"no interval: {n_units} independent units, the bootstrap needs {needed}"


def bootstrap_sums(
    cells: Cells, score: Score, width: int, plan: Plan, *, stream: str
) -> tuple[Columns, NDArray[np.float64]]:
    """Bootstrap functions of the slot sums of each group.

    Parameters
    ----------
    cells
        What to draw; its slots are ``width`` a group.
    score
        Takes slot sums of shape (n_groups * width, n), returns (n, n_groups, n_metrics).
    width
        Slots of a group.
    plan, stream
        Number of resamples, and the random numbers.

    Returns
    -------
    replicates, accelerations
        Replicates of shape (n_groups, n_metrics), and (n_groups, n_metrics).
    """
    replicates = replicate(cells, score, plan, stream=stream)
    accelerations: NDArray[np.float64] = np.full(replicates.shape, np.nan)
    for group, row in enumerate(accelerations):
        slots = np.arange(group * width, (group + 1) * width)
        left_out, counts = jackknife(cells, slots, lambda sums: score(sums)[:, 0])
        if len(counts):
            row[:] = [acceleration(values, counts) for values in left_out.T]
    return replicates, accelerations


def bootstrap_weights(
    sample: Sample, score: Score, plan: Plan, *, stream: str
) -> tuple[Columns, NDArray[np.float64]]:
    """Bootstrap functions of the weights of the images.

    Parameters
    ----------
    sample
        Gives the units.
    score
        Takes weights of shape (n_samples, n), whole numbers in single precision, returns (n, n_outputs).
    plan, stream
        Number of resamples, and the random numbers.

    Returns
    -------
    replicates, accelerations
        Replicates of shape (n_outputs,), and (n_outputs,).
    """
    few = sample.n_units <= FEW_DRAWN
    drawer = Drawer(np.ones(sample.n_units, dtype=np.int64))
    block = int(min(256, max(8, BLOCK_WEIGHTS // max(1, len(sample)))))

    def one(index: int, size: int) -> NDArray[np.float64]:
        counts: NDArray[Any] = (
            unit_counts(plan.seed, sample.n_units, index)[:, :size]
            if few
            else drawer.draw(size, plan.generator(stream, index))
        )
        return score((counts[sample.units] if sample.clustered else counts).astype(np.float32))

    replicates = plan.columns(one, block=shared_block(sample.n_units) if few else block)
    left_out = leave_parts_out(sample, score, plan, stream=stream, n_parts=PARTS)
    equal = np.ones(len(left_out), dtype=np.int64)
    return replicates, np.array([acceleration(values, equal) for values in left_out.T])


def leave_parts_out(sample: Sample, score: Score, plan: Plan, *, stream: str, n_parts: int) -> NDArray[np.float64]:
    """Return values without each of ``n_parts`` random parts of the units, shape (n_parts, n_outputs)."""
    n_parts = min(n_parts, sample.n_units)
    part = plan.generator(f"{stream} parts").permutation(sample.n_units) % n_parts
    of_row = part[sample.units]
    step = int(max(1, MOST_WEIGHTS // max(1, len(sample))))
    values = []
    for start in range(0, n_parts, step):
        left_out = np.arange(start, min(start + step, n_parts))
        values.append(score((of_row[:, None] != left_out).astype(np.float32)))
    return np.concatenate(values)
