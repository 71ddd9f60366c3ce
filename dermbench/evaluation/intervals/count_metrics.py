"""Estimates of metrics that are functions of counts, with Wilson or BCa limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.intervals.balanced import average_recall
from dermbench.evaluation.intervals.bca import bootstrap_estimate
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.resampling.bootstrap import bootstrap_sums
from dermbench.evaluation.resampling.resample import Cells, as_tally, slots_per_group, tally_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric, Tally
    from dermbench.evaluation.intervals.balanced import Units
    from dermbench.evaluation.intervals.estimate import Design, GroupEstimates

BALANCED = "balanced_accuracy"
"""Metric with an interval of its own."""
BLOCK = 4096


def count_estimates(design: Design, metrics: Sequence[Metric]) -> GroupEstimates:
    """Return metrics of kind ``counts`` of each group, see :func:`.every_metric.estimates`."""
    if not metrics:
        return {}
    sample, table = design.sample, design.table
    steps = any(m.needs_order for m in metrics)
    cells = tally_cells(sample, table.grouping.codes, len(table.names), steps=steps)
    found: GroupEstimates = {}
    pending: list[tuple[int, Metric]] = []
    for group, (name, rows) in enumerate(zip(table.names, table.rows, strict=True)):
        tally, n = sample.tally(rows), len(rows)
        for metric in metrics:
            value, reason = table.value(group, metric), suppressed(metric, tally)
            if not np.isfinite(value):
                found[name, metric.name] = undefined(metric.undefined_when)
            elif metric.proportion:
                trials = int(tally.total if metric.trials is None else metric.trials(tally))
                units = _by_unit(design, cells, group, _shares(metric), steps=steps) if sample.clustered else None
                found[name, metric.name] = share_estimate(value, trials, units)
            elif reason is not None:
                found[name, metric.name] = Estimate(value, n, reason=reason)
            elif metric.name == BALANCED:
                units = _by_unit(design, cells, group, _recalls, steps=steps) if sample.clustered else None
                recall = average_recall(tally.correct, tally.support, units)
                found[name, metric.name] = replace(recall, value=value, n=n)
            else:
                pending.append((group, metric))
    return found | _bootstrapped(design, cells, pending, steps=steps)


def suppressed(metric: Metric, tally: Tally) -> str | None:
    """Say why a macro metric has no interval (a class with fewer than 10 true cases); None if it has one."""
    there = tally.support[tally.support > 0]
    if not metric.macro or metric.name == BALANCED or not len(there) or there.min() >= ELIGIBLE:
        return None
    few = int((there < ELIGIBLE).sum())
    return (
        f"no interval: {few} of {len(there)} classes have fewer than {ELIGIBLE} true cases "
        f"(fewest {there.min():.0f})"
    )


def _shares(metric: Metric) -> Callable[[Tally], Units]:
    """Return the function from tallies of units to the successes and trials of a proportion."""

    def shares(units: Tally) -> Units:
        trials = units.total if metric.trials is None else metric.trials(units)
        return np.nan_to_num(metric.score(units)) * trials, trials

    return shares


def _recalls(units: Tally) -> Units:
    return units.correct, units.support


def _by_unit(design: Design, cells: Cells, group: int, of: Callable[[Tally], Units], *, steps: bool) -> Units:
    """Return successes and trials, by ``of``, of each unit with an image in the group."""
    n_classes = design.sample.n_classes
    width = slots_per_group(n_classes, steps=steps)
    part = cells.matrix[group * width : (group + 1) * width].tocsc()
    part = part[:, np.flatnonzero(np.diff(part.indptr))]
    blocks = (part[:, start : start + BLOCK].toarray() for start in range(0, part.shape[1], BLOCK))
    made = [of(as_tally(block, n_classes, steps=steps)) for block in blocks]
    return np.concatenate([one[:, 0] for one, _ in made]), np.concatenate([two[:, 0] for _, two in made])


def _bootstrapped(
    design: Design, cells: Cells, pending: Sequence[tuple[int, Metric]], *, steps: bool
) -> GroupEstimates:
    metrics = list({metric.name: metric for _, metric in pending}.values())
    if not metrics:
        return {}
    sample, table = design.sample, design.table

    def score(sums: NDArray[Any]) -> NDArray[np.float64]:
        tally = as_tally(sums, sample.n_classes, steps=steps)
        return np.stack([np.asarray(metric.score(tally)).T for metric in metrics]).T

    width = slots_per_group(sample.n_classes, steps=steps)
    replicates, accelerations = bootstrap_sums(cells, score, width, design.plan, stream=design.stream)
    column = {metric.name: index for index, metric in enumerate(metrics)}
    return {
        (table.names[group], metric.name): bootstrap_estimate(
            table.value(group, metric),
            replicates[group, column[metric.name]],
            accelerations[group, column[metric.name]],
            n=len(table.rows[group]),
            n_units=design.n_units[group],
        )
        for group, metric in pending
    }
