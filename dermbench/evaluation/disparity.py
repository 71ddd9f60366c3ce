"""The one place that makes a disparity: the largest difference and ratio of a metric between groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.sample import NEEDS_PROBABILITIES, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.subgroups import Grouping

MIN_CASES = 10
"""True cases that a class needs in every compared group to enter a macro average that is compared."""
MIN_CLASSES = 2
KEYS = ("difference", "ratio", "best_group", "worst_group")
RATIO_UNDEFINED = "the metric can be negative: a ratio means nothing"


@dataclass(frozen=True)
class Compared:
    """Values of one metric that are compared between the known groups.

    Attributes
    ----------
    groups
        Names, in order.
    values
        Shape (n_groups,); NaN where undefined.
    classes
        Indices of the classes that a macro metric averages over; None for other metrics.
    reason
        Why there is nothing to compare; empty when there is.
    """

    groups: tuple[str, ...]
    values: NDArray[np.float64]
    classes: NDArray[np.intp] | None = None
    reason: str = ""


def eligible_classes(sample: Sample, grouping: Grouping, metric: Metric) -> NDArray[np.intp]:
    """Return the classes with at least :data:`MIN_CASES` true cases in every compared group.

    The same for every model, because predictions play no part in it.
    """
    view = sample.view(metric)
    support = np.array(
        [np.bincount(view.y_true[grouping.rows(g)], minlength=view.n_classes) for g in grouping.known]
    )
    return np.flatnonzero((support >= MIN_CASES).all(axis=0))


def compare_groups(sample: Sample, grouping: Grouping, metric: Metric, values: NDArray[np.float64]) -> Compared:
    """Return what is compared between groups: the point values, or macro values over eligible classes.

    Parameters
    ----------
    sample, grouping, metric
        What is compared.
    values
        Point values of the metric in all groups, shape (n_groups,).
    """
    known = grouping.known
    names = tuple(grouping.names[g] for g in known)
    nothing = np.full(len(known), np.nan)
    if metric.needs_probabilities and sample.predictions.y_prob is None:
        return Compared(names, nothing, reason=NEEDS_PROBABILITIES)
    if len(known) < 2:
        return Compared(names, nothing, reason=f"fewer than two known groups of {grouping.feature}")
    if not metric.macro:
        chosen = values[list(known)]
        return Compared(names, chosen, reason=_undefined_groups(names, chosen, metric))
    classes = eligible_classes(sample, grouping, metric)
    if len(classes) < MIN_CLASSES:
        return Compared(names, nothing, classes, _too_few(sample, grouping, len(classes)))
    macro = np.array([score(metric, sample, rows=grouping.rows(g), classes=classes) for g in known])
    return Compared(names, macro, classes, _undefined_groups(names, macro, metric))


def naive(metric: Metric, compared: Compared) -> dict[str, Any]:
    """Return the largest difference and ratio between groups, and which groups they are of.

    ``ratio`` is smallest / largest. Of equal values the first group is named.
    """
    values = compared.values
    low, high = int(np.argmin(values)), int(np.argmax(values))
    best, worst = (high, low) if metric.higher_is_better else (low, high)
    meaningful = metric.ratio and values[high] > 0
    return {
        "difference": float(values[high] - values[low]),
        "ratio": float(values[low] / values[high]) if meaningful else None,
        "best_group": compared.groups[best],
        "worst_group": compared.groups[worst],
    }


def disparity(sample: Sample, grouping: Grouping, metric: Metric, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return the disparity block of one metric and feature."""
    compared = compare_groups(sample, grouping, metric, values)
    block: dict[str, Any] = dict.fromkeys(KEYS)
    if compared.classes is not None:
        names = sample.classes
        block["classes"] = [names[c] for c in compared.classes]
    if compared.reason:
        return block | {"reason": compared.reason}
    block |= naive(metric, compared)
    block["values"] = dict(zip(compared.groups, map(float, compared.values), strict=True))
    if block["ratio"] is None:
        block["ratio_reason"] = "every group has the value 0" if metric.ratio else RATIO_UNDEFINED
    return block


def disparities(
    sample: Sample, grouping: Grouping, metrics: Sequence[Metric], values: NDArray[np.float64]
) -> dict[str, Any]:
    """Return {metric: disparity} of one feature; ``values`` has shape (n_groups, n_metrics)."""
    return {m.name: disparity(sample, grouping, m, values[:, i]) for i, m in enumerate(metrics)}


def _undefined_groups(names: Sequence[str], values: NDArray[np.float64], metric: Metric) -> str:
    lacking = [name for name, value in zip(names, values, strict=True) if not np.isfinite(value)]
    return f"undefined in {', '.join(lacking)}: {metric.undefined_when}" if lacking else ""


def _too_few(sample: Sample, grouping: Grouping, n_eligible: int) -> str:
    support = {
        grouping.names[g]: int((np.bincount(sample.full.y_true[grouping.rows(g)]) >= MIN_CASES).sum())
        for g in grouping.known
    }
    fewest = min(support, key=lambda name: support[name])
    return (
        f"not estimable: {n_eligible} classes have at least {MIN_CASES} true cases in every group "
        f"(in {fewest} {support[fewest]}), needed are {MIN_CLASSES}"
    )
