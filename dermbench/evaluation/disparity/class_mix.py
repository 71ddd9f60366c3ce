"""Accuracy and macro-F1 of each group, standardised to the class mix of all groups together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.groups import group_tally
from dermbench.evaluation.core.sample import ELIGIBLE, MIN_ELIGIBLE, eligible_classes, too_few_eligible
from dermbench.evaluation.intervals.balanced import PSEUDO, design_effect
from dermbench.evaluation.intervals.estimate import Estimate, undefined
from dermbench.evaluation.intervals.proportions import effective_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import GroupEstimates

MIN_UNITS = 2
ROUNDING = 1e-9
"""Standard errors below this are rounding noise."""
METHOD = "Wilson, effective n of the standardised value"


def standardised(sample: Sample, grouping: Grouping) -> GroupEstimates:
    """Return accuracy and macro-F1 of each known group under the class mix of all known groups.

    Direct standardisation over the eligible classes (10 true cases in every group). An image of class t in
    group g has the weight π_t / n_gt, where π is the mix of eligible classes over all groups. Images of other
    classes are left out.

    Parameters
    ----------
    sample, grouping
        The data; unknown groups are left out.

    Returns
    -------
    dict
        {(group, ``"standardised_accuracy"`` or ``"standardised_macro_f1"``): estimate}.
    """
    known = grouping.known()
    support = group_tally(sample, known).support
    classes = eligible_classes(support)
    found: GroupEstimates = {}
    for index, name in enumerate(known.names):
        accuracy, f1 = _group(sample.take(known.codes == index), classes, support)
        found |= {(name, "standardised_accuracy"): accuracy, (name, "standardised_macro_f1"): f1}
    return found


def _group(sample: Sample, classes: NDArray[np.intp], support: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    if len(classes) < MIN_ELIGIBLE:
        reason = too_few_eligible(len(classes))
        return undefined(reason, len(sample)), undefined(reason, len(sample))
    mix = support[:, classes].sum(axis=0) / support[:, classes].sum()
    inside = sample.take(np.isin(sample.y_true, classes))
    t = np.searchsorted(classes, inside.y_true)
    counts = np.zeros((len(classes), sample.n_classes))
    np.add.at(counts, (t, inside.y_pred), 1.0)
    n = counts.sum(axis=1)
    # Shares of counts, not sums of weights: with every image right, recall and F1 are exactly 1.
    shares = mix[:, None] * (counts / n[:, None])
    correct = shares[np.arange(len(classes)), classes]
    f1 = float(np.clip((2 * correct / (mix + shares.sum(axis=0)[classes])).mean(), 0.0, 1.0))
    influence = _f1_influence(inside, classes, (mix / n)[t], shares, mix)
    most = 1 / float(np.sum(mix**2 / n)) / (_design_effect(inside, t, mix) if inside.clustered else 1.0)
    return _accuracy(inside, t, mix), _macro_f1(inside, f1, influence, n.min(), most)


def _accuracy(sample: Sample, t: NDArray[np.intp], mix: NDArray[np.float64]) -> Estimate:
    """Return Σ π r (recall r of each class) with Wilson's interval at its effective n; ``t`` is the class."""
    n = np.bincount(t, minlength=len(mix)).astype(np.float64)
    k = np.bincount(t[sample.hit], minlength=len(mix)).astype(np.float64)
    value = float(np.clip((mix * (k / n)).sum() / mix.sum(), 0.0, 1.0))
    shrunk = (k + PSEUDO * value) / (n + PSEUDO)
    variance = float(np.sum(mix**2 * shrunk * (1 - shrunk) / n))
    n_eff = _capped(value, variance, 1 / float(np.sum(mix**2 / n)))
    if not sample.clustered:
        return _estimate(sample, value, float(np.sqrt(variance)), n_eff)
    effect = _design_effect(sample, t, mix)
    return _estimate(sample, value, float(np.sqrt(variance * effect)), n_eff / effect)


def _capped(value: float, variance: float, most: float) -> float:
    """Return the effective n, at most ``most``: the effective n of the weighted images with equal recalls."""
    return min(value * (1 - value) / variance, most) if variance > 0 else most


def _design_effect(sample: Sample, t: NDArray[np.intp], mix: NDArray[np.float64]) -> float:
    shape = (sample.n_units, len(mix))
    cells = sample.units * shape[1] + t
    support = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    correct = np.bincount(cells[sample.hit], minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    return design_effect(correct, support, mix)


def _f1_influence(
    sample: Sample,
    classes: NDArray[np.intp],
    weight: NDArray[np.float64],
    shares: NDArray[np.float64],
    mix: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the first-order contribution of each image to standardised macro-F1 (its gradient by class)."""
    t = np.searchsorted(classes, sample.y_true)
    correct = shares[np.arange(len(classes)), classes]
    total = mix + shares.sum(axis=0)[classes]
    gain, loss = 2 / total, 2 * correct / total**2
    of_prediction = np.zeros(sample.n_classes)
    of_prediction[classes] = loss
    expected = (shares @ of_prediction) / mix
    hit = gain[t] * (sample.hit.astype(np.float64) - (correct / mix)[t])
    return np.asarray(weight * (hit - (of_prediction[sample.y_pred] - expected[t])) / len(classes))


def _macro_f1(
    sample: Sample, value: float, influence: NDArray[np.float64], fewest: float, most: float
) -> Estimate:
    """Return macro-F1 with Wilson's interval at the effective n of its linearised variance, at most ``most``."""
    sums = np.bincount(sample.units, weights=influence)
    m = len(sums)
    se = float(np.sqrt(m / max(1, m - 1) * np.sum(sums**2)))
    if fewest < ELIGIBLE:
        reason = f"no interval: a compared class has fewer than {ELIGIBLE} true cases"
        return Estimate(value, len(sample), se, reason=reason)
    if m >= MIN_UNITS and se <= ROUNDING:
        return Estimate(value, len(sample), reason="no interval: the standard error is 0")
    return _estimate(sample, value, se, _capped(value, se**2, most))


def _estimate(sample: Sample, value: float, se: float, n_eff: float) -> Estimate:
    m = sample.n_units if sample.clustered else None
    return effective_estimate(value, len(sample), n_eff, method=METHOD, n_units=m, se=se)
