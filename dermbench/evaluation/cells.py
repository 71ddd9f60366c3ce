"""Tables of cells: groups by metrics, and classes by precision, recall and F1."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import Cell, ClassRow, Confusion, undefined
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.metrics.counts import f1, precision, recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import GroupEstimates

MIN_CASES = 10
"""Fewest true cases of a class for an interval of its F1."""
UNDEFINED = {"precision": "never predicted", "recall": "not in the truth", "f1": "not in the truth"}
"""Why a score of a class has no value."""


def group_cells(table: GroupTable, metrics: Sequence[Metric], found: GroupEstimates) -> list[dict[str, Cell]]:
    """Return {metric: cell} of every group, in the order of the groups.

    Parameters
    ----------
    table
        The groups of a feature.
    metrics
        Columns of the table.
    found
        Estimates of these groups from :func:`~dermbench.evaluation.intervals.every_metric.estimates`.
    """
    return [{metric.name: found[name, metric.name].cell() for metric in metrics} for name in table.names]


def class_table(sample: Sample, found: GroupEstimates) -> dict[str, ClassRow]:
    """Return {class: precision, recall, F1 and support}.

    Parameters
    ----------
    sample
        Predictions and truth.
    found
        Estimates of :func:`all_class_metrics` on all images.
    """
    support = sample.tally().support.astype(int).tolist()

    def cell(key: str, label: int) -> Cell:
        estimate = found.get((None, f"{key} {label}"))
        if estimate is None or not math.isfinite(estimate.value):
            return undefined(UNDEFINED[key])
        if key == "f1":
            estimate = replace(estimate, n=support[label])
            if support[label] < MIN_CASES:
                few = f"no interval: fewer than {MIN_CASES} true cases"
                estimate = replace(estimate, limits=None, reason=few)
        return estimate.cell()

    return {
        name: ClassRow(support=support[label], **{key: cell(key, label) for key in UNDEFINED})
        for label, name in enumerate(sample.classes)
    }


def all_class_metrics(sample: Sample) -> list[Metric]:
    """Return :func:`class_metrics` of the classes that occur in the truth or the predictions."""
    counts = sample.tally()
    seen = np.flatnonzero(counts.support + counts.predicted)
    return [metric for label in seen for metric in class_metrics(int(label))]


def class_metrics(label: int) -> list[Metric]:
    """Return precision, recall and F1 of one class as metrics, so that the usual code gives their intervals."""
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
    """Return the confusion matrix: a row per true class, a column per predicted class, in class order."""
    n_classes = len(sample.classes)
    joint = sample.y_true * n_classes + sample.y_pred
    matrix = np.bincount(joint, minlength=n_classes**2).reshape(n_classes, n_classes)
    return Confusion(labels=sample.classes, matrix=tuple(map(tuple, matrix.tolist())))
