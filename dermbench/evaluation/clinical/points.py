"""Operating points: who is called positive at a threshold, and how often that is right, by subgroup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.clinical.intervals import Share, share_of
from dermbench.evaluation.clinical.rules import Rule, fit_threshold, fitted_thresholds
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

MOST_RESAMPLES = 999
"""Resamples of the validation images; only the variance of the threshold is taken from them."""
STREAM = "validation thresholds"


@dataclass(frozen=True)
class Fitted:
    """A rule with its threshold.

    Attributes
    ----------
    rule
        The rule.
    threshold
        An image is called positive at or above it; NaN for the predicted class, infinity where none is.
    resampled
        Thresholds that resampled validation images give, shape (n_resamples,); None where nothing was fitted.
    """

    rule: Rule
    threshold: float
    resampled: NDArray[np.float64] | None = None


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
        """Probability of the positive classes, shape (n_samples,).

        Raises
        ------
        UsageError
            Without probabilities.
        """
        if self.sample.y_prob is None:
            raise UsageError(f"an operating point other than the predicted class {NEEDS_PROBABILITIES}")
        return self.sample.y_prob[:, 1]

    def called(self, fitted: Fitted) -> NDArray[np.bool_]:
        """Return whether each image is called positive, shape (n_samples,)."""
        if fitted.rule.kind == "argmax":
            return np.asarray(self.sample.y_pred == 1)
        return np.asarray(self.score >= fitted.threshold)

    def at(self, fitted: Fitted) -> Sample:
        """Return the images with the predictions that the rule makes."""
        return replace(self.sample, y_pred=self.called(fitted).astype(np.intp))

    def shares(self, fitted: Fitted, rows: NDArray[np.intp]) -> tuple[Share, Share]:
        """Return sensitivity and specificity among the images at ``rows``."""
        called, positive = self.called(fitted)[rows], self.positive[rows]
        units, clustered = self.sample.units[rows], self.sample.clustered
        found = []
        for inside, right in ((positive, called), (~positive, ~called)):
            found.append(share_of(right[inside], units[inside], clustered=clustered))
        if fitted.resampled is None:
            return found[0], found[1]
        score = self.score[rows]
        above = [_above(score[inside], fitted.resampled) for inside in (positive, ~positive)]
        return replace(found[0], at=above[0]), replace(found[1], at=1 - above[1])


def fit(rule: Rule, validation: Scored, plan: Plan) -> Fitted:
    """Find the threshold of a rule on validation images, and those that resampled units of them give.

    Raises
    ------
    UsageError
        When the validation images are all positive, or all not.
    """
    score, positive = validation.score, validation.positive
    if not 0 < positive.sum() < len(positive):
        raise UsageError("--validation: a threshold needs positive and other images")
    threshold = fit_threshold(rule, score, positive)
    units, n_units = validation.sample.units, validation.sample.n_units
    size = min(plan.n_resamples, MOST_RESAMPLES)
    counts = plan.generator(STREAM).multinomial(n_units, np.full(n_units, 1 / n_units), size=size)
    found = fitted_thresholds(rule, score, positive, counts[:, units])
    return Fitted(rule, threshold, found[~np.isnan(found)])


def _above(score: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of scores at or above each threshold, shape as ``thresholds``; 0 without a score."""
    if not len(score):
        return np.zeros(len(thresholds))
    return np.asarray(1 - np.searchsorted(np.sort(score), thresholds, side="left") / len(score))
