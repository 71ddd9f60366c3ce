"""Values of metrics on any images of a sample."""

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
    """Return the metrics of the registry that apply to the task, sorted by name."""
    return [metric for metric in map(METRICS.get, METRICS.names()) if sample.applies(metric)]


def score(metric: Metric, sample: Sample, *, rows: NDArray[np.intp] | None = None) -> float:
    """Return the value of one metric, NaN if undefined; see :func:`scores`."""
    return float(scores([metric], sample, rows=rows)[0])


def scores(
    metrics: Sequence[Metric], sample: Sample, *, rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Return the values of metrics, shape (n_metrics,), NaN if undefined.

    Images are counted once for all metrics of a view, and sorted once for all ranking metrics.

    Parameters
    ----------
    metrics
        Metrics of any kind and view.
    sample
        Predictions and truth.
    rows
        Rows to compute it on; all by default.
    """
    found: NDArray[np.float64] = np.full(len(metrics), np.nan)
    part = np.arange(len(sample)) if rows is None else rows
    if len(part) == 0:
        return found
    for view in dict.fromkeys(metric.view for metric in metrics):
        seen = sample.view(view)
        y_true, y_prob = seen.y_true[part], None if seen.y_prob is None else seen.y_prob[part]
        able = [
            (place, metric)
            for place, metric in enumerate(metrics)
            if metric.view == view and not (metric.needs_probabilities and y_prob is None)
        ]
        counts = seen.tally(part)
        for place, metric in able:
            if metric.kind == "counts":
                found[place] = metric.score(counts)
            elif metric.kind == "mean":
                found[place] = np.mean(metric.score(y_true, y_prob))
        ranked = [(place, metric) for place, metric in able if metric.kind == "ranking"]
        if ranked:
            assert y_prob is not None
            values = weighted([metric for _, metric in ranked], y_true, y_prob)(np.ones((len(part), 1)))
            found[[place for place, _ in ranked]] = values[0]
    return found
