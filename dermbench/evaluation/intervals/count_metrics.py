"""Estimates of metrics that are functions of counts: Wilson, the average of recalls, BCa."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.intervals.balanced import average_recall
from dermbench.evaluation.intervals.bca import bootstrap_estimate
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.intervals.proportions import share_estimate
from dermbench.evaluation.resampling.bootstrap import bootstrap_sums
from dermbench.evaluation.resampling.resample import Cells, as_tally, slots_per_group, tally_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimates
    from dermbench.evaluation.resampling.design import Problem

BALANCED = "balanced_accuracy"
"""Metric with an interval of its own."""
BLOCK = 4096


def count_estimates(problem: Problem, metrics: Sequence[Metric]) -> Estimates:
    """Return metrics of kind ``counts`` of each group, see :func:`.every_metric.estimate`."""
    if not metrics:
        return {}
    sample = problem.sample
    steps = any(m.needs_order for m in metrics)
    cells = tally_cells(sample, problem.grouping.codes, problem.n_groups, steps=steps)
    full = as_tally(cells.totals()[:, None], sample.n_classes, steps=steps)
    found: Estimates = {}
    pending: list[tuple[int, Metric, float]] = []
    values = problem.values(metrics)
    for group, part in enumerate(_at(full, group) for group in range(problem.n_groups)):
        for metric, value in zip(metrics, map(float, values[group]), strict=True):
            tally, n = problem.cut(metric, part), len(problem.rows[group])
            reason = suppressed(metric, tally)
            if not np.isfinite(value):
                found[group, metric.name] = undefined(metric.undefined_when, n)
            elif metric.proportion:
                found[group, metric.name] = _proportion(problem, metric, value, tally, cells, group)
            elif reason is not None:
                found[group, metric.name] = Estimate(value, n, reason=reason)
            elif metric.name == BALANCED:
                units = _unit_recalls(problem, cells, group, steps=steps) if sample.clustered else None
                found[group, metric.name] = replace(
                    average_recall(tally.correct, tally.support, units), value=value, n=n
                )
            else:
                pending.append((group, metric, value))
    return found | _bootstrapped(problem, cells, pending, steps=steps)


def suppressed(metric: Metric, tally: Tally) -> str | None:
    """Say why a macro metric has no interval (a class with fewer than 10 true cases); None where it has one."""
    there = tally.support[tally.support > 0]
    if not metric.macro or metric.name == BALANCED or not len(there) or there.min() >= ELIGIBLE:
        return None
    few = int((there < ELIGIBLE).sum())
    return (
        f"no interval: {few} of {len(there)} classes have fewer than {ELIGIBLE} true cases "
        f"(fewest {there.min():.0f})"
    )


def counts_scorer(problem: Problem, metrics: Sequence[Metric], *, steps: bool) -> Callable[[Any], Any]:
    """Return the function from slot sums (n_slots, n) to values (n, n_groups, n_metrics)."""

    def score(sums: NDArray[Any]) -> NDArray[np.float64]:
        full = as_tally(sums, problem.sample.n_classes, steps=steps)
        return problem.scores(metrics, full)

    return score


def _at(tally: Tally, group: int) -> Tally:
    linear, quadratic = (None if s is None else s[0, group] for s in (tally.linear, tally.quadratic))
    return Tally(tally.support[0, group], tally.predicted[0, group], tally.correct[0, group], linear, quadratic)


def _proportion(
    problem: Problem, metric: Metric, value: float, tally: Tally, cells: Cells, group: int
) -> Estimate:
    n = int(tally.total if metric.trials is None else metric.trials(tally))
    if not problem.sample.clustered:
        return share_estimate(value, n)
    return share_estimate(value, n, _unit_shares(problem, metric, cells, group, steps=tally.linear is not None))


def _unit_tallies(problem: Problem, cells: Cells, group: int, *, steps: bool) -> Iterator[Tally]:
    """Yield tallies, shape (n_units, 1, n_classes), of the units that have an image in the group, in blocks."""
    width = slots_per_group(problem.sample.n_classes, steps=steps)
    part = cells.matrix[group * width : (group + 1) * width].tocsc()
    part = part[:, np.flatnonzero(np.diff(part.indptr))]
    for start in range(0, part.shape[1], BLOCK):
        yield as_tally(part[:, start : start + BLOCK].toarray(), problem.sample.n_classes, steps=steps)


def _unit_shares(
    problem: Problem, metric: Metric, cells: Cells, group: int, *, steps: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return successes and trials of each unit that has an image in the group."""
    successes, trials = [], []
    for units in _unit_tallies(problem, cells, group, steps=steps):
        m = units.total if metric.trials is None else metric.trials(units)
        successes.append((np.nan_to_num(metric.score(units)) * m)[:, 0])
        trials.append(m[:, 0])
    return np.concatenate(successes), np.concatenate(trials)


def _unit_recalls(
    problem: Problem, cells: Cells, group: int, *, steps: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return correct and true images of each unit and class that is averaged over."""
    classes = slice(None) if problem.classes is None else problem.classes
    found = list(_unit_tallies(problem, cells, group, steps=steps))
    return (
        np.concatenate([units.correct[:, 0, classes] for units in found]),
        np.concatenate([units.support[:, 0, classes] for units in found]),
    )


def _bootstrapped(
    problem: Problem, cells: Cells, pending: Sequence[tuple[int, Metric, float]], *, steps: bool
) -> Estimates:
    metrics = list({metric.name: metric for _, metric, _ in pending}.values())
    if not metrics:
        return {}
    width = slots_per_group(problem.sample.n_classes, steps=steps)
    score = counts_scorer(problem, metrics, steps=steps)
    replicates, accelerations = bootstrap_sums(cells, score, width, problem.plan, stream=problem.stream)
    column = {metric.name: index for index, metric in enumerate(metrics)}
    return {
        (group, metric.name): bootstrap_estimate(
            value,
            replicates[group, column[metric.name]],
            accelerations[group, column[metric.name]],
            n=len(problem.rows[group]),
            n_units=problem.n_units[group],
        )
        for group, metric, value in pending
    }
