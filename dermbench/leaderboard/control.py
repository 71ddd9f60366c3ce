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
    """Which answers of a model are spoilt on purpose.

    Attributes
    ----------
    predictions
        Answers of the model, for exactly the images of the split.
    feature, groups
        Sensitive feature, and the groups whose images are hit.
    share
        Probability that the answer to such an image is replaced by a random one, above 0 and at most 1.
    """

    predictions: Predictions
    feature: str = "fst"
    groups: tuple[str, ...] = ("V", "VI")
    share: float = 0.5


def control(
    truth: Truth, kind: str, *, learnt_on: Truth | None = None, seed: int = 0, lapse: Lapse | None = None
) -> Predictions:
    """Return the predictions of a control for the images of a truth; their labels are never looked at.

    ``constant``
        The class shares of ``learnt_on`` as the probabilities of every image: always the same answer.
    ``prior``
        A class drawn with those shares for each image; no probabilities.
    ``uniform``
        Probabilities drawn for each image from the flat Dirichlet law: every class is as likely.
    ``biased``
        The answers of a model, some of them replaced for the images of some groups: a disparity put there on
        purpose. It looks at skin types, never at labels.

    Parameters
    ----------
    truth
        Gives the class set, the ids and the skin types of the images to predict.
    kind
        One of :data:`KINDS`.
    learnt_on
        Labels of the images that models learn from, which give the class shares; for ``constant`` and ``prior``.
    seed
        Seed of what is drawn.
    lapse
        What is spoilt; for ``biased``, and only there.

    Raises
    ------
    UsageError
        For an unknown kind, a group that is not there, or a lapse or class shares that are missing or do not fit.
    """
    if kind not in KINDS:
        raise UsageError(f"no control {kind!r}; there are {', '.join(KINDS)}")
    if (kind == "biased") != (lapse is not None):
        raise UsageError("the control 'biased', and no other, needs the predictions of a model to spoil")
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    return KINDS[kind](_Asked(truth, learnt_on, rng, lapse))


@dataclass(frozen=True)
class _Asked:
    """What a control has to go by."""

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
        """Shares of the classes among the images that models learn from."""
        if self.learnt_on is None:
            raise UsageError(
                "this control needs the class shares of the images that models learn from",
                remedy="Give their labels with --train TABLE (column label), or a dataset folder with --data.",
            )
        if self.learnt_on.classes != self.classes:
            raise UsageError(f"the training labels have other classes: {', '.join(self.learnt_on.classes)}")
        counts: NDArray[Any] = np.bincount(self.learnt_on.y_true, minlength=len(self.classes))
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares


def _constant(asked: _Asked) -> Predictions:
    return make_predictions(asked.ids, np.tile(asked.shares, (len(asked.ids), 1)), asked.classes)


def _prior(asked: _Asked) -> Predictions:
    ends = np.cumsum(asked.shares)
    drawn = np.searchsorted(ends / ends[-1], asked.rng.random(len(asked.ids)), "right")
    return Predictions(asked.ids, asked.classes, drawn.astype(np.intp))


def _uniform(asked: _Asked) -> Predictions:
    n_classes = len(asked.classes)
    return make_predictions(asked.ids, _flat(asked.rng, len(asked.ids), n_classes), asked.classes)


def _biased(asked: _Asked) -> Predictions:
    lapse = asked.lapse
    if lapse is None or not 0 < lapse.share <= 1:
        raise UsageError("the share of answers that are spoilt must be above 0 and at most 1")
    made = lapse.predictions
    if not np.array_equal(made.image_id, asked.ids):
        raise UsageError("the predictions to spoil are of other images than the truth")
    if made.no_answer is not None:
        raise UsageError(
            "the predictions to spoil lack some answers (column no_answer)", remedy="Spoil those of another model."
        )
    hit = _members(asked, lapse.feature, lapse.groups) & (asked.rng.random(len(made)) < lapse.share)
    n_classes = len(made.classes)
    if made.y_prob is None:
        guess = asked.rng.integers(0, n_classes, len(made))
        return Predictions(made.image_id, made.classes, np.where(hit, guess, made.y_pred).astype(np.intp))
    prob = np.where(hit[:, None], _flat(asked.rng, len(made), n_classes), made.y_prob)
    return make_predictions(made.image_id, prob, made.classes)


def _members(asked: _Asked, feature: str, groups: Sequence[str]) -> NDArray[np.bool_]:
    grouping = group(asked.truth, feature)
    absent = [name for name in groups if name not in grouping.names]
    if absent or not groups:
        there = ", ".join(grouping.names)
        raise UsageError(f"{feature} has no group {', '.join(map(repr, absent)) or 'named'}; there are {there}")
    return np.isin(grouping.codes, [grouping.names.index(name) for name in groups])


def _flat(rng: np.random.Generator, n_samples: int, n_classes: int) -> NDArray[np.float64]:
    """Draw from the flat Dirichlet law, by exponentials."""
    waits = -np.log1p(-rng.random((n_samples, n_classes)))
    prob: NDArray[np.float64] = waits / waits.sum(axis=1, keepdims=True)
    return prob


KINDS: dict[str, Callable[[_Asked], Predictions]] = {
    "constant": _constant,
    "prior": _prior,
    "uniform": _uniform,
    "biased": _biased,
}
"""Controls by name."""
