"""Tables of cells: groups by metrics, and classes by precision, recall and F1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.report import Cell, undefined
from dermbench.evaluation.intervals import Interval, intervals, n_of, wilson
from dermbench.evaluation.metrics.counts import f1, precision, recall
from dermbench.evaluation.sample import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.subgroups import Grouping

Document = dict[str, Any]
ABSENT = "not in the truth"


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


def group_cells(
    sample: Sample, grouping: Grouping, metrics: Sequence[Metric], values: NDArray[np.float64]
) -> list[Document]:
    """Return {metric: cell} of every group, in the order of the groups."""
    found = intervals(sample, grouping, metrics, values)
    tables = []
    for index in range(len(grouping.names)):
        rows = grouping.rows(index)
        tables.append(
            {
                metric.name: make_cell(
                    float(values[index, column]),
                    n=n_of(metric, sample, rows),
                    interval=found.get((metric.name, index), Interval()),
                    reason=sample.reason(metric),
                ).document()
                for column, metric in enumerate(metrics)
            }
        )
    return tables


def make_cell(value: float, *, n: int, interval: Interval, reason: str) -> Cell:
    """Return a cell: undefined with ``reason`` where ``value`` is NaN, else with the interval there is."""
    if not math.isfinite(value):
        return undefined(reason)
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return Cell(value=value, n=n, reason=interval.reason)
    return Cell(value=value, low=interval.low, high=interval.high, n=n, method=interval.method)


def class_table(sample: Sample) -> Document:
    """Return {class: {precision, recall, f1: cell, support}}; proportions with Wilson's interval."""
    counts = sample.full.tally()
    columns = {
        "precision": _class_column(precision(counts), counts.predicted, counts.correct, reason="never predicted"),
        "recall": _class_column(recall(counts), counts.support, counts.correct, reason=ABSENT),
        "f1": _class_column(f1(counts), counts.support, None, reason=ABSENT),
    }
    return {
        name: {"support": int(counts.support[index]), **{key: cells[index] for key, cells in columns.items()}}
        for index, name in enumerate(sample.classes)
    }


def _class_column(
    values: NDArray[np.float64], trials: NDArray[np.float64], successes: NDArray[np.float64] | None, *, reason: str
) -> list[Document]:
    """Return a cell for each class, with an interval where it is a proportion of successes."""
    found = [Interval()] * len(values)
    if successes is not None:
        ends = zip(*wilson(successes, trials), strict=True)
        found = [Interval(float(low), float(high), "Wilson") for low, high in ends]
    return [
        make_cell(float(value), n=int(n), interval=interval, reason=reason).document()
        for value, n, interval in zip(values, trials, found, strict=True)
    ]


def confusion_table(sample: Sample) -> Document:
    """Return {labels, matrix}: rows are true classes, columns predicted ones, in the order of the labels."""
    n_classes = len(sample.classes)
    joint = sample.full.y_true * n_classes + sample.full.y_pred
    matrix = np.bincount(joint, minlength=n_classes**2).reshape(n_classes, n_classes)
    return {"labels": list(sample.classes), "matrix": matrix.tolist()}
