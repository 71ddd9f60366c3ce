"""Curves for figures, from the probability of the predicted class: reliability, and risk against coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import MOST_COVERAGES, ConfidenceCurves, CoveragePoint, GroupCurves
from dermbench.errors import UsageError
from dermbench.evaluation.calibration.reliability import reliability_curve

if TYPE_CHECKING:
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample


def confidence_curves(sample: Sample, grouping: Grouping | None) -> ConfidenceCurves:
    """Return the risk-coverage curve of all images, and both curves of each group.

    Parameters
    ----------
    sample
        Truth and probabilities.
    grouping
        Sensitive feature; None for no groups. Images of unknown group, and groups without images, get no curve.

    Raises
    ------
    UsageError
        Without probabilities.
    """
    parts = {}
    if grouping is not None:
        parts = {name: sample.take(grouping.codes == g) for g, name in enumerate(grouping.names)}
    return ConfidenceCurves(
        feature=None if grouping is None else grouping.feature,
        risk_coverage=risk_coverage(sample),
        groups={
            str(name): GroupCurves(reliability=reliability_curve(part), risk_coverage=risk_coverage(part))
            for name, part in parts.items()
            if len(part)
        },
    )


def risk_coverage(sample: Sample) -> tuple[CoveragePoint, ...]:
    """Return the error rate against coverage, where images at or above a confidence threshold are answered.

    Images of equal confidence are answered together, so they give one point. Only the points that first reach a
    coverage of 1/m, 2/m ... 1 are kept, with m = :data:`~dermbench.artifacts.report.MOST_COVERAGES`. At the last
    point all images are answered.

    Parameters
    ----------
    sample
        Truth and probabilities, shape (n_samples, n_classes).

    Returns
    -------
    tuple of CoveragePoint
        By rising coverage; empty without images.

    Raises
    ------
    UsageError
        Without probabilities.

    References
    ----------
    El-Yaniv & Wiener (2010), JMLR 11; Geifman & El-Yaniv (2017), NeurIPS.
    """
    if sample.y_prob is None:
        raise UsageError("a risk-coverage curve needs probabilities")
    n = len(sample)
    if not n:
        return ()
    confidence = sample.y_prob.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    errors = np.cumsum(sample.y_prob.argmax(axis=1)[order] != sample.y_true[order])
    answered = np.append(np.flatnonzero(falling[1:] < falling[:-1]) + 1, n)
    steps = -(-np.arange(1, MOST_COVERAGES + 1) * n // MOST_COVERAGES)  # fewest images with each coverage
    kept = np.unique(answered[np.searchsorted(answered, steps)])
    return tuple(CoveragePoint(n=int(k), coverage=k / n, risk=int(errors[k - 1]) / k) for k in kept)
