"""The value of metrics on any images of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import METRICS, weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample


def applicable(sample: Sample) -> list[Metric]:
    """Return the metrics of the registry that apply to the task, by name."""
    return [metric for metric in map(METRICS.get, METRICS.names()) if sample.applies(metric)]


def score(
    metric: Metric,
    sample: Sample,
    *,
    rows: NDArray[np.intp] | None = None,
    classes: NDArray[np.intp] | None = None,
) -> float:
    """Return the value of one metric, NaN where it is undefined; see :func:`scores`."""
    return float(scores([metric], sample, rows=rows, classes=classes)[0])


def scores(
    metrics: Sequence[Metric],
    sample: Sample,
    *,
    rows: NDArray[np.intp] | None = None,
    classes: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Return the values of metrics, shape (n_metrics,), NaN where one is undefined.

    Images are counted once for all metrics of a view, and sorted once for all ranking metrics.

    Parameters
    ----------
    metrics
        What to compute; metrics of any kind and view.
    sample
        Predictions and truth.
    rows
        Rows to compute it on; all by default.
    classes
        For macro metrics, the classes to average over; by default those that occur in the rows.
    """
    found: NDArray[np.float64] = np.full(len(metrics), np.nan)
    part = np.arange(len(sample)) if rows is None else rows
    if len(part) == 0:
        return found
    for view in dict.fromkeys(metric.view for metric in metrics):
        seen = sample.view(view)
        able = [
            (place, metric)
            for place, metric in enumerate(metrics)
            if metric.view == view and not (metric.needs_probabilities and seen.y_prob is None)
        ]
        _count(found, [pair for pair in able if pair[1].kind == "counts"], seen, part, classes)
        _average(found, [pair for pair in able if pair[1].kind == "mean"], seen, part)
        ranked = [pair for pair in able if pair[1].kind == "ranking"]
        _rank(found, [pair for pair in ranked if not pair[1].macro], seen, part, None)
        _rank(found, [pair for pair in ranked if pair[1].macro], seen, part, classes)
    return found


def cut_classes(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], classes: NDArray[np.intp] | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Keep the probabilities of some classes; images of other classes get the true class -1."""
    if classes is None:
        return y_true, y_prob
    recode = np.full(y_prob.shape[1], -1, dtype=np.intp)
    recode[classes] = np.arange(len(classes))
    return recode[y_true], np.ascontiguousarray(y_prob[:, classes])


def _count(
    found: NDArray[np.float64],
    metrics: Sequence[tuple[int, Metric]],
    sample: Sample,
    rows: NDArray[np.intp],
    classes: NDArray[np.intp] | None,
) -> None:
    if not metrics:
        return
    counts = sample.tally(rows)
    cut = counts if classes is None else counts.take(classes)
    for place, metric in metrics:
        found[place] = metric.score(cut if metric.macro else counts)


def _average(
    found: NDArray[np.float64], metrics: Sequence[tuple[int, Metric]], sample: Sample, rows: NDArray[np.intp]
) -> None:
    y_prob = None if sample.y_prob is None else sample.y_prob[rows]
    for place, metric in metrics:
        found[place] = np.mean(metric.score(sample.y_true[rows], y_prob))


def _rank(
    found: NDArray[np.float64],
    metrics: Sequence[tuple[int, Metric]],
    sample: Sample,
    rows: NDArray[np.intp],
    classes: NDArray[np.intp] | None,
) -> None:
    if not metrics:
        return
    assert sample.y_prob is not None
    y_true, y_prob = cut_classes(sample.y_true[rows], sample.y_prob[rows], classes)
    values = weighted([metric for _, metric in metrics], y_true, y_prob)(np.ones((len(rows), 1)))[0]
    found[[place for place, _ in metrics]] = values
