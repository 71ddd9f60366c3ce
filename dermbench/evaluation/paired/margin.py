"""Non-inferiority: whether any group lost more than a margin against the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.intervals.estimate import Estimate

LEVEL = 0.95
SHOWN = "no group lost more than the margin"
REFUTED = "a group lost more than the margin"
OPEN = "not shown: a group may have lost more than the margin"


def simultaneous_bound(n_groups: int, *, level: float = LEVEL) -> float:
    """Return the normal quantile of one-sided bounds that hold for all groups at once (Šidák)."""
    return float(ndtri(level ** (1 / n_groups)))


def no_group_lost(found: Mapping[str, Estimate], metric: Metric, margin: float) -> dict[str, Any]:
    """Say whether any group lost more than ``margin``.

    Parameters
    ----------
    found
        {group: difference, candidate minus baseline}, of the known groups.
    metric
        Gives the direction: a loss is a change for the worse.
    margin
        In units of the metric.

    Returns
    -------
    dict
        verdict, groups {group: {value, bound}}: the change for the better (negative for a loss) and the bound on
        its bad side, all bounds holding at once with 95 %. Without a bound for some group nothing is shown.
    """
    z = simultaneous_bound(max(1, len(found)))
    sign = 1.0 if metric.higher_is_better else -1.0
    groups: dict[str, Any] = {}
    lows, highs = [], []
    for name, estimate in found.items():
        interval = estimate.interval(z)
        if interval.low is None or interval.high is None or interval.value is None:
            groups[name] = {"value": None if interval.value is None else sign * interval.value, "bound": None}
            groups[name]["reason"] = interval.reason
            continue
        low, high = sorted((sign * interval.low, sign * interval.high))
        groups[name] = {"value": sign * interval.value, "bound": low}
        lows.append(low)
        highs.append(high)
    return {"margin": margin, "groups": groups, **_verdict(np.array(lows), np.array(highs), len(found), margin)}


def _verdict(lows: Any, highs: Any, n_groups: int, margin: float) -> dict[str, str]:
    if n_groups == 0:
        return {"verdict": OPEN, "reason": "no known group"}
    if (highs < -margin).any():
        return {"verdict": REFUTED}
    if len(lows) < n_groups:
        return {"verdict": OPEN, "reason": f"{n_groups - len(lows)} of {n_groups} groups have no bound"}
    return {"verdict": SHOWN if (lows > -margin).all() else OPEN}
