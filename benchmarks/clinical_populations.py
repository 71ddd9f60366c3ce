"""Synthetic test sets with a known truth for clinical questions.

They were written by someone who had not seen the methods that are tested on them.

``POPULATIONS`` holds four kinds, each with ``name``, ``about``, ``draw`` and ``truth``:

``operating``
    A binary task with scores, a validation set and a test set: `clinical_scores.py`.
``confounded``
    Site, age, quality or class are associated with skin type and with right answers: `clinical_confounded.py`.
``mislabelled``
    Labellers give wrong skin types: `clinical_labels.py`.
``planning``
    Right and wrong answers of patients for a given design, not by the beta-binomial: this module.

Patients are always independent. ``assumption`` is False if another assumption of the usual methods does not hold.
Such a population shows how a method behaves then; the method need not keep its bounds there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from clinical_confounded import CONFOUNDED, Confounded
from clinical_labels import MISLABELLED, Mislabelled
from clinical_scores import OPERATING, Operating
from scipy.optimize import brentq
from scipy.special import expit, ndtri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clinical_draws import Floats, Ints
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Design:
    """A test set to plan: patients by group, the rate of right answers, and the drop of one group below it."""

    n_units: Mapping[str, int]
    rate: float
    drop: float
    group: str
    images_per_unit: float = 1.0
    correlation: float = 0.0  # between the answers of two images of a patient, 0 or 1 each

    def rate_of(self, group: str) -> float:
        """Return the rate of right answers of a group."""
        return self.rate - self.drop if group == self.group else self.rate


class Answers(NamedTuple):
    """Right (1) and wrong (0) answers, with the group and the patient of each image."""

    correct: Ints
    group: NDArray[np.str_]
    unit: Ints


@dataclass(frozen=True, eq=False)
class Planning:
    """A mechanism that draws the answers of a design."""

    name: str
    about: str
    rates: Callable[[np.random.Generator, int, float, float], Floats]  # of patients: n, mean, correlation
    sizes: Literal["fixed", "geometric"] = "fixed"
    correlated: bool = True
    assumption: bool = True
    kind: str = "planning"

    def draw(self, rng: np.random.Generator, design: Design) -> Answers:
        """Draw answers; a patient has ``images_per_unit`` images on average, and at least 1."""
        group = np.repeat(list(design.n_units), list(design.n_units.values()))
        chance = np.concatenate(
            [self.rates(rng, n, design.rate_of(g), design.correlation) for g, n in design.n_units.items()]
        )
        mean = design.images_per_unit
        if self.sizes == "geometric":
            sizes = rng.geometric(1 / mean, len(group))
        else:
            sizes = int(mean) + (rng.random(len(group)) < mean - int(mean))
        unit = np.repeat(np.arange(len(group)), sizes)
        correct = (rng.random(len(unit)) < chance[unit]).astype(np.int64)
        return Answers(correct, group[unit], unit)

    def truth(self, design: Design) -> dict[str, float]:
        """Return the true "gap" (group minus the others), its "rate" and the "correlation" within patients."""
        correlation = design.correlation if self.correlated else 0.0
        return {"gap": -design.drop, "rate": design.rate_of(design.group), "correlation": correlation}


def constant(rng: np.random.Generator, n: int, mean: float, correlation: float) -> Floats:  # noqa: ARG001
    """Return the same rate for all patients, so that answers are independent."""
    return np.full(n, mean)


def logit_normal(rng: np.random.Generator, n: int, mean: float, correlation: float) -> Floats:
    """Draw rates with a normal logit."""
    centre, spread = _logit_normal(mean, correlation)
    rates: Floats = expit(centre + spread * rng.standard_normal(n))
    return rates


@cache
def _logit_normal(mean: float, correlation: float) -> tuple[float, float]:
    """Return centre and spread of the logits for this mean and correlation."""
    z = ndtri((np.arange(20_000) + 0.5) / 20_000)

    def centre(spread: float) -> float:
        return float(brentq(lambda a: expit(a + spread * z).mean() - mean, -400, 400))

    def excess(spread: float) -> float:
        return float(expit(centre(spread) + spread * z).var() - correlation * mean * (1 - mean))

    spread = 0.0 if correlation == 0 else float(brentq(excess, 0, 60))
    return centre(spread), spread


def always_wrong(rng: np.random.Generator, n: int, mean: float, correlation: float) -> Floats:
    """Draw rates of 0 for a share of patients and one higher rate for the others."""
    high = mean + correlation * (1 - mean)
    return np.where(rng.random(n) < mean / high, high, 0.0)


def all_or_nothing(rng: np.random.Generator, n: int, mean: float, correlation: float) -> Floats:
    """Draw rates of 0 or 1 for a share of patients equal to the correlation, and the mean for the others."""
    extreme = (rng.random(n) < mean).astype(np.float64)
    return np.where(rng.random(n) < correlation, extreme, mean)


PLANNING = (
    Planning("independent", "Answers are independent, whatever the correlation says.", constant, correlated=False),
    Planning("logit_normal", "Patients' rates are normal on the logit.", logit_normal),
    Planning("always_wrong", "All images of a share of patients are answered wrong.", always_wrong),
    Planning("all_or_nothing", "A share of patients has all images right or all wrong.", all_or_nothing),
    Planning(
        "logit_normal_geometric",
        "Rates are normal on the logit; numbers of images are geometric, with the mean of the design.",
        logit_normal,
        sizes="geometric",
    ),
    Planning(
        "always_wrong_geometric",
        "A share of patients is always answered wrong; numbers of images are geometric.",
        always_wrong,
        sizes="geometric",
    ),
)

Population: TypeAlias = Operating | Confounded | Mislabelled | Planning
POPULATIONS: tuple[Population, ...] = (*OPERATING, *CONFOUNDED, *MISLABELLED, *PLANNING)
