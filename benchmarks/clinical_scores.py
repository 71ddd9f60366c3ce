"""Synthetic classifiers with scores for a positive class and known sensitivity and specificity.

A population has a validation set, on which a threshold is chosen, and a test set, on which it is assessed. An
image is called positive when its score is at or above the threshold. Given class and skin type, scores have the
same distribution in both sets; prevalence and the share of each skin type may differ.

All truths are computed from the distribution of scores in closed form (AUROC by a fine trapezoid, exact to 1e-5):

``threshold(rule, target)``
    Rule "specificity": the smallest threshold whose specificity over all images is at least the target.
    Rule "sensitivity": the largest threshold whose sensitivity over all images is at least the target.
    Without ties both meet the target exactly. With ties they are the limits for an ever larger validation set. If
    no score reaches the specificity, the threshold is infinity and nothing is called positive.
    Rule "threshold": the target itself.
``truth(rule, target)``
    Sensitivity and specificity in the population of test images, for "all" and each skin type 1 to 6, at the
    threshold of the population of validation images (``fitted_on="test"``: of test images).

"All" includes images of missing skin type; type is missing at random, by patient. Sets have fixed numbers of
images by type before types are hidden; the classes are drawn, so the number of positives varies around its mean.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from clinical_draws import correlated, deal, names, types
from scipy.special import expit, logit, ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable

    from clinical_draws import Floats, Ints, Six
    from numpy.typing import NDArray

Rule: TypeAlias = Literal["specificity", "sensitivity", "threshold"]
Key: TypeAlias = str | int


class Shape(NamedTuple):
    """A distribution of latent numbers: the transformation of a normal number, and P(X >= x)."""

    of_normal: Callable[[Floats], Floats]
    above: Callable[[Floats], Floats]


SHAPES = {
    "normal": Shape(lambda z: z, lambda x: ndtr(-x)),
    "heavy": Shape(lambda z: stdtrit(2, ndtr(z)), lambda x: stdtr(2, -x)),  # t, two degrees of freedom
    "skewed": Shape(lambda z: -np.log(-np.log(ndtr(z))), lambda x: -np.expm1(-np.exp(-x))),  # Gumbel
}


def same(value: float) -> Six:
    """Return the same value for all six skin types."""
    return (value,) * 6


def separation(auroc: float) -> float:
    """Return the distance of two standard normal distributions with this AUROC."""
    return math.sqrt(2) * float(ndtri(auroc))


@dataclass(frozen=True)
class Part:
    """Images of each skin type in a validation or test set, and the share of positives among them."""

    sizes: tuple[int, int, int, int, int, int]
    prevalence: Six

    def weights(self, *, positive: bool) -> Floats:
        """Return the expected number of images of a class, by skin type."""
        share = np.array(self.prevalence) if positive else 1 - np.array(self.prevalence)
        return np.array(self.sizes) * share


@dataclass(frozen=True)
class Scores:
    """Distribution of scores: a latent number by class and type, then a probability with a calibration by type.

    The probability is expit(offset + slope * latent), stretched around .5 by ``stretch``, clipped to 0 to 1, and
    rounded to ``digits``. ``load`` squared is the correlation of the latent ranks of a patient's images.
    """

    low: Six  # centre of the latent number of negatives
    high: Six  # of positives
    spread: tuple[float, float] = (1.0, 1.0)  # of negatives, of positives
    shape: str = "normal"
    slope: Six = (1.5,) * 6
    offset: Six = (-2.0,) * 6
    stretch: float = 1.0
    digits: int | None = None
    load: float = 0.0

    def score(self, z: Floats, positive: NDArray[np.bool_], fst: Ints) -> Floats:
        """Turn standard normal numbers into scores."""
        g = fst - 1
        latent = np.where(positive, np.array(self.high)[g], np.array(self.low)[g])
        latent = latent + np.where(positive, self.spread[1], self.spread[0]) * SHAPES[self.shape].of_normal(z)
        p = expit(np.array(self.offset)[g] + np.array(self.slope)[g] * latent)
        p = np.clip(0.5 + self.stretch * (p - 0.5), 0.0, 1.0)
        return p if self.digits is None else np.round(p, self.digits)

    def at_least(self, t: Floats, g: int, *, positive: bool) -> Floats:
        """Return the chance that a score of type g + 1 is at least t."""
        t = np.asarray(t, dtype=np.float64)
        edge = t
        if self.digits is not None:
            unit = 10.0**-self.digits
            edge = (np.ceil(t / unit - 1e-9) - 0.5) * unit
        inner = np.clip(0.5 + (edge - 0.5) / self.stretch, 0.0, 1.0)
        with np.errstate(divide="ignore", over="ignore"):
            latent = (logit(inner) - self.offset[g]) / self.slope[g]
        centre, spread = (self.high[g], self.spread[1]) if positive else (self.low[g], self.spread[0])
        chance = SHAPES[self.shape].above((latent - centre) / spread)
        return np.where(t <= 0, 1.0, np.where(t > 1, 0.0, chance))


@dataclass(frozen=True, eq=False)
class Operating:
    """A validation and a test set of a binary task; the module docstring defines the truth.

    ``assumption`` is False if the usual target cannot be met, which a method should report.
    """

    name: str
    about: str
    validation: Part
    test: Part
    scores: Scores
    most: int = 1  # images of a patient, at most
    sticky: float = 0.0  # chance that an image takes a class that is drawn once for its patient
    missing: float = 0.04  # share of patients of unknown type
    assumption: bool = True
    kind: str = "operating"

    def draw(self, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Draw a validation and a test set.

        Columns: image_id, patient_id, label ("positive", "negative"), prob_positive in [0, 1], fst (1 to 6 or
        missing). No patient is in both sets.
        """
        return self._part(rng, self.validation, "v"), self._part(rng, self.test, "t")

    def _part(self, rng: np.random.Generator, part: Part, prefix: str) -> pd.DataFrame:
        units: list[Ints] = []
        for size in part.sizes:
            first = 1 + int(units[-1].max()) if units else 0
            units.append(deal(rng, size, self.most, first))
        unit = np.concatenate(units)
        fst = np.repeat(np.arange(1, 7), part.sizes)
        share = np.array(part.prevalence)[fst - 1]
        own, shared = rng.random(len(unit)), rng.random(unit.max() + 1)[unit]
        positive = np.where(rng.random(len(unit)) < self.sticky, shared, own) < share
        score = self.scores.score(correlated(rng, unit, self.scores.load), positive, fst)
        hidden = (rng.random(unit.max() + 1) < self.missing)[unit]
        frame = pd.DataFrame(
            {
                "patient_id": names(prefix + "p", unit),
                "label": np.where(positive, "positive", "negative"),
                "prob_positive": score,
                "fst": types(fst, hidden),
            }
        )
        frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
        frame.insert(0, "image_id", names(prefix + "i", np.arange(len(frame))))
        return frame

    def sensitivity(self, t: float, part: Part) -> float:
        """Return the sensitivity over all images of a part at a threshold."""
        return float(self._whole(np.array([t]), part, positive=True)[0])

    def specificity(self, t: float, part: Part) -> float:
        """Return the specificity over all images of a part at a threshold."""
        return 1 - float(self._whole(np.array([t]), part, positive=False)[0])

    def _whole(self, t: Floats, part: Part, *, positive: bool) -> Floats:
        rates = np.array([self.scores.at_least(t, g, positive=positive) for g in range(6)])
        weights = part.weights(positive=positive)
        return weights @ rates / weights.sum()

    def threshold(self, rule: Rule, target: float, fitted_on: str = "validation") -> float:
        """Return the threshold of a rule in the infinite population; infinity if no score reaches the target."""
        part = self.validation if fitted_on == "validation" else self.test
        if rule == "threshold":
            return target
        if rule == "specificity":
            return self._search(lambda t: self.specificity(t, part) >= target - 1e-12)
        return self._search(lambda t: self.sensitivity(t, part) < target - 1e-12, last=True)

    def _search(self, reached: Callable[[float], bool], *, last: bool = False) -> float:
        """Return the first score at which ``reached`` turns true; with ``last`` the last at which it is false."""
        if self.scores.digits is not None:
            scale = 10**self.scores.digits
            k = bisect_left(range(scale + 1), 1, key=lambda i: int(reached(i / scale)))
            return (k - 1 if last else k) / scale if last or k <= scale else math.inf
        if not reached(1.0):
            return 1.0 if last else math.inf
        low, high = 0.0, 1.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return low if last else high

    def truth(self, rule: Rule, target: float, fitted_on: str = "validation") -> dict[Key, tuple[float, float]]:
        """Return the true (sensitivity, specificity) on test images, of "all" and of each skin type."""
        t = self.threshold(rule, target, fitted_on)
        found: dict[Key, tuple[float, float]] = {
            "all": (self.sensitivity(t, self.test), self.specificity(t, self.test))
        }
        for g in self.present:
            sens, fall = (float(self.scores.at_least(np.array(t), g, positive=y)) for y in (True, False))
            found[g + 1] = (sens, 1 - fall)
        return found

    @property
    def present(self) -> list[int]:
        """Return the codes (type minus 1) of the types in the test set."""
        return [g for g in range(6) if self.test.sizes[g]]

    def predictive_values(
        self, rule: Rule, target: float, prevalence: float, fitted_on: str = "validation"
    ) -> dict[Key, tuple[float, float]]:
        """Return the true (PPV, NPV) at a stated prevalence; NaN if nobody is called positive or negative."""
        return {
            key: predictive_values(sens, spec, prevalence)
            for key, (sens, spec) in self.truth(rule, target, fitted_on).items()
        }

    def auroc(self) -> dict[Key, float]:
        """Return the true AUROC on test images, ties counted half; "all" compares images of any types."""
        if self.scores.digits is None:
            inner = expit(np.linspace(-50, 50, 40_001))
            t = np.concatenate([[0.0, 1e-300], inner[inner < 1], [1.0, 2.0]])
        else:
            t = np.append(np.arange(10**self.scores.digits + 1) / 10**self.scores.digits, 2.0)
        found: dict[Key, float] = {
            "all": _area(self._whole(t, self.test, positive=False), self._whole(t, self.test, positive=True))
        }
        for g in self.present:
            fall, sens = (self.scores.at_least(t, g, positive=y) for y in (False, True))
            found[g + 1] = _area(fall, sens)
        return found

    def net_benefit(self, probability: float, threshold: float | None = None) -> dict[Key, float]:
        """Return the true net benefit on test images at a threshold probability, at the test set's prevalences.

        Images with a score of at least ``threshold`` (default: the threshold probability) are called positive.
        Net benefit is true positives minus false positives times p / (1 - p), per image (Vickers and Elkin 2006).
        """
        t = probability if threshold is None else threshold
        sizes, prevalence = np.array(self.test.sizes), np.array(self.test.prevalence)
        shares: dict[Key, float] = {"all": float(sizes @ prevalence / sizes.sum())}
        shares |= {g + 1: float(prevalence[g]) for g in range(6)}
        harm = probability / (1 - probability)
        return {
            key: sens * shares[key] - (1 - spec) * (1 - shares[key]) * harm
            for key, (sens, spec) in self.truth("threshold", t).items()
        }


