"""Tables of cells: groups by metrics, and classes by precision, recall and F1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from fairlearn.metrics import MetricFrame

from dermbench.artifacts.report import Cell, undefined
from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.kappa import kappa_se
from dermbench.evaluation.intervals.of_views import estimates, n_of
from dermbench.evaluation.metrics.counts import f1, precision, recall
from dermbench.evaluation.sample import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.intervals.estimate import Interval
    from dermbench.evaluation.intervals.of_views import Estimates
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.sample import Sample

Document = dict[str, Any]
KAPPA = "cohen_kappa"
"""Metric whose cells hold a standard error too."""
MIN_CASES = 10
"""True cases of a class from which on its F1 has an interval."""


def group_values(sample: Sample, grouping: Grouping, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Return the value of every metric in every group, shape (n_groups, n_metrics), NaN where undefined.

    Groups go through fairlearn's ``MetricFrame``, which matches rows by position: all columns given to it come
    from one sample, in one order.
    """

    def of_rows(_true: object, _pred: object, *, row: Any) -> NDArray[np.float64]:
        rows = np.asarray(row, dtype=np.intp)
        key = (rows.tobytes(), *(metric.name for metric in metrics))
        if key not in sample.scored:  # the frame asks for all images too, the same for every feature
            sample.scored[key] = np.array([score(metric, sample, rows=rows) for metric in metrics])
        return sample.scored[key]

    if len(grouping.names) == 1:
        return of_rows(None, None, row=grouping.rows(0))[None]
    frame = MetricFrame(
        metrics=of_rows,  # one function of all metrics: the frame copies the columns for each function and group
        y_true=sample.full.y_true,
        y_pred=sample.full.y_pred,
        sensitive_features={grouping.feature: grouping.codes},
        sample_params={"row": np.arange(len(sample))},
    )
    values: NDArray[np.float64] = np.full((len(grouping.names), len(metrics)), np.nan)
    for group, found in frame.by_group.items():
        values[group] = found
    return values


def group_cells(sample: Sample, grouping: Grouping, metrics: Sequence[Metric], found: Estimates) -> list[Document]:
    """Return {metric: cell} of every group, in the order of the groups.

    Parameters
    ----------
    sample, grouping, metrics
        What is tabled.
    found
        Their :func:`.of_views.estimates`; the values are those of :func:`group_values`.
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
            | _further(metric, sample, grouping.rows(index))
            for column, metric in enumerate(metrics)
        }
        for index, name in enumerate(grouping.names)
    ]


def _further(metric: Metric, sample: Sample, rows: NDArray[np.intp]) -> Document:
    """Return what a cell holds beyond the contracted keys: kappa's large-sample standard error."""
    if metric.name != KAPPA:
        return {}
    if len(np.unique(sample.truth.unit[rows])) < len(rows):
        return {"se": {"value": None, "reason": "the formula assumes independent images; images share units"}}
    view = sample.view(metric)
    _, error, _ = kappa_se(view.y_true[rows], view.y_pred[rows], view.n_classes)
    if not math.isfinite(error):
        return {"se": {"value": None, "reason": metric.undefined_when}}
    return {"se": {"value": error, "n": len(rows), "method": "Fleiss-Cohen-Everitt"}}


def make_cell(value: float, *, n: int, interval: Interval | None, reason: str) -> Cell:
    """Return a cell: with the interval there is, else with the reason why value or interval is missing."""
    if not math.isfinite(value):
        return undefined(reason)
    if interval is None or interval.low is None:
        return Cell(value=value, n=n, reason=reason if interval is None else interval.reason)
    return Cell(value=value, low=interval.low, high=interval.high, n=n, method=interval.method)


def class_table(sample: Sample, plan: Plan, made: Estimates | None = None) -> Document:
    """Return {class: {precision, recall, f1: cell, support}}.

    Parameters
    ----------
    sample
        Predictions and truth.
    plan
        Seed, number of resamples, workers.
    made
        Estimates of :func:`all_class_metrics` in the whole sample, to save a bootstrap.
    """
    counts = sample.full.tally()
    columns = {
        "precision": (precision(counts), counts.predicted, "never predicted"),
        "recall": (recall(counts), counts.support, "not in the truth"),
        "f1": (f1(counts), counts.support, "not in the truth"),
    }
    whole = everyone(len(sample))
    found = estimates(sample, whole, all_class_metrics(sample), plan) if made is None else made

    def cell(key: str, label: int) -> Document:
        values, trials, reason = columns[key]
        item = found.get((whole.names[0], f"{key} {label}"))
        interval = None if item is None else item.interval()
        if key == "f1" and trials[label] < MIN_CASES:
            interval = None
            reason = f"no interval: fewer than {MIN_CASES} true cases" if trials[label] else reason
        return make_cell(float(values[label]), n=int(trials[label]), interval=interval, reason=reason).document()

    return {
        name: {"support": int(counts.support[label]), **{key: cell(key, label) for key in columns}}
        for label, name in enumerate(sample.classes)
    }


def all_class_metrics(sample: Sample) -> list[Metric]:
    """Return :func:`class_metrics` of the classes that occur in the truth or the predictions."""
    counts = sample.full.tally()
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


def confusion_table(sample: Sample) -> Document:
    """Return {labels, matrix}: rows are true classes, columns predicted ones, in the order of the labels."""
    n_classes = len(sample.classes)
    joint = sample.full.y_true * n_classes + sample.full.y_pred
    matrix = np.bincount(joint, minlength=n_classes**2).reshape(n_classes, n_classes)
    return {"labels": list(sample.classes), "matrix": matrix.tolist()}
