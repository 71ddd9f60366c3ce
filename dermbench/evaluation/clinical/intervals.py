"""Intervals of proportions, predictive values and net benefit; a fitted threshold widens them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from dermbench.evaluation.intervals.estimate import Z95, Estimate, undefined
from dermbench.evaluation.intervals.proportions import effective_n, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_UNIT = "no interval: all images are of one independent unit"
SHRINK = Z95**2
"""Images added for a variance, half of them successes, so that the proportion is never 0 or 1."""


@dataclass(frozen=True)
class Share:
    """A proportion: sensitivity or specificity of one group.

    Attributes
    ----------
    k, n
        Successes and images.
    n_eff
        Effective sample size; NaN for a single unit.
    at
        The proportion at thresholds between the limits of a fitted one, shape (n_thresholds,); None if the
        threshold is given.
    """

    k: int
    n: int
    n_eff: float
    at: NDArray[np.float64] | None = None

    @property
    def value(self) -> float:
        """The proportion; NaN without an image."""
        return self.k / self.n if self.n else float("nan")

    def smooth(self) -> float:
        """Return the proportion shrunk towards one half, for a variance."""
        return (self.k + SHRINK / 2) / (self.n + SHRINK)

    def estimate(self, *, empty: str) -> Estimate:
        """Return the proportion with Wilson limits, widened for a fitted threshold by MOVER."""
        if not self.n:
            return undefined(empty, 0)
        if not self.n_eff > 0:
            return Estimate(self.value, self.n, reason=ONE_UNIT)

        def limits(z: float) -> tuple[float, float, str]:
            ends = wilson(self.value, self.n_eff, z=z)
            if self.at is None:
                return *ends, "Wilson"
            low, high = combined(self.value, ends, self.at)
            return max(0.0, low), min(1.0, high), "MOVER from Wilson limits and those of the threshold"

        return Estimate(self.value, self.n, limits=limits)


def combined(value: float, ends: tuple[float, float], at: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits that combine sampling error with the range of values over possible thresholds (MOVER).

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.
    """
    low = np.hypot(value - ends[0], max(0.0, value - float(at.min())))
    high = np.hypot(ends[1] - value, max(0.0, float(at.max()) - value))
    return float(value - low), float(value + high)


def share_of(
    success: NDArray[np.bool_],
    units: NDArray[np.intp],
    *,
    clustered: bool,
    at: NDArray[np.float64] | None = None,
) -> Share:
    """Return the share of successes among images, with the effective sample size if images share units."""
    n, k = len(success), int(success.sum())
    if not clustered or not n:
        return Share(k, n, float(n), at)
    codes = np.unique(units, return_inverse=True)[1]
    hits, trials = (np.bincount(codes, weights=w).astype(np.float64) for w in (success.astype(float), None))
    return Share(k, n, effective_n(hits, trials), at)


