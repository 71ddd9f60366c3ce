"""Seeds of a candidate: the spread of a score between training runs, and between test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import Seeds
from dermbench.artifacts.report import Cell
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.intervals.estimate import Z95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate

NO_SEEDS = "one run: the spread between seeds is not known"


def seed_spread(candidate: Candidate, metric: Metric, cell: Cell) -> Seeds:
    """Return the spread between seeds, and the standard error implied by the interval of ``cell``."""
    values = [score(metric, sample) for sample in candidate.samples]
    reason = None
    if len(values) < 2:
        reason = NO_SEEDS
    elif not np.isfinite(values).all():
        reason = f"undefined for a seed: {metric.undefined_when}"
    return Seeds(
        n=len(values),
        values={
            name: value if np.isfinite(value) else None
            for name, value in zip(candidate.seeds, values, strict=True)
        },
        seed_sd=None if reason else float(np.std(values, ddof=1)),
        test_sd=None if cell.low is None or cell.high is None else (cell.high - cell.low) / (2 * Z95),
        reason=reason,
    )


def averaged(cells: Sequence[Cell]) -> Cell:
    """Return the cell of a candidate: the cell of its only run, or the average of values and limits over seeds."""
    undefined = [cell for cell in cells if cell.value is None]
    if len(cells) == 1 or undefined:
        return undefined[0] if undefined else cells[0]
    lacking = any(cell.low is None for cell in cells)
    value, low, high = np.mean([(c.value or 0.0, c.low or 0.0, c.high or 0.0) for c in cells], axis=0)
    if lacking:
        return Cell(value=value, n=cells[0].n, reason="no interval: a seed has none")
    drawn = any(cell.drawn for cell in cells)
    method = "average of the seeds' intervals"
    return Cell(value=value, low=low, high=high, n=cells[0].n, method=method, drawn=drawn)
