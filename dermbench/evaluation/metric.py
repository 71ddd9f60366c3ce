"""What a metric is: a pure function with declared traits, in one registry.

Three kinds cover the field, and each is computed for all resamples and groups at once:

* ``counts``: a function of three vectors per group, the true, predicted and correct count of each class
  (accuracy, F1, kappa, MCC ...). ``score(tally)`` works on any leading axes.
* ``mean``: a weighted mean over images of ``score(y_true, y_prob)``, one number an image (log loss, Brier,
  top-3 accuracy).
* ``ranking``: a function of how the probabilities order the images; ``score(y_true, y_prob, weights)``
  takes a matrix of weights (n_samples, n_resamples) and returns (n_resamples,) (AUROC, average precision).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dermbench.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Kind = Literal["counts", "mean", "ranking"]


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
    """

    support: NDArray[np.float64]
    predicted: NDArray[np.float64]
    correct: NDArray[np.float64]

    @property
    def total(self) -> NDArray[np.float64]:
        """Number of images, shape (...)."""
        total: NDArray[np.float64] = self.support.sum(axis=-1)
        return total


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
        For ``counts`` metrics that are k successes of n images: the value is a proportion of images.
    macro
        Whether the value averages over classes, so that a group without a class needs care.
    undefined_when
        In words.
    version
        Version of the definition; changes whenever a value can change.
    source
        Where the definition comes from.
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
    macro: bool = False
    undefined_when: str = "there is no image"
    version: int = 1
    source: str = ""


METRICS: Registry[Metric] = Registry("metric", "dermbench.metrics")
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
    return Tally(
        support=count(y_true, weights),
        predicted=count(y_pred, weights),
        correct=count(y_true[hit], None if weights is None else weights[hit]),
    )