def predictive_value(sensitivity: Share, specificity: Share, prevalence: float, *, positive: bool) -> Estimate:
    """Return the predictive value of a positive or negative call at a stated prevalence.

    The logit of the value is the log odds of the prevalence plus the log likelihood ratio. Its variance follows
    from those of sensitivity and specificity by the delta method; a fitted threshold widens the limits. If
    sensitivity or specificity is 0 or 1, the limits use adjusted estimates, with z²/2 successes and z²/2 failures
    added to each.

    Parameters
    ----------
    sensitivity, specificity
        Proportions of one group at one threshold.
    prevalence
        Share of positive cases, above 0 and below 1.
    positive
        True for the positive predictive value (PPV), False for the negative one (NPV).

    Returns
    -------
    Estimate
        Undefined if no image is called positive (negative for NPV), or if all images are of one kind.

    References
    ----------
    Mercaldo, Lau, Zhou (2007), Statistics in Medicine 26, 2170-2183, equations 8 to 11 and table II.
    """
    right, wrong = (sensitivity, specificity) if positive else (specificity, sensitivity)
    if not (right.n and wrong.n):
        return undefined("there are no positive or no other images")
    share = prevalence if positive else 1 - prevalence
    called = right.value * share + (1 - wrong.value) * (1 - share)
    if called == 0:
        return undefined(f"no image is called {'positive' if positive else 'negative'}")
    value = right.value * share / called
    if not (right.n_eff > 0 and wrong.n_eff > 0):
        return Estimate(value, None, reason=ONE_UNIT)
    exact = 0 < right.value < 1 and 0 < wrong.value < 1
    shifted = float(logit(share))

    def limits(z: float) -> tuple[float, float, str]:
        added = 0.0 if exact else z * z
        a, b = (_drawn_in(each, added) for each in (right, wrong))
        centre = shifted + np.log(a) - np.log1p(-b)
        variance = (1 - a) / (a * (right.n_eff + added)) + b / ((1 - b) * (wrong.n_eff + added))
        half = z * float(np.sqrt(variance))
        ends = (float(centre) - half, float(centre) + half)
        if right.at is not None and wrong.at is not None:
            ends = combined(float(centre), ends, float(centre) + _change(right, wrong))
        low, high = expit(ends)
        return float(min(low, value)), float(max(high, value)), "logit" if exact else "adjusted logit"

    return Estimate(value, None, limits=limits)


def _drawn_in(share: Share, added: float) -> float:
    return (share.k + added / 2) / (share.n + added) if added else share.value


def _change(right: Share, wrong: Share) -> NDArray[np.float64]:
    """Return the change of the log likelihood ratio with the threshold; shares are kept away from 0 and 1."""
    assert right.at is not None
    assert wrong.at is not None
    (a, a0), (b, b0) = ((_inside(s.at, s.n), _inside(s.value, s.n)) for s in (right, wrong))
    return np.asarray(np.log(a / a0) - np.log((1 - b) / (1 - b0)))


def _inside(share: NDArray[np.float64] | float | None, n: int) -> NDArray[np.float64]:
    """Return shares after adding one image that is half a success."""
    return np.asarray((np.asarray(share, dtype=np.float64) * n + 0.5) / (n + 1))


def net_benefit(
    called: NDArray[np.bool_],
    positive: NDArray[np.bool_],
    units: NDArray[np.intp],
    probability: float,
    *,
    clustered: bool,
) -> Estimate:
    """Return the net benefit of calling images positive, in true positives per image.

    It is the share of true positives, minus the share of false positives times the odds of the threshold
    probability. Limits combine the Wilson limits of the two shares (MOVER), whose events exclude each other.

    Parameters
    ----------
    called, positive
        Whether each image is called positive, and whether it is positive, shape (n_samples,).
    units
        Independent unit of each image.
    probability
        Threshold probability, above 0 and below 1.
    clustered
        Whether images share units.

    References
    ----------
    Vickers & Elkin (2006), Medical Decision Making 26, 565-574; Zou & Donner (2008), Statistics in Medicine 27,
    1693-1702.
    """
    if not len(called):
        return undefined("there is no image", 0)
    odds = probability / (1 - probability)
    true = share_of(called & positive, units, clustered=clustered)
    false = share_of(called & ~positive, units, clustered=clustered)
    value = true.value - odds * false.value
    if not (true.n_eff > 0 and false.n_eff > 0):
        return Estimate(value, true.n, reason=ONE_UNIT)
    a, b = true.smooth(), false.smooth()
    r = -float(np.sqrt(a * b / ((1 - a) * (1 - b))))

    def limits(z: float) -> tuple[float, float, str]:
        (la, ua), (lb, ub) = (wilson(each.value, each.n_eff, z=z) for each in (true, false))

        def arm(one: float, other: float) -> float:
            return float(np.sqrt(max(0.0, one**2 + other**2 - 2 * r * one * other)))

        low = arm(true.value - la, odds * (ub - false.value))
        high = arm(ua - true.value, odds * (false.value - lb))
        return value - low, value + high, "MOVER from Wilson limits"

    return Estimate(value, true.n, limits=limits)
