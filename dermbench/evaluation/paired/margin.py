"""Non-inferiority: whether any group lost more than a margin against the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scipy.special import ndtri

from dermbench.artifacts.comparison import Loss, MarginAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.report import Cell
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimate

LEVEL = 0.95
ONE_SIDED = float(ndtri(LEVEL))
"""Normal quantile of the bound of each group."""


def simultaneous_bound(n_groups: int) -> float:
    """Return the normal quantile of one-sided bounds that hold for all groups at once (Šidák)."""
    return float(ndtri(LEVEL ** (1 / max(1, n_groups))))


def no_group_lost(found: Mapping[str, Estimate], metric: Metric, margin: float) -> MarginAnswer:
    """Say whether any group lost more than ``margin``.

    "No group lost more" is shown if the one-sided 95 % bound of every group is above -margin; this claim about all
    groups needs no correction for their number (intersection-union test). "Some group lost more" needs bounds
    that hold for all groups at once.

    Parameters
    ----------
    found
        {group: difference, candidate minus baseline} of the known groups.
    metric
        The metric; its direction decides which change is a loss.
    margin
        Largest acceptable loss, in units of the metric.

    References
    ----------
    Berger (1982), Technometrics 24, 295-300.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    z = simultaneous_bound(len(found))
    groups, lost = {}, False
    for name, estimate in found.items():
        groups[name] = _loss(estimate.cell(ONE_SIDED), sign)
        ends = _ends(estimate.cell(z), sign)
        lost |= ends is not None and ends[1] < -margin
    lacking = sum(group.bound is None for group in groups.values())
    reason = "no known group" if not groups else None
    verdict: Literal["shown", "lost", "open"] = "lost" if lost else "open"
    if lacking and not lost:
        reason = f"{lacking} of {len(groups)} groups have no bound"
    elif groups and all(group.bound is not None and group.bound > -margin for group in groups.values()):
        verdict = "shown"
    return MarginAnswer(margin=margin, verdict=verdict, groups=groups, reason=reason)


def _loss(interval: Cell, sign: float) -> Loss:
    ends = _ends(interval, sign)
    value = None if interval.value is None else sign * interval.value
    if ends is None:
        return Loss(value=value, bound=None, reason=interval.reason)
    return Loss(value=value, bound=ends[0])


def _ends(interval: Cell, sign: float) -> tuple[float, float] | None:
    """Return the limits of the improvement, the lower one first."""
    if interval.low is None or interval.high is None:
        return None
    low, high = sorted((sign * interval.low, sign * interval.high))
    return low, high
