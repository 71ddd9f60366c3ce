"""Tables of cells: groups by metrics, and classes by precision, recall and F1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.report import Cell, undefined
from dermbench.evaluation.intervals import estimates, n_of
from dermbench.evaluation.metric import Metric
from dermbench.evaluation.metrics.counts import f1, precision, recall
from dermbench.evaluation.sample import score
from dermbench.evaluation.subgroups import everyone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.intervals import Estimates
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.stats import Interval, Plan
    from dermbench.evaluation.subgroups import Grouping

Document = dict[str, Any]
MIN_CASES = 10
"""True cases of a class from which on its F1 has an interval."""


def group_values(sample: Sample, grouping: Grouping, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Return the value of every metric in every group, shape (n_groups, n_metrics), NaN where undefined.

    Goes through fairlearn's ``MetricFrame``, which matches rows by position: all columns given to it come
    from one sample, in one order.
    """
    from fairlearn.metrics import MetricFrame  # noqa: PLC0415 - slow to import

    def scorer(metric: Metric) -> Any:
        def of_rows(_true: object, _pred: object, *, row: Any) -> float:
            return score(metric, sample, rows=np.asarray(row, dtype=np.intp))

        return of_rows

    row = np.arange(len(sample))
    names = [metric.name for metric in metrics]
    frame = MetricFrame(
        metrics={metric.name: scorer(metric) for metric in metrics},
        y_true=sample.full.y_true,
        y_pred=sample.full.y_pred,
        sensitive_features={grouping.feature: grouping.codes},
        sample_params={name: {"row": row} for name in names},
    )
    values: NDArray[np.float64] = frame.by_group.reindex(range(len(grouping.names)))[names].to_numpy(
        dtype=np.float64
    )
    return values


def group_cells(sample: Sample, grouping: Grouping, metrics: Sequence[Metric], found: Estimates) -> list[Document]:
    """Return {metric: cell} of every group, in the order of the groups.

    Parameters
    ----------
    sample, grouping, metrics
        What is tabled.
    found
        Their :func:`dermbench.evaluation.intervals.estimates`; the values are those of :func:`group_values`.
    """
    values = group_values(sample, grouping, metrics)
    return [
        {
            metric.name: make_cell(
                float(values[index, column]),
                n=n_of(metric, sample, grouping.rows(index)),
                interval=found[name, metric.name].interval(),
                reason=sample.reason(metric),
            ).document()
            for column, metric in enumerate(metrics)
        }
        for index, name in enumerate(grouping.names)
    ]


def make_cell(value: float, *, n: int, interval: Interval | None, reason: str) -> Cell:
    """Return a cell: with the interval there is, else with the reason why value or interval is missing."""
    if not math.isfinite(value):
        return undefined(reason)
    if interval is None or interval.low is None:
        return Cell(value=value, n=n, reason=reason if interval is None else interval.reason)
    return Cell(value=value, low=interval.low, high=interval.high, n=n, method=interval.method)


def class_table(sample: Sample, plan: Plan) -> Document:
    """Return {class: {precision, recall, f1: cell, support}}."""
    counts = sample.full.tally()
    columns = {
        "precision": (precision(counts), counts.predicted, "never predicted"),
        "recall": (recall(counts), counts.support, "not in the truth"),
        "f1": (f1(counts), counts.support, "not in the truth"),
    }
    whole = everyone(len(sample))
    seen = np.flatnonzero(counts.support + counts.predicted)
    metrics = [metric for label in seen for metric in class_metrics(int(label))]
    found = estimates(sample, whole, metrics, plan)

    def cell(key: str, label: int) -> Document:
        values, trials, reason = columns[key]
        made = found.get((whole.names[0], f"{key} {label}"))
        interval = None if made is None else made.interval()
        if key == "f1" and trials[label] < MIN_CASES:
            interval = None
            reason = f"no interval: fewer than {MIN_CASES} true cases" if trials[label] else reason
        return make_cell(float(values[label]), n=int(trials[label]), interval=interval, reason=reason).document()

    return {
        name: {"support": int(counts.support[label]), **{key: cell(key, label) for key in columns}}
        for label, name in enumerate(sample.classes)
    }


def class_metrics(label: int) -> list[Metric]:
    """Return precision, recall and F1 of one class as metrics, so that they get their intervals like any other."""
    return [
        Metric(
            f"precision {label}",
            "Precision",
            "counts",
            lambda tally: precision(tally)[..., label],
            proportion=True,
            trials=lambda tally: tally.predicted[..., label],
        ),
        Metric(
            f"recall {label}",
            "Recall",
            "counts",
            lambda tally: recall(tally)[..., label],
            proportion=True,
            trials=lambda tally: tally.support[..., label],
        ),
        Metric(f"f1 {label}", "F1", "counts", lambda tally: f1(tally)[..., label]),
    ]


def confusion_table(sample: Sample) -> Document:
    """Return {labels, matrix}: rows are true classes, columns predicted ones, in the order of the labels."""
    n_classes = len(sample.classes)
    joint = sample.full.y_true * n_classes + sample.full.y_pred
    matrix = np.bincount(joint, minlength=n_classes**2).reshape(n_classes, n_classes)
    return {"labels": list(sample.classes), "matrix": matrix.tolist()}
