"""Several labellings of the same sensitive feature: how far they agree, and what that does to every gap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.stats.disparities import disparities
from dermbench.evaluation.stats.estimates import Z95, Interval
from dermbench.evaluation.stats.kappa import kappa_se
from dermbench.evaluation.stats.proportions import wilson
from dermbench.evaluation.stats.seeding import N_RESAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.stats.disparity import Disparity
    from dermbench.evaluation.stats.sample import Grouping, Sample

AGREEMENT = "agreement only"


@dataclass(frozen=True)
class Agreement:
    """How two labellings of an ordered feature agree.

    Attributes
    ----------
    first, second
        Names of the labellings.
    n
        Images that both label.
    exact, within_one
        Share of these with the same group, and with neighbouring ones at most.
    kappa
        Cohen's kappa.
    """

    first: str
    second: str
    n: int
    exact: Interval
    within_one: Interval
    kappa: Interval


@dataclass(frozen=True)
class Band:
    """A gap under every labelling.

    Attributes
    ----------
    low, high
        Smallest and largest observed difference; None when no labelling gives one.
    differences, p_values
        Of each labelling, and of the images on which all agree; None where undefined.
    verdicts
        Of each labelling.
    consistent
        Whether all labellings with a verdict come to the same one, up to the detectable difference.
    """

    low: float | None
    high: float | None
    differences: dict[str, float | None]
    p_values: dict[str, float | None]
    verdicts: dict[str, str | None]
    consistent: bool


def agreement(first: Grouping, second: Grouping) -> Agreement:
    """Return how two labellings with the same group names agree; images that one does not label are left out."""
    both = (first.codes >= 0) & (second.codes >= 0)
    a, b = first.codes[both], second.codes[both]
    exact, near = (_share(same) for same in (a == b, np.abs(a - b) <= 1))
    return Agreement(first.feature, second.feature, len(a), exact, near, kappa_interval(a, b, len(first.names)))


def _share(same: NDArray[np.bool_]) -> Interval:
    n = len(same)
    if n == 0:
        return Interval(None, n=0, reason="no image has both labels")
    value = float(same.mean())
    return Interval(value, *wilson(value, n), n=n, method="Wilson")


def kappa_interval(a: NDArray[np.intp], b: NDArray[np.intp], n_classes: int) -> Interval:
    """Return Cohen's kappa of two codings with its large-sample interval."""
    value, se, n = kappa_se(a, b, n_classes)
    if not np.isfinite(value):
        return Interval(None, n=n, reason="all images have one label")
    low, high = max(-1.0, value - Z95 * se), min(1.0, value + Z95 * se)
    return Interval(value, low, high, n, "Fleiss-Cohen-Everitt standard error")


def sensitivity_band(
    sample: Sample,
    labellings: Sequence[Grouping],
    metrics: Sequence[Metric],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    known: dict[str, dict[str, Disparity]] | None = None,
) -> dict[str, Band]:
    """Return each metric's gap under every labelling and on the images where all labellings agree.

    Parameters
    ----------
    sample
        Truth and predictions.
    labellings
        The same feature by several sources, with the same group names.
    metrics
        What to compare.
    seed, n_resamples
        See :class:`~dermbench.evaluation.stats.seeding.Plan`.
    known
        Disparities that were computed before, {feature: {metric: disparity}}.

    Returns
    -------
    dict
        {metric name: band}.
    """
    codes = np.stack([labelling.codes for labelling in labellings])
    same = (codes == codes[0]).all(axis=0)
    agreed = replace(labellings[0], feature=AGREEMENT, codes=np.where(same, codes[0], -1))
    tables = {}
    for grouping in (*labellings, agreed):
        done = (known or {}).get(grouping.feature)
        tables[grouping.feature] = done or disparities(
            sample, grouping, metrics, seed=seed, n_resamples=n_resamples
        )
    return {metric.name: _band({name: table[metric.name] for name, table in tables.items()}) for metric in metrics}


def _band(found: dict[str, Disparity]) -> Band:
    differences = {name: item.difference for name, item in found.items()}
    there = [d for d in differences.values() if d is not None]
    kinds = {item.verdict.split(" (")[0] for item in found.values() if item.verdict is not None}
    return Band(
        low=min(there) if there else None,
        high=max(there) if there else None,
        differences=differences,
        p_values={name: item.p_value for name, item in found.items()},
        verdicts={name: item.verdict for name, item in found.items()},
        consistent=len(kinds) <= 1,
    )
