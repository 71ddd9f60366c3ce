"""The metric type, a pure function with declared traits, and the registry of all metrics.

There are three kinds; each is computed for all resamples and groups at once:

* ``counts``: a function of the true, predicted and correct counts of each class (accuracy, F1, kappa, MCC ...).
  ``score(tally)`` works on any leading axes. A ``macro`` metric averages over the classes of the tally, so a tally
  of some classes gives the average over these.
* ``mean``: a weighted mean over images of ``score(y_true, y_prob)``, one number per image (log loss, Brier,
  top-3 accuracy).
* ``ranking``: a function of the order of the images by probability (AUROC, average precision).
  ``score(y_true, y_prob, weights)`` takes weights of shape (n_samples, n_resamples) and returns (n_resamples,). A
  true class of -1 marks an image of none of the classes in ``y_prob``.

A metric sees the classes of the task (``view="classes"``) or two collapsed classes (``view="positive"``: 1 for
positive, 0 for the rest), so its function does not depend on the task.
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
    """The input of every ``counts`` metric: counts of shape (..., n_classes).

    Attributes
    ----------
    support
        (Weighted) number of images of each true class.
    predicted
        Number of images predicted as each class.
    correct
        Number of correctly predicted images of each class.
    linear, quadratic
        Sums over images of the steps in the class order between predicted and true class, and of their squares,
        shape (...); None if not counted. Only weighted kappa needs them.
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
        """Number of correctly predicted images, shape (...)."""
        return np.asarray(self.correct.sum(axis=-1))

    @cached_property
    def by_chance(self) -> NDArray[np.float64]:
        """Sum of true times predicted count over classes, shape (...)."""
        return np.asarray((self.support * self.predicted).sum(axis=-1))

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class: 0 for a class that is never predicted, NaN for a class that is never true."""
        below = self.support + self.predicted
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.asarray(2 * self.correct / below)
        there = self.support > 0
        return value if there.all() else np.where(there, value, np.nan)

    def take(self, classes: NDArray[np.intp]) -> Tally:
        """Return the counts of some classes, without ``linear`` and ``quadratic``."""
        return Tally(self.support[..., classes], self.predicted[..., classes], self.correct[..., classes])


@dataclass(frozen=True)
class Metric:
    """A metric with its traits.

    Attributes
    ----------
    name, title
        Key in the report, and name for people.
    kind
        Which of the three forms ``score`` has; see the module docstring.
    score
        The pure function. Undefined values are NaN; :func:`dermbench.evaluation.evaluate` turns them into
        ``null`` with :attr:`undefined_when` as the reason.
    needs_probabilities
        False for metrics of the predicted class alone.
    higher_is_better
        Whether higher values are better.
    bounds
        Lowest and highest possible value.
    ratio
        Whether the ratio of two values has a meaning (not for kappa, which can be negative).
    proportion
        Whether the value is k successes of n images, unweighted.
    trials
        For a proportion, n as a function of the tally; by default all images.
    view
        Classes that the metric sees; see the module docstring.
    needs_order
        Whether the metric is only defined if the task declares the order of its classes.
    macro
        Whether the value averages over classes.
    headline
        Whether the metric is in the first table of a report.
    image_score
        For a metric of counts that is a mean over images: the score of each image from its true and predicted
        class, NaN for an image without a score. None for other metrics of counts.
    tested
        Whether gaps of the metric are tested. False for an unbounded loss: if means are equal but spreads are not,
        its test rejects too often with every standard error.
    undefined_when
        Why a value is undefined, in words.
    version
        Version of the definition; changes whenever a value can change.
    source
        Source of the definition.
    prepare, curve
        Optional, for a ranking metric: ``prepare(y_true, y_prob, curves)`` sorts the images once and returns a
        function of the weights. Its columns equal ``score`` for the metrics with these ``curve``s; metrics with
        the same ``prepare`` share the sorting and the sums. The weights are whole numbers, possibly in single
        precision.
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
        """Whether the value is a mean of scores of single images."""
        return self.kind == "mean" or self.image_score is not None


def weighted(metrics: Sequence[Metric], y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> Weighted:
    """Return a function from weights to the values of ranking metrics, shape (n_resamples, n_metrics).

    Parameters
    ----------
    metrics
        Metrics of kind ``ranking``.
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
"""All metrics by name; other packages add metrics through the entry-point group ``dermbench.metrics``."""


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
        Number of classes.
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
