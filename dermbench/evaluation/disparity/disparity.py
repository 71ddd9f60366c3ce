"""A disparity: the naive gap of a metric, what chance alone gives, and what can be said about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.disparity.gaps import Spread, between_group_sd, gap_limits, limits_at, simultaneous_z
from dermbench.evaluation.disparity.testing import (
    ALPHA,
    Null,
    Tests,
    declared_tests,
    minimum_detectable,
    pair_p_value,
    ranges,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimate

EVIDENCE = "evidence of a disparity"
NOTHING = "no disparity detected"
TOO_SMALL = "too small to tell"
SMALL_GROUP = 30
"""Independent units of the smallest group below which no finding means: too small to tell."""
LARGE_GAP = 0.25
"""Share of the metric's positive range: when only larger differences are detectable, too small to tell."""
CLIPPED = frozenset({"log_loss"})
"""Metrics whose upper bound comes from clipping probabilities and says nothing about what a large gap is."""


@dataclass(frozen=True)
class Worst:
    """The group with the worst value.

    Attributes
    ----------
    group, value, n
        Its name, value and number of images.
    bound
        End of its interval on the bad side, at the simultaneous level.
    runner_up
        The group with the next worst value.
    p_value
        That the two differ, adjusted for all pairs of groups.
    """

    group: str
    value: float
    n: int
    bound: float | None
    runner_up: str
    p_value: float


@dataclass(frozen=True)
class Disparity:
    """Everything that is printed about a metric's differences between the groups of a feature.

    Attributes
    ----------
    difference, ratio
        Largest minus smallest, and smallest over largest group value; None where undefined.
    best_group, worst_group
        Groups they are of; the first of equal values.
    low, high
        Simultaneous 95 % interval of the difference.
    null_median, null_q95, p_value
        Median and 95th percentile of the difference when groups do not matter, and the share of permutations
        with at least the observed one, (b+1)/(B+1).
    between_group_sd
        Standard deviation between groups beyond sampling error, with interval.
    minimum_detectable
        Smallest difference of one group from all others found with 80 % power.
    verdict
        One of three sentences.
    values, n
        What was compared: value and number of images of each group.
    tests
        P values of the omnibus and trend tests, and Holm's.
    worst
        About the worst group.
    classes
        Classes that a macro metric was averaged over.
    n_permutations, n_undefined
        Permutations made, and those in which a group's value was undefined.
    reasons
        Why a field is None, by field; ``reason`` for the whole.
    notes
        What a reader must know.
    """

    difference: float | None = None
    ratio: float | None = None
    best_group: str | None = None
    worst_group: str | None = None
    low: float | None = None
    high: float | None = None
    null_median: float | None = None
    null_q95: float | None = None
    p_value: float | None = None
    between_group_sd: Spread = field(default_factory=lambda: Spread(None))
    minimum_detectable: float | None = None
    verdict: str | None = None
    values: dict[str, float | None] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)
    tests: Tests | None = None
    worst: Worst | None = None
    classes: tuple[int, ...] | None = None
    n_permutations: int = 0
    n_undefined: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return plain JSON values, with the keys of the report's disparities block and further ones."""
        full = {each.name: getattr(self, each.name) for each in fields(self)}
        for key in ("between_group_sd", "tests", "worst"):
            full[key] = None if full[key] is None else asdict(full[key])
        for key in ("values", "n", "reasons"):
            full[key] = dict(full[key])
        full["notes"] = list(self.notes)
        full["classes"] = None if self.classes is None else list(self.classes)
        return full


@dataclass(frozen=True)
class Comparison:
    """What a disparity is made from.

    Attributes
    ----------
    metric
        What is compared.
    names
        Groups.
    estimates
        Value and limits of each group.
    null
        Observed and permuted values of the groups.
    n_units
        Independent units of each group.
    classes
        Classes that a macro metric was averaged over.
    n_classes
        Size of the class set; None when it is not known.
    mixed
        Whether many units have images of several groups, so that permutations say little about power.
    ranked
        Whether a best and a worst group may be named.
    notes
        What a reader must know.
    """

    metric: Metric
    names: Sequence[str]
    estimates: Sequence[Estimate]
    null: Null
    n_units: Sequence[int]
    classes: NDArray[np.intp] | None = None
    n_classes: int | None = None
    mixed: bool = False
    ranked: bool = True
    notes: tuple[str, ...] = ()


