"""Bootstrap by units, for functions of sums and of image weights; all groups share the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.resampling.draws import FEW_UNITS, Drawer, shared_block, unit_counts
from dermbench.evaluation.resampling.jackknife import acceleration, jackknife
from dermbench.evaluation.resampling.resample import Cells, replicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

    Score = Callable[[NDArray[Any]], NDArray[np.float64]]

MOST_WEIGHTS = 2**26
"""Most image weights at once when parts are left out (0.5 GB)."""
PARTS = 200
"""Most parts of the units for the acceleration of a ranking metric; each is left out in turn."""
BLOCK_WEIGHTS = 2**21
"""Image weights in one block of resamples (16 MB)."""


def bootstrap_sums(
    cells: Cells, score: Score, width: int, plan: Plan, *, stream: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bootstrap functions of the slot sums of each group.

    Parameters
    ----------
    cells
        Cells to draw, with ``width`` slots per group.
    score
        Function from slot sums of shape (n_groups * width, n) to values of shape (n, n_groups, n_metrics).
    width
        Number of slots per group.
    plan, stream
        Number of resamples, and the random numbers.

    Returns
    -------
    replicates, accelerations
        Shape (n_groups, n_metrics, n_resamples) and (n_groups, n_metrics).
    """
    replicates = replicate(cells, score, plan, stream=stream)
    accelerations: NDArray[np.float64] = np.full(replicates.shape[:-1], np.nan)
    for group, row in enumerate(accelerations):
        slots = np.arange(group * width, (group + 1) * width)
        left_out, counts = jackknife(cells, slots, lambda sums: score(sums)[:, 0])
        if len(counts):
            row[:] = [acceleration(values, counts) for values in left_out.T]
    return replicates, accelerations


def bootstrap_weights(
    sample: Sample, score: Score, plan: Plan, *, stream: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bootstrap functions of the weights of the images.

    Parameters
    ----------
    sample
        The images; only their units are used.
    score
        Function from weights of shape (n_samples, n), whole numbers in single precision, to values of shape
        (n, n_outputs).
    plan, stream
        Number of resamples, and the random numbers.

    Returns
    -------
    replicates, accelerations
        Shape (n_outputs, n_resamples) and (n_outputs,).
    """
    few = sample.n_units <= FEW_UNITS
    drawer = Drawer(np.ones(sample.n_units, dtype=np.int64))
    block = int(min(256, max(8, BLOCK_WEIGHTS // max(1, len(sample)))))

    def one(index: int, size: int) -> NDArray[np.float64]:
        counts: NDArray[Any] = (
            unit_counts(plan.seed, sample.n_units, index)[:, :size]
            if few
            else drawer.draw(size, plan.generator(stream, index))
        )
        return score((counts[sample.units] if sample.clustered else counts).astype(np.float32))

    replicates = plan.replicates(one, block=shared_block(sample.n_units) if few else block)
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
