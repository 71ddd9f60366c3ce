"""What a metric is: a pure function with declared traits, in one registry.

Three kinds cover the field, and each is computed for all resamples and groups at once:

* ``counts``: a function of three vectors per group, the true, predicted and correct count of each class
  (accuracy, F1, kappa, MCC ...). ``score(tally)`` works on any leading axes. A ``macro`` one averages over
  the columns it is given, so that a tally cut to some classes gives the average over these.
* ``mean``: a weighted mean over images of ``score(y_true, y_prob)``, one number an image (log loss, Brier,
  top-3 accuracy).
* ``ranking``: a function of how the probabilities order the images; ``score(y_true, y_prob, weights)``
  takes a matrix of weights (n_samples, n_resamples) and returns (n_resamples,) (AUROC, average precision).
  A true class of -1 marks an image of none of the classes whose probabilities are given.

A metric sees the classes of the task (``view="classes"``) or two collapsed ones (``view="positive"``: 0 the
rest, 1 positive), so that its function needs to know nothing about the task;
:class:`~dermbench.evaluation.core.sample.Sample` makes both views.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dermbench.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Weighted = Callable[[NDArray[Any]], NDArray[np.float64]]

Kind = Literal["counts", "mean", "ranking"]
View = Literal["classes", "positive"]


@dataclass(frozen=True)
class Tally:
    """Counts that every ``counts`` metric is a function of; all of shape (..., n_classes).

    Attributes
    ----------
    support
        (Weighted) number of images of each true class.
    predicted
        Number predicted as each class.
    correct
        Number of each class predicted correctly.
    linear, quadratic
        Sum over images of the steps in the class order between predicted and true class, and of their
        squares, shape (...); None where they were not counted. Only weighted kappa needs them.
    """

    support: NDArray[np.float64]
    predicted: NDArray[np.float64]
    correct: NDArray[np.float64]
    linear: NDArray[np.float64] | None = None
    quadratic: NDArray[np.float64] | None = None

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """Number of images, shape (...)."""
        return np.asarray(self.support.sum(axis=-1))

    @cached_property
    def hits(self) -> NDArray[np.float64]:
        """Number of images whose class is predicted, shape (...)."""
        return np.asarray(self.correct.sum(axis=-1))

    @cached_property
    def by_chance(self) -> NDArray[np.float64]:
        """Sum of true times predicted count over classes, shape (...)."""
        return np.asarray((self.support * self.predicted).sum(axis=-1))

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class, 0 for one that is never predicted, NaN for one that is never true."""
        below = self.support + self.predicted
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.asarray(2 * self.correct / below)
        there = self.support > 0
        return value if there.all() else np.where(there, value, np.nan)

    def take(self, classes: NDArray[np.intp]) -> Tally:
        """Return the counts of some classes only; sums over the class order do not survive."""
        return Tally(self.support[..., classes], self.predicted[..., classes], self.correct[..., classes])


