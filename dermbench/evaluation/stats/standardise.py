"""Class-mix standardised accuracy and macro-F1: every group as if it had the class mix of all images together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.stats.estimates import Estimate, undefined
from dermbench.evaluation.stats.proportions import wilson
from dermbench.evaluation.stats.sample import eligible_classes, group_tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.stats.estimates import Interval
    from dermbench.evaluation.stats.sample import Grouping, Sample

MIN_CLASSES = 2
METHOD = "Wilson, effective n of the linearised standard error"


def standardised(sample: Sample, grouping: Grouping) -> dict[tuple[str, str], Interval]:
    """Return accuracy and macro-F1 of each known group under the class mix of all known groups.

    Direct standardisation over the eligible classes (10 true cases in every group): an image of class t in
    group g gets the weight π_t / n_gt, where π is the mix of eligible classes over all groups. Images of other
    classes are left out.

    Parameters
    ----------
    sample, grouping
        The data; unknown groups are left out.

    Returns
    -------
    dict
        {(group, ``"standardised_accuracy"`` or ``"standardised_macro_f1"``): interval}.
    """
    known = grouping.known()
    support = group_tally(sample, known).support
    classes = eligible_classes(support)
    found: dict[tuple[str, str], Interval] = {}
    for index, name in enumerate(known.names):
        accuracy, f1 = _group(sample.take(known.codes == index), classes, support)
        found[name, "standardised_accuracy"] = accuracy.interval()
        found[name, "standardised_macro_f1"] = f1.interval()
    return found


def _group(sample: Sample, classes: NDArray[np.intp], support: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    if len(classes) < MIN_CLASSES:
        reason = (
            f"not estimable: {len(classes)} classes have 10 true cases in every group, needed are {MIN_CLASSES}"
        )
        return undefined(reason, len(sample)), undefined(reason, len(sample))
    mix = support[:, classes].sum(axis=0) / support[:, classes].sum()
    inside = sample.take(np.isin(sample.y_true, classes))
    t = np.searchsorted(classes, inside.y_true)
    per_image = (mix / np.bincount(t, minlength=len(classes)))[t]
    shares = np.zeros((len(classes), sample.n_classes))
    np.add.at(shares, (t, inside.y_pred), per_image)
    hit = inside.hit.astype(np.float64)
    recall = np.bincount(t, weights=per_image * hit, minlength=len(classes))
    accuracy, f1 = float(recall.sum()), 2 * recall / (mix + shares.sum(axis=0)[classes])
    return (
        _estimate(inside, accuracy, per_image * (hit - (recall / mix)[t])),
        _estimate(inside, float(f1.mean()), _f1_influence(inside, classes, per_image, shares, mix)),
    )


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


def _estimate(sample: Sample, value: float, influence: NDArray[np.float64]) -> Estimate:
    n = len(sample)
    sums = np.bincount(sample.units, weights=influence)
    m = len(sums)
    if m < 2:
        return Estimate(value, n, reason="no interval: all images are of one independent unit")
    se = float(np.sqrt(m / (m - 1) * np.sum(sums**2)))
    n_eff = value * (1 - value) / se**2 if se > 0 else float(m)

    def limits(z: float) -> tuple[float, float, str]:
        return *wilson(value, n_eff, z=z), METHOD

    return Estimate(value, n, se, limits)
