"""Operating points: which images are called positive at a threshold, and how often that is right, by subgroup."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import rounded
from dermbench.errors import UsageError
from dermbench.evaluation.clinical.intervals import Share, share_of
from dermbench.evaluation.clinical.rules import Rule, threshold_at
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.estimate import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample


DIGITS = 9
STEPS = 33
"""Most thresholds between the limits of a fitted one at which shares are computed."""


@dataclass(frozen=True)
class Fitted:
    """A rule with its threshold.

    Attributes
    ----------
    rule
        The rule.
    threshold
        Images at or above it are called positive; NaN for the predicted class, infinity if no image is.
    limits
        95 % interval for the threshold that unlimited validation images would give; None if it is not fitted.
    """

    rule: Rule
    threshold: float
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scored:
    """Images seen as positive or not, with the probability of the positive classes.

    Attributes
    ----------
    sample
        The view of positive classes: class 1 is positive.
    """

    sample: Sample

    @cached_property
    def positive(self) -> NDArray[np.bool_]:
        """Whether each image is positive, shape (n_samples,)."""
        return np.asarray(self.sample.y_true == 1)

    @property
    def score(self) -> NDArray[np.float64]:
        """Probability of the positive classes, to nine decimals: .7 + .1 is .8, shape (n_samples,).

        Raises
        ------
        UsageError
            Without probabilities.
        """
        if self.sample.y_prob is None:
            raise UsageError(f"an operating point other than the predicted class {NEEDS_PROBABILITIES}")
        return np.round(self.sample.y_prob[:, 1], DIGITS)

    def called(self, fitted: Fitted) -> NDArray[np.bool_]:
        """Return whether each image is called positive, shape (n_samples,)."""
        if fitted.rule.kind == "argmax":
            return np.asarray(self.sample.y_pred == 1)
        return np.asarray(self.score >= fitted.threshold)

    def at(self, fitted: Fitted) -> Sample:
        """Return the images with the predictions of the rule."""
        return replace(self.sample, y_pred=self.called(fitted).astype(np.intp))

    def between(self, fitted: Fitted, rows: NDArray[np.intp] | slice, most: int) -> NDArray[np.float64]:
        """Return the limits of a fitted threshold, and at most ``most`` scores of images between them."""
        assert fitted.limits is not None
        score = self.score[rows]
        inside = np.unique(score[(score > fitted.limits[0]) & (score <= fitted.limits[1])])
        steps = inside[np.linspace(0, len(inside) - 1, min(len(inside), most)).astype(np.intp)]
        return np.concatenate([fitted.limits, steps])

    def shares(self, fitted: Fitted, rows: NDArray[np.intp]) -> tuple[Share, Share]:
        """Return sensitivity and specificity among the images at ``rows``."""
        called, positive = self.called(fitted)[rows], self.positive[rows]
        units, clustered = self.sample.units[rows], self.sample.clustered
        found = []
        for inside, right in ((positive, called), (~positive, ~called)):
            found.append(share_of(right[inside], units[inside], clustered=clustered))
        if fitted.limits is None:
            return found[0], found[1]
        score, thresholds = self.score[rows], self.between(fitted, rows, STEPS)
        above = [_above(score[inside], thresholds) for inside in (positive, ~positive)]
        return replace(found[0], at=above[0]), replace(found[1], at=1 - above[1])


def fit(rule: Rule, validation: Scored) -> Fitted:
    """Fit the threshold of a rule on validation images, with a 95 % interval.

    The limits are the thresholds at the rates target ± z·√(target(1 - target)/n), where n is the effective number
    of images that the rule counts. If such a rate is above 1, or below the rate of a single image, the limit is
    the end of the scale: the images do not tell how far a threshold may lie beyond them.

    Raises
    ------
    UsageError
        When all validation images are positive, or none is; or when no number with six decimals lies between the
        scores on both sides of the threshold.
    """
    if not rule.fitted or rule.target is None:
        return Fitted(rule, float("nan") if rule.target is None else rule.target)
    score, positive = validation.score, validation.positive
    if not 0 < positive.sum() < len(positive):
        raise UsageError("--validation: fitting a threshold needs positive and other images")
    threshold = threshold_at(rule, rule.target, score, positive)
    if math.isfinite(threshold) and rounded(threshold) != threshold:
        raise UsageError(
            f"--operating-point {rule.name}: scores near the threshold {threshold:g} differ by less than .000001",
            remedy="Give probabilities that are not so close to 0 or 1; a report has six decimals.",
        )
    counted = positive if rule.kind == "sensitivity" else ~positive
    right = (score >= threshold) == positive
    sample = validation.sample
    found = share_of(right[counted], sample.units[counted], clustered=sample.clustered)
    n = found.n_eff if found.n_eff > 0 else 1.0
    half = Z95 * float(np.sqrt(rule.target * (1 - rule.target) / n))
    few, many = rule.target - half, rule.target + half
    extreme = (0.0, float("inf")) if rule.kind == "sensitivity" else (float("inf"), 0.0)
    ends = (
        extreme[0] if many >= 1 else threshold_at(rule, many, score, positive),
        extreme[1] if few * len(right[counted]) <= 1 else threshold_at(rule, few, score, positive),
    )
    return Fitted(rule, threshold, (min(ends), max(ends)))


def _above(score: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of scores at or above each threshold, shape as ``thresholds``; 0 without a score."""
    if not len(score):
        return np.zeros(len(thresholds))
    return np.asarray(1 - np.searchsorted(np.sort(score), thresholds, side="left") / len(score))