@dataclass(frozen=True)
class Metric:
    """A metric with its traits.

    Attributes
    ----------
    name, title
        Key in the report, and what people call it.
    kind
        Which of the three forms ``score`` has; see the module's text.
    score
        The pure function. Undefined values are NaN; :func:`dermbench.evaluation.evaluate` turns them into
        ``null`` with :attr:`undefined_when` as the reason.
    needs_probabilities
        False for metrics of the predicted class alone.
    higher_is_better
        Direction.
    bounds
        Lowest and highest possible value.
    ratio
        Whether the ratio of two values means something (not for kappa, which can be negative).
    proportion
        The value is k successes of n images, unweighted.
    trials
        For a proportion, n as a function of the tally; by default all images.
    view
        Classes that the metric sees; see the module's text.
    needs_order
        Whether it means something only when the task declares the order of its classes.
    macro
        Whether the value averages over classes, so that a group without a class needs care.
    headline
        Whether it stands in the first table of a report.
    image_score
        For a metric of counts that is a mean over images: the score of each image from its true and predicted
        class, NaN for an image that does not enter. None for other metrics of counts.
    tested
        Whether its gaps are tested. Equal means with unequal spread are rejected too often for a loss without
        bounds, whatever standard error is used.
    undefined_when
        In words.
    version
        Version of the definition; changes whenever a value can change.
    source
        Where the definition comes from.
    prepare, curve
        For a ranking metric, optional: what ``score`` does to ``(y_true, y_prob)`` before it sees weights.
        ``prepare(y_true, y_prob, curves)`` returns a function of the weights whose columns are the very values of
        ``score`` of the metrics with these curves: images are sorted once, and metrics with the same ``prepare``
        share what they add up. These weights are whole numbers, and may be in single precision.
    """

    name: str
    title: str
    kind: Kind
    score: Callable[..., Any]
    needs_probabilities: bool = False
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    ratio: bool = True
    proportion: bool = False
    trials: Callable[[Tally], NDArray[np.float64]] | None = None
    view: View = "classes"
    needs_order: bool = False
    macro: bool = False
    headline: bool = False
    image_score: Callable[..., NDArray[np.float64]] | None = None
    tested: bool = True
    undefined_when: str = "there is no image"
    version: int = 1
    source: str = ""
    prepare: Callable[..., Weighted] | None = None
    curve: Callable[[Any], NDArray[np.float64]] | None = None

    @property
    def is_mean(self) -> bool:
        """Whether the value is a mean over images of a score of their own."""
        return self.kind == "mean" or self.image_score is not None


def weighted(metrics: Sequence[Metric], y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> Weighted:
    """Return ranking metrics on some images as a function of their weights alone, shape (n_resamples, n_metrics).

    Parameters
    ----------
    metrics
        Of kind ``ranking``.
    y_true, y_prob
        As ``score`` takes them.
    """
    kinds = list(dict.fromkeys(m.prepare for m in metrics if m.prepare is not None))
    order = [m for kind in kinds for m in metrics if m.prepare is kind] + [m for m in metrics if m.prepare is None]
    made = [kind(y_true, y_prob, [m.curve for m in metrics if m.prepare is kind]) for kind in kinds]
    place = [order.index(m) for m in metrics]

    def values(weights: NDArray[Any]) -> NDArray[np.float64]:
        found = [of_weights(weights) for of_weights in made]
        plain = [m for m in metrics if m.prepare is None]
        if plain:
            full = weights.astype(np.float64)
            found.append(np.stack([m.score(y_true, y_prob, full) for m in plain], axis=-1))
        return np.concatenate(found, axis=-1)[:, place]

    return values


METRICS: Registry[Metric] = Registry("metric", "dermbench.metrics", is_one=lambda item: isinstance(item, Metric))
"""All metrics by name; packages outside add one through the entry-point group ``dermbench.metrics``."""


def tally(
    y_true: NDArray[np.intp],
    y_pred: NDArray[np.intp],
    n_classes: int,
    *,
    weights: NDArray[np.float64] | None = None,
) -> Tally:
    """Count true, predicted and correct images of each class.

    Parameters
    ----------
    y_true, y_pred
        Class indices, shape (n_samples,).
    n_classes
        Size of the class set.
    weights
        Non-negative weight of each image, shape (n_samples,); 1 by default.

    Returns
    -------
    Tally
        Arrays of shape (n_classes,).
    """

    def count(codes: NDArray[np.intp], weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
        return np.bincount(codes, weights=weight, minlength=n_classes).astype(np.float64)

    hit = y_true == y_pred
    steps = np.abs(y_true - y_pred).astype(np.float64)
    weight = np.ones(len(y_true)) if weights is None else weights
    return Tally(
        support=count(y_true, weights),
        predicted=count(y_pred, weights),
        correct=count(y_true[hit], None if weights is None else weights[hit]),
        linear=np.asarray(weight @ steps),
        quadratic=np.asarray(weight @ steps**2),
    )
