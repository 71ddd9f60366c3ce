"""Tables of cells: groups by metrics, and classes by precision, recall and F1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import Cell, ClassRow, Confusion, undefined
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.metrics.counts import f1, precision, recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Interval
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

MIN_CASES = 10
"""True cases of a class from which on its F1 has an interval."""


def group_cells(
    sample: Sample, table: GroupTable, metrics: Sequence[Metric], found: GroupEstimates
) -> list[dict[str, Cell]]:
    """Return {metric: cell} of every group, in the order of the groups.

    Parameters
    ----------
    sample, metrics
        What is tabled.
    table
        Values of the metrics in the groups of a feature.
    found
        Their :func:`~dermbench.evaluation.intervals.every_metric.estimates`.
    """
    return [
        {
            metric.name: make_cell(
                table.value(index, metric),
                n=n_of(metric, sample, rows),
                interval=found[name, metric.name].interval(),
                reason=sample.reason(metric),
            )
            for metric in metrics
        }
        for index, (name, rows) in enumerate(zip(table.names, table.rows, strict=True))
    ]


def n_of(metric: Metric, sample: Sample, rows: NDArray[np.intp]) -> int:
    """Return the number of images that a value rests on."""
    if metric.trials is None:
        return len(rows)
    return int(metric.trials(sample.view(metric.view).tally(rows)))


def make_cell(value: float, *, n: int, interval: Interval | None, reason: str) -> Cell:
    """Return a cell: with the interval there is, else with the reason why value or interval is missing."""
    if not math.isfinite(value):
        return undefined(reason)
    if interval is None or interval.low is None:
        return Cell(value=value, n=n, reason=reason if interval is None else interval.reason)
    return Cell(
        value=value, low=interval.low, high=interval.high, n=n, method=interval.method, drawn=interval.drawn
    )


def class_table(
    sample: Sample, plan: Plan, *, table: GroupTable | None = None, found: GroupEstimates | None = None
) -> dict[str, ClassRow]:
    """Return {class: precision, recall, F1 and support}.

    Parameters
    ----------
    sample
        Predictions and truth.
    plan
        Seed, number of resamples, workers.
    table, found
        Values and estimates of :func:`all_class_metrics` on all images, where they have been made.
    """
    metrics = all_class_metrics(sample)
    values = group_tables(sample, [], metrics)[None] if table is None else table
    made = estimates(sample, metrics, plan=plan, table=values) if found is None else found
    by_name = {metric.name: metric for metric in metrics}
    counts = sample.tally()
    columns = {
        "precision": (counts.predicted, "never predicted"),
        "recall": (counts.support, "not in the truth"),
        "f1": (counts.support, "not in the truth"),
    }

    def cell(key: str, label: int) -> Cell:
        trials, reason = columns[key]
        metric = by_name.get(f"{key} {label}")
        if metric is None:
            return undefined(reason)
        interval: Interval | None = made[None, metric.name].interval()
        if key == "f1" and trials[label] < MIN_CASES:
            interval = None
            reason = f"no interval: fewer than {MIN_CASES} true cases" if trials[label] else reason
        return make_cell(values.value(0, metric), n=int(trials[label]), interval=interval, reason=reason)

    return {
        name: ClassRow(support=int(counts.support[label]), **{key: cell(key, label) for key in columns})
        for label, name in enumerate(sample.classes)
    }


def all_class_metrics(sample: Sample) -> list[Metric]:
    """Return :func:`class_metrics` of the classes that occur in the truth or the predictions."""
    counts = sample.tally()
    seen = np.flatnonzero(counts.support + counts.predicted)
    return [metric for label in seen for metric in class_metrics(int(label))]


def class_metrics(label: int) -> list[Metric]:
    """Return precision, recall and F1 of one class as metrics, so that they get their intervals like any other."""
    only = np.array([label], dtype=np.intp)
    return [
        Metric(
            f"precision {label}",
            "Precision",
            "counts",
            lambda tally: precision(tally.take(only))[..., 0],
            proportion=True,
            trials=lambda tally: tally.predicted[..., label],
        ),
        Metric(
            f"recall {label}",
            "Recall",
            "counts",
            lambda tally: recall(tally.take(only))[..., 0],
            proportion=True,
            trials=lambda tally: tally.support[..., label],
        ),
        Metric(f"f1 {label}", "F1", "counts", lambda tally: f1(tally.take(only))[..., 0]),
    ]


def confusion_table(sample: Sample) -> Confusion:
    """Return the confusion matrix: rows are true classes, columns predicted ones, in the order of the labels."""
    n_classes = len(sample.classes)
    joint = sample.y_true * n_classes + sample.y_pred
    matrix = np.bincount(joint, minlength=n_classes**2).reshape(n_classes, n_classes)
    return Confusion(labels=sample.classes, matrix=tuple(map(tuple, matrix.tolist())))