def predictive_values(sens: float, spec: float, prevalence: float) -> tuple[float, float]:
    """Return PPV and NPV by Bayes' rule; NaN if nobody is called positive or negative."""
    hit, false_alarm = sens * prevalence, (1 - spec) * (1 - prevalence)
    miss, clear = (1 - sens) * prevalence, spec * (1 - prevalence)
    ppv = hit / (hit + false_alarm) if hit + false_alarm > 0 else math.nan
    npv = clear / (clear + miss) if clear + miss > 0 else math.nan
    return ppv, npv


def _area(fall: Floats, sens: Floats) -> float:
    """Return the area under a curve of points from (1, 1) down to (0, 0)."""
    return float(np.trapezoid(sens[::-1], fall[::-1]))


EVEN_200 = (34, 34, 33, 33, 33, 33)
USUAL_200 = (42, 68, 42, 30, 12, 6)
GOOD = Scores(low=same(0.0), high=same(separation(0.85)))
DARK_LOWER = Scores(low=(0, 0, 0, -0.1, -0.4, -0.6), high=(1.6, 1.6, 1.5, 1.4, 0.9, 0.5))

OPERATING = (
    Operating(
        "equal_groups",
        "Six types of the same size and the same scores, 60 positives in the validation set.",
        Part(EVEN_200, same(0.3)),
        Part((150,) * 6, same(0.3)),
        GOOD,
    ),
    Operating(
        "few_positives",
        "About 15 positives in 200 validation images and 8 % positives in 1,500 test images.",
        Part(EVEN_200, same(0.075)),
        Part((250,) * 6, same(0.08)),
        GOOD,
    ),
    Operating(
        "small_test",
        "Half of the images are positive and the test set has 300 images.",
        Part(USUAL_200, same(0.5)),
        Part((60, 100, 60, 40, 22, 18), same(0.5)),
        GOOD,
    ),
    Operating(
        "small_dark_group",
        "40 images of type V and 20 of VI, whose scores are lower in both classes.",
        Part((50, 67, 43, 27, 8, 5), same(0.25)),
        Part((150, 200, 130, 80, 40, 20), same(0.25)),
        DARK_LOWER,
    ),
    Operating(
        "heavy_tails",
        "Scores follow a t distribution with two degrees of freedom before they become probabilities.",
        Part(USUAL_200, same(0.3)),
        Part((150, 240, 150, 110, 60, 40), same(0.3)),
        Scores(
            low=same(0.0), high=(2.2, 2.2, 2.2, 2.0, 1.6, 1.4), shape="heavy", slope=same(0.7), offset=same(-1.0)
        ),
    ),
    Operating(
        "skewed_unequal_spread",
        "Scores are skewed and those of positives spread twice as far, so the ROC curve is not symmetric.",
        Part(USUAL_200, same(0.2)),
        Part((200, 300, 180, 120, 60, 40), same(0.2)),
        Scores(
            low=same(-0.6), high=(1.2, 1.2, 1.2, 1.1, 0.9, 0.7), spread=(0.7, 1.4), shape="skewed", slope=same(1.0)
        ),
    ),
    Operating(
        "saturated",
        "A third of the scores are exactly 0 or 1.",
        Part(USUAL_200, same(0.35)),
        Part((150, 240, 150, 110, 60, 40), same(0.35)),
        Scores(
            low=same(-1.2),
            high=(1.7, 1.7, 1.7, 1.5, 1.3, 1.0),
            spread=(1.5, 1.8),
            slope=same(1.0),
            offset=same(0.0),
            stretch=1.3,
        ),
    ),
    Operating(
        "no_such_threshold",
        "One negative in six has a score of exactly 1, so no threshold up to 1 has a specificity of .90.",
        Part(USUAL_200, same(0.35)),
        Part((150, 240, 150, 110, 60, 40), same(0.35)),
        Scores(low=same(0.0), high=same(2.5), spread=(2.0, 2.0), slope=same(1.0), offset=same(0.0), stretch=1.32),
        assumption=False,
    ),
    Operating(
        "two_digits",
        "Scores lie between .2 and .6 and are rounded to two digits: many ties at the threshold.",
        Part(USUAL_200, same(0.3)),
        Part((150, 240, 150, 110, 60, 40), same(0.3)),
        Scores(low=same(0.0), high=same(1.4), slope=same(0.35), offset=same(-0.8), digits=2),
    ),
    Operating(
        "one_digit",
        "Scores are rounded to one digit, so there are eleven of them.",
        Part(USUAL_200, same(0.3)),
        Part((150, 240, 150, 110, 60, 40), same(0.3)),
        Scores(low=same(0.0), high=(1.6, 1.6, 1.6, 1.5, 1.2, 1.0), slope=same(1.0), offset=same(-1.0), digits=1),
    ),
    Operating(
        "patients",
        "Patients have one to eight images whose classes and scores are strongly correlated.",
        Part(EVEN_200, same(0.35)),
        Part((200,) * 6, same(0.35)),
        Scores(low=same(0.0), high=same(1.5), load=0.9),
        most=8,
        sticky=0.8,
    ),
    Operating(
        "calibration_by_group",
        "All types have the same AUROC, but scores of darker types are higher and flatter.",
        Part(EVEN_200, same(0.3)),
        Part((150,) * 6, same(0.3)),
        Scores(
            low=same(0.0),
            high=same(1.5),
            slope=(1.6, 1.5, 1.2, 1.0, 0.8, 0.6),
            offset=(-2.2, -2.0, -1.6, -1.2, -0.6, 0.0),
        ),
    ),
    Operating(
        "prevalence_shift",
        "40 % positives in validation; 4 % in type I to 30 % in type VI in the test set.",
        Part(EVEN_200, same(0.4)),
        Part((300, 400, 300, 200, 120, 80), (0.04, 0.06, 0.08, 0.10, 0.2, 0.3)),
        DARK_LOWER,
    ),
    Operating(
        "type_shift",
        "Validation images are mostly light and test images mostly dark, and scores differ by type.",
        Part((80, 70, 30, 14, 4, 2), same(0.3)),
        Part((40, 60, 100, 150, 150, 100), same(0.3)),
        DARK_LOWER,
        missing=0.1,
    ),
    Operating(
        "near_perfect",
        "An AUROC of .99.",
        Part(USUAL_200, same(0.25)),
        Part((150, 240, 150, 110, 60, 40), same(0.25)),
        Scores(low=same(-1.0), high=same(-1.0 + separation(0.99)), offset=same(0.0)),
    ),
    Operating(
        "near_useless",
        "An AUROC of .55.",
        Part(USUAL_200, same(0.25)),
        Part((150, 240, 150, 110, 60, 40), same(0.25)),
        Scores(low=same(0.0), high=same(separation(0.55))),
    ),
    Operating(
        "all_at_once",
        "Few positives, correlated patients, two digits, small dark groups with lower scores, other prevalences.",
        Part(USUAL_200, same(0.15)),
        Part((120, 200, 120, 80, 30, 20), (0.08, 0.08, 0.1, 0.1, 0.2, 0.25)),
        Scores(low=DARK_LOWER.low, high=DARK_LOWER.high, slope=same(0.8), offset=same(-1.2), digits=2, load=0.8),
        most=6,
        sticky=0.6,
    ),
)
