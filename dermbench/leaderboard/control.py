"""Make control predictions without a network (constant, random, biased), as a baseline for a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.predictions import Predictions, make_predictions
from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth


@dataclass(frozen=True)
class Lapse:
    """How a model's predictions are degraded on purpose.

    Attributes
    ----------
    predictions
        Predictions of the model, for exactly the images of the split.
    feature, groups
        Sensitive feature, and the groups whose predictions are degraded.
    share
        Probability that a prediction in these groups is replaced by a random one, above 0 and at most 1.
    """

    predictions: Predictions
    feature: str = "fst"
    groups: tuple[str, ...] = ("V", "VI")
    share: float = 0.5


def control(
    truth: Truth, kind: str, *, learnt_on: Truth | None = None, seed: int = 0, lapse: Lapse | None = None
) -> Predictions:
    """Return control predictions for the images of a truth, without using their labels.

    ``constant``
        The same probabilities for every image: the class shares of ``learnt_on``.
    ``prior``
        A class drawn with these shares for each image; no probabilities.
    ``uniform``
        Probabilities drawn for each image from the flat Dirichlet distribution: all classes are equally likely.
    ``biased``
        The predictions of a model, some of them replaced in some groups: a disparity created on purpose. It uses
        skin types, never labels.

    Parameters
    ----------
    truth
        Classes, ids and skin types of the images to predict.
    kind
        One of :data:`KINDS`.
    learnt_on
        Training labels, which give the class shares; for ``constant`` and ``prior``.
    seed
        Seed of all random draws.
    lapse
        Predictions to degrade, and how; only for ``biased``.

    Raises
    ------
    UsageError
        When the kind or a group is unknown, or ``lapse`` or the class shares are missing or do not fit.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown control {kind!r}; there are {', '.join(KINDS)}")
    if (kind == "biased") != (lapse is not None):
        raise UsageError("the control 'biased', and only this one, needs the predictions of a model (--of FILE)")
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    return KINDS[kind](_Request(truth, learnt_on, rng, lapse))


@dataclass(frozen=True)
class _Request:
    """Inputs of a control."""

    truth: Truth
    learnt_on: Truth | None
    rng: np.random.Generator
    lapse: Lapse | None

    @property
    def ids(self) -> NDArray[np.object_]:
        """Ids of the images to predict."""
        return self.truth.image_id

    @property
    def classes(self) -> tuple[str, ...]:
        """Ordered class set."""
        return self.truth.classes

    @property
    def shares(self) -> NDArray[np.float64]:
        """Class shares of the training labels."""
        if self.learnt_on is None:
            raise UsageError(
                "this control needs the class shares of the training images",
                remedy="Give their labels with --train TABLE (column label), or a dataset folder with --data.",
            )
        if self.learnt_on.classes != self.classes:
            raise UsageError(f"the training labels have other classes: {', '.join(self.learnt_on.classes)}")
        counts: NDArray[Any] = np.bincount(self.learnt_on.y_true, minlength=len(self.classes))
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares


def _constant(request: _Request) -> Predictions:
    return make_predictions(request.ids, np.tile(request.shares, (len(request.ids), 1)), request.classes)


def _prior(request: _Request) -> Predictions:
    ends = np.cumsum(request.shares)
    drawn = np.searchsorted(ends / ends[-1], request.rng.random(len(request.ids)), "right")
    return Predictions(request.ids, request.classes, drawn.astype(np.intp))


def _uniform(request: _Request) -> Predictions:
    n_classes = len(request.classes)
    return make_predictions(request.ids, _flat(request.rng, len(request.ids), n_classes), request.classes)


def _biased(request: _Request) -> Predictions:
    lapse = request.lapse
    if lapse is None or not 0 < lapse.share <= 1:
        raise UsageError("the share of replaced answers (--share) must be above 0 and at most 1")
    made = lapse.predictions
    if not np.array_equal(made.image_id, request.ids):
        raise UsageError("the predictions to degrade (--of) are for other images than the truth")
    if made.no_answer is not None:
        raise UsageError(
            "the predictions to degrade (--of) lack some answers (column no_answer)", remedy="Use another model's."
        )
    hit = _members(request, lapse.feature, lapse.groups) & (request.rng.random(len(made)) < lapse.share)
    n_classes = len(made.classes)
    if made.y_prob is None:
        guess = request.rng.integers(0, n_classes, len(made))
        return Predictions(made.image_id, made.classes, np.where(hit, guess, made.y_pred).astype(np.intp))
    prob = np.where(hit[:, None], _flat(request.rng, len(made), n_classes), made.y_prob)
    return make_predictions(made.image_id, prob, made.classes)


def _members(request: _Request, feature: str, groups: Sequence[str]) -> NDArray[np.bool_]:
    grouping = group(request.truth, feature)
    absent = [name for name in groups if name not in grouping.names]
    if absent or not groups:
        there = ", ".join(grouping.names)
        raise UsageError(f"{feature} has no group {', '.join(map(repr, absent)) or 'named'}; there are {there}")
    return np.isin(grouping.codes, [grouping.names.index(name) for name in groups])


def _flat(rng: np.random.Generator, n_samples: int, n_classes: int) -> NDArray[np.float64]:
    """Draw from the flat Dirichlet distribution, by normalising exponential draws."""
    waits = -np.log1p(-rng.random((n_samples, n_classes)))
    prob: NDArray[np.float64] = waits / waits.sum(axis=1, keepdims=True)
    return prob


KINDS: dict[str, Callable[[_Request], Predictions]] = {
    "constant": _constant,
    "prior": _prior,
    "uniform": _uniform,
    "biased": _biased,
}
"""Controls by name."""
