"""How an operating point is chosen: by the predicted class, at a threshold, or at a sensitivity or specificity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from dermbench.artifacts.wording import decimal
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RuleKind = Literal["argmax", "threshold", "sensitivity", "specificity"]
EXAMPLE = "write sensitivity=.9, specificity=.9 or threshold=.5"


@dataclass(frozen=True)
class Rule:
    """How images are called positive.

    Attributes
    ----------
    kind
        ``argmax``: the predicted class is positive. ``threshold``: the probability of the positive classes is at
        least ``target``. ``sensitivity``, ``specificity``: it is at least the threshold that has this value on
        validation images.
    target
        Above 0 and below 1; None for ``argmax``.
    """

    kind: RuleKind
    target: float | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        if self.target is None:
            return "predicted class"
        return f"{self.kind} {decimal(self.target, digits=3).rstrip('0')}"

    @property
    def fitted(self) -> bool:
        """Whether the threshold is found on validation images."""
        return self.kind in ("sensitivity", "specificity")


ARGMAX = Rule("argmax")


def parse_rule(text: str) -> Rule:
    """Return the rule that a user writes as ``KIND=NUMBER``.

    Raises
    ------
    UsageError
        When the kind is unknown, or the number is none above 0 and below 1.
    """
    kind, _, number = (part.strip() for part in text.partition("="))
    kinds: dict[str, RuleKind] = {name: name for name in get_args(RuleKind) if name != "argmax"}
    try:
        target = float(number)
    except ValueError:
        target = float("nan")
    if kind not in kinds or not 0 < target < 1:
        raise UsageError(f"--operating-point {text}: {EXAMPLE}; the number is above 0 and below 1")
    return Rule(kinds[kind], target)


def fit_threshold(rule: Rule, score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return the threshold at which images with at least this score count as positive.

    For ``specificity`` it is the smallest one whose specificity on these images is at least the target, for
    ``sensitivity`` the largest one whose sensitivity is. Of all thresholds that call the same images positive it
    is the one halfway between two scores.

    Parameters
    ----------
    rule
        Of kind ``threshold``, ``sensitivity`` or ``specificity``.
    score
        Probability of the positive classes, 0 to 1, shape (n_samples,).
    positive
        Whether each image is positive, shape (n_samples,).

    Returns
    -------
    float
        Infinity where nothing may be called positive; NaN without an image of the kind that the rule counts.
    """
    if rule.target is None or not rule.fitted:
        return float("nan") if rule.target is None else rule.target
    return float(fitted_thresholds(rule, score, positive, np.ones((1, len(score)), dtype=np.int64))[0])


def fitted_thresholds(
    rule: Rule, score: NDArray[np.float64], positive: NDArray[np.bool_], counts: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the threshold for each of several weightings of the same images; see :func:`fit_threshold`.

    Parameters
    ----------
    rule
        Of kind ``sensitivity`` or ``specificity``.
    score, positive
        Shape (n_samples,).
    counts
        How often each image counts, shape (n_resamples, n_samples).

    Returns
    -------
    numpy.ndarray
        Shape (n_resamples,).
    """
    values, place = np.unique(score, return_inverse=True)
    sums = np.zeros((len(counts), len(values)))
    inside = positive if rule.kind == "sensitivity" else ~positive
    np.add.at(sums.T, place[inside], counts.T[inside].astype(np.float64))
    total = sums.sum(axis=1)
    assert rule.target is not None
    needed = np.ceil(rule.target * total - 1e-9)
    middle = (values[1:] + values[:-1]) / 2
    if rule.kind == "sensitivity":  # values at or above the threshold hold as many positive images as needed
        enough = np.cumsum(sums[:, ::-1], axis=1) >= needed[:, None]
        last = len(values) - 1 - enough.argmax(axis=1)
        cut = np.concatenate([[values[0] / 2], middle])[last]
    else:  # values below the threshold hold as many negative images as needed
        last = (np.cumsum(sums, axis=1) >= needed[:, None]).argmax(axis=1)
        above = (values[-1] + 1) / 2 if values[-1] < 1 else np.inf
        cut = np.concatenate([middle, [above]])[last]
    return np.where(total > 0, cut, np.nan)


def parse_prevalences(values: Sequence[float]) -> tuple[float, ...]:
    """Return prevalences in rising order, each once.

    Raises
    ------
    UsageError
        When one is not above 0 and below 1.
    """
    wrong = [value for value in values if not 0 < value < 1]
    if wrong:
        raise UsageError(f"--prevalence {wrong[0]:g} is not above 0 and below 1")
    return tuple(sorted(set(values)))
