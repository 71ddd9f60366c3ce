"""Rules that choose an operating point: predicted class, threshold, sensitivity or specificity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from dermbench.artifacts.report import rounded
from dermbench.artifacts.wording import decimal
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RuleKind = Literal["argmax", "threshold", "sensitivity", "specificity"]
EXAMPLE = "write sensitivity=.9, specificity=.9 or threshold=.5"


@dataclass(frozen=True)
class Rule:
    """A rule for calling images positive.

    Attributes
    ----------
    kind
        ``argmax``: the predicted class is positive. ``threshold``: the probability of the positive classes is at
        least ``target``. ``sensitivity``, ``specificity``: that probability is at least the threshold which
        reaches ``target`` on validation images.
    target
        Above 0 and below 1; None for ``argmax``.
    """

    kind: RuleKind
    target: float | None = None

    @property
    def name(self) -> str:
        """Name for people, such as "sensitivity .9"."""
        if self.target is None:
            return "predicted class"
        return f"{self.kind} {decimal(self.target, digits=3).rstrip('0')}"

    @property
    def fitted(self) -> bool:
        """Whether the threshold is fitted on validation images."""
        return self.kind in ("sensitivity", "specificity")


ARGMAX = Rule("argmax")


def parse_rule(text: str) -> Rule:
    """Read the rule that a user writes as ``KIND=NUMBER``.

    Raises
    ------
    UsageError
        When the kind is unknown, or the number is not above 0 and below 1 with at most six decimals.
    """
    kind, _, number = (part.strip() for part in text.partition("="))
    kinds: dict[str, RuleKind] = {name: name for name in get_args(RuleKind) if name != "argmax"}
    try:
        target = float(number)
    except ValueError:
        target = float("nan")
    if kind not in kinds or not (0 < target < 1 and rounded(target) == target):
        raise UsageError(f"--operating-point {text}: {EXAMPLE} (between 0 and 1, at most six decimals)")
    return Rule(kinds[kind], target)


def threshold_at(rule: Rule, rate: float, score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return the threshold at which a rule reaches a rate; images at or above it are called positive.

    For ``specificity`` this is the smallest threshold whose specificity is at least ``rate``; for ``sensitivity``
    the largest whose sensitivity is. It lies halfway between two neighbouring scores.

    Parameters
    ----------
    rule
        Of kind ``sensitivity`` or ``specificity``.
    rate
        Above 0 and at most 1.
    score
        Probability of the positive classes, 0 to 1, shape (n_samples,).
    positive
        Whether each image is positive, shape (n_samples,). At least one image is positive (for ``sensitivity``) or
        not positive (for ``specificity``).

    Returns
    -------
    float
        Infinity if no image may be called positive.
    """
    values = np.unique(score)
    own = np.sort(score[positive if rule.kind == "sensitivity" else ~positive])
    needed = max(int(np.ceil(rate * len(own) - 1e-9)), 1)
    if rule.kind == "sensitivity":
        last = int(np.searchsorted(values, own[-needed]))
        return _between(float(values[last - 1]) if last else 0.0, float(values[last]))
    last = int(np.searchsorted(values, own[needed - 1]))
    if last + 1 < len(values):
        return _between(float(values[last]), float(values[last + 1]))
    return _between(float(values[-1]), 1.0) if values[-1] < 1 else float("inf")


def _between(low: float, high: float) -> float:
    """Return a number above ``low`` and at most ``high``, about halfway, with a report's decimals if possible."""
    middle = (low + high) / 2
    short = rounded(middle)
    return short if low < short <= high else middle


def parse_prevalences(values: Sequence[float]) -> tuple[float, ...]:
    """Return prevalences in ascending order without duplicates.

    Raises
    ------
    UsageError
        When one is not above 0 and below 1, or has more than six decimals.
    """
    wrong = [value for value in values if not (0 < value < 1 and rounded(value) == value)]
    if wrong:
        raise UsageError(f"--prevalence {wrong[0]:g} is not a number between 0 and 1 with at most six decimals")
    return tuple(sorted(set(values)))