def describe(comparison: Comparison) -> Disparity:
    """Return the disparity of a comparison in which every group has a value."""
    null, estimates = comparison.null, comparison.estimates
    values = null.observed
    permuted = ranges(null.all_values)
    tests = declared_tests(null)
    detectable = None if comparison.mixed else minimum_detectable(null)
    reasons: dict[str, str] = {}
    limits = limits_at(estimates, simultaneous_z(len(values)))
    low, high = (None, None) if isinstance(limits, str) else gap_limits(values, *limits)
    if isinstance(limits, str):
        reasons["low"] = limits
    spread = between_group_sd(values, np.array([item.se for item in estimates]))
    if spread.value is None:
        reasons["between_group_sd"] = "a group has no standard error"
    if detectable is None:
        why = (
            "units have images of several groups"
            if comparison.mixed
            else "the values do not vary under permutation"
        )
        reasons["minimum_detectable"] = f"not estimable: {why}"
    return Disparity(
        low=low,
        high=high,
        null_median=float(np.median(permuted[1:])) if len(permuted) > 1 else None,
        null_q95=float(np.quantile(permuted[1:], 0.95)) if len(permuted) > 1 else None,
        p_value=null.p_value(permuted),
        between_group_sd=spread,
        minimum_detectable=detectable,
        verdict=verdict(comparison, tests, detectable),
        values=dict(zip(comparison.names, map(float, values), strict=True)),
        n={name: item.n for name, item in zip(comparison.names, estimates, strict=True)},
        tests=tests,
        classes=None if comparison.classes is None else tuple(map(int, comparison.classes)),
        n_permutations=len(null.permuted),
        n_undefined=null.n_undefined,
        notes=comparison.notes,
        **_ranking(comparison, reasons),
        reasons=reasons,
    )


def verdict(comparison: Comparison, tests: Tests, detectable: float | None) -> str:
    """Return one of the three sentences.

    Evidence: a declared test has p <= .05 after Holm. Otherwise too small to tell: a group has fewer than 30
    independent units, or only differences above a quarter of the metric's positive range would have been found.
    The range of a loss that only clipping bounds is log(n_classes), the loss of uniform probabilities.
    """
    if tests.adjusted <= ALPHA:
        return EVIDENCE
    width = _width(comparison.metric, comparison.n_classes)
    if detectable is None or min(comparison.n_units) < SMALL_GROUP:
        return TOO_SMALL
    if np.isfinite(width) and detectable > LARGE_GAP * width:
        return TOO_SMALL
    return f"{NOTHING} (could have detected ≥ {detectable:.2g})"


def _width(metric: Metric, n_classes: int | None) -> float:
    """Return the metric's positive range; of log loss, whose bound is that of clipping, log(n_classes)."""
    if metric.name in CLIPPED and n_classes is not None:
        return float(np.log(n_classes))
    low, high = metric.bounds
    return high - max(low, 0.0)


def _ranking(comparison: Comparison, reasons: dict[str, str]) -> dict[str, Any]:
    """Return difference, ratio, best, worst and the worst group's particulars; fill in reasons."""
    metric, values, names = comparison.metric, comparison.null.observed, comparison.names
    if not comparison.ranked:
        reasons["difference"] = f"not ranked: an intersection has fewer than {SMALL_GROUP} images"
        return {}
    order = np.argsort(values if metric.higher_is_better else -values, kind="stable")
    worst, runner_up = int(order[0]), int(order[1])
    best = int(np.argmax(values) if metric.higher_is_better else np.argmin(values))
    lowest, highest = float(values.min()), float(values.max())
    meaningful = metric.ratio and lowest >= 0 and highest > 0
    if not meaningful:
        reasons["ratio"] = "every group has the value 0" if metric.ratio else "the metric can be negative"
    interval = comparison.estimates[worst].interval(simultaneous_z(len(values)))
    particulars = Worst(
        group=names[worst],
        value=float(values[worst]),
        n=comparison.estimates[worst].n,
        bound=interval.low if metric.higher_is_better else interval.high,
        runner_up=names[runner_up],
        p_value=pair_p_value(comparison.null, worst, runner_up),
    )
    return {
        "difference": highest - lowest,
        "ratio": lowest / highest if meaningful else None,
        "best_group": names[best],
        "worst_group": names[worst],
        "worst": particulars,
    }
