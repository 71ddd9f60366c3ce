"""Samples: true and predicted classes of the images of one split, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.wrong_answers import count_as_wrong
from dermbench.errors import UsageError, name_some
from dermbench.evaluation.core.metric import tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.metric import Metric, Tally, View

ELIGIBLE = 10
"""Fewest true cases of a class in each group for it to enter comparisons of macro metrics."""
MIN_ELIGIBLE = 2
"""Fewest such classes for a comparison over classes."""
NEEDS_PROBABILITIES = "needs probabilities"
"""Why a metric of probabilities is undefined for predicted labels."""


@dataclass(frozen=True)
class Sample:
    """Truth and predictions of one model on the same images, in the order of ``image_id``.

    Random draws refer to rows or units by position, so equal results need an equal order of rows.

    Attributes
    ----------
    y_true, y_pred
        Class indices, shape (n_samples,).
    n_classes
        Number of classes, fixed by the task.
    unit
        Index of the independent unit (patient, lesion ...) of each image, shape (n_samples,); None if images are
        independent.
    y_prob
        Predicted probabilities, shape (n_samples, n_classes); None for predicted labels.
    classes
        Names of the classes, shape (n_classes,); may be empty if no names are needed.
    positive
        Whether each class is positive, shape (n_classes,); None if not declared.
    ordered
        Whether the classes have an order.
    original
        True class of each image before classes were collapsed, shape (n_samples,); None when they were not.

    Raises
    ------
    UsageError
        When lengths differ or a class index is outside of the class set.
    """

    y_true: NDArray[np.intp]
    y_pred: NDArray[np.intp]
    n_classes: int
    unit: NDArray[np.intp] | None = None
    y_prob: NDArray[np.float64] | None = None
    classes: tuple[str, ...] = ()
    positive: tuple[bool, ...] | None = None
    ordered: bool = False
    original: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        n = len(self.y_true)
        for name in ("y_pred", "unit", "y_prob", "original"):
            column = getattr(self, name)
            if column is not None and len(column) != n:
                raise UsageError(f"{name} has {len(column)} rows, y_true has {n}")
        for name in ("y_true", "y_pred"):
            codes = getattr(self, name)
            if n and not (codes.min() >= 0 and codes.max() < self.n_classes):
                raise UsageError(f"{name} holds class indices outside of 0..{self.n_classes - 1}")

    def __len__(self) -> int:
        return len(self.y_true)

    @property
    def stratum(self) -> NDArray[np.intp]:
        """Original true class of each image, shape (n_samples,); group labels are permuted within it."""
        return self.y_true if self.original is None else self.original

    @cached_property
    def units(self) -> NDArray[np.intp]:
        """Units numbered 0, 1, ... without gaps, shape (n_samples,)."""
        if self.unit is None:
            return np.arange(len(self), dtype=np.intp)
        return np.unique(self.unit, return_inverse=True)[1].astype(np.intp)

    @cached_property
    def n_units(self) -> int:
        """Number of independent units."""
        return int(self.units.max()) + 1 if len(self) else 0

    @property
    def clustered(self) -> bool:
        """Whether any unit has more than one image."""
        return self.n_units < len(self)

    @cached_property
    def hit(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, shape (n_samples,)."""
        return np.asarray(self.y_true == self.y_pred)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Sample:
        """Return the images selected by a mask or by positions."""
        return replace(
            self,
            y_true=self.y_true[rows],
            y_pred=self.y_pred[rows],
            unit=None if self.unit is None else self.unit[rows],
            y_prob=None if self.y_prob is None else self.y_prob[rows],
            original=None if self.original is None else self.original[rows],
        )

    def tally(self, rows: NDArray[np.intp] | slice = slice(None)) -> Tally:
        """Count true, predicted and correct images of each class among ``rows``."""
        return tally(self.y_true[rows], self.y_pred[rows], self.n_classes)

    def view(self, name: View) -> Sample:
        """Return the sample with the classes of a view.

        Parameters
        ----------
        name
            ``classes`` for the classes of the task; ``positive`` for two classes, 1 positive and 0 the rest.

        Raises
        ------
        UsageError
            When no positive classes are declared.
        """
        return self if name == "classes" or self.original is not None else self._positive_view

    @cached_property
    def _positive_view(self) -> Sample:
        """Positive classes against the rest, with summed probabilities."""
        if self.positive is None:
            raise UsageError("the sample does not say which classes are positive")
        is_positive = np.array(self.positive, dtype=np.bool_)
        code = is_positive.astype(np.intp)
        y_prob = None
        if self.y_prob is not None:
            positive = np.minimum(self.y_prob[:, is_positive].sum(axis=1), 1.0)
            y_prob = np.column_stack([1.0 - positive, positive])
        return Sample(
            code[self.y_true],
            code[self.y_pred],
            2,
            unit=self.unit,
            y_prob=y_prob,
            classes=("negative", "positive"),
            positive=(False, True),
            original=self.y_true,
        )

    def image_scores(self, metric: Metric) -> NDArray[np.float64]:
        """Return the score of each image for a metric that is a mean over images, shape (n_samples,).

        Parameters
        ----------
        metric
            Of kind ``mean``, or of kind ``counts`` with an ``image_score``. An image without a score is NaN.
        """
        seen = self.view(metric.view)
        if metric.kind == "mean":
            return np.asarray(metric.score(seen.y_true, seen.y_prob), dtype=np.float64)
        assert metric.image_score is not None
        return metric.image_score(seen.y_true, seen.y_pred)

    def applies(self, metric: Metric) -> bool:
        """Whether ``metric`` is defined for this task, whatever the predictions are."""
        if metric.view == "positive":
            return self.positive is not None
        return not metric.needs_order or (self.ordered and self.n_classes > 2)

    def reason(self, metric: Metric) -> str:
        """Say why ``metric`` is undefined where it is."""
        lacks = metric.needs_probabilities and self.y_prob is None
        return NEEDS_PROBABILITIES if lacks else metric.undefined_when


def join(predictions: Predictions, truth: Truth) -> Sample:
    """Check that predictions and truth are of the same images and classes, and join them.

    Images without a usable prediction count as wrong
    (:func:`~dermbench.artifacts.wrong_answers.count_as_wrong`).

    Raises
    ------
    UsageError
        When ids or class sets differ, or there is no image.
    """
    if predictions.classes != truth.classes:
        raise UsageError(
            f"predictions have the classes {', '.join(predictions.classes)}; the truth {', '.join(truth.classes)}"
        )
    if not np.array_equal(predictions.image_id, truth.image_id):
        apart = sorted(set(map(str, predictions.image_id)) ^ set(map(str, truth.image_id)))
        detail = f"not in both: {name_some(apart)}" if apart else "the order differs or ids are repeated"
        raise UsageError(f"predictions and truth are not of the same image_id, {detail}")
    if len(truth) == 0:
        raise UsageError("there is no image to evaluate")
    named, predictions = truth.positive, count_as_wrong(predictions, truth)
    return Sample(
        truth.y_true,
        predictions.y_pred,
        len(truth.classes),
        unit=None if truth.unit_column is None else truth.unit,
        y_prob=predictions.y_prob,
        classes=truth.classes,
        positive=None if named is None else tuple(name in named.classes for name in truth.classes),
        ordered=truth.ordered,
    )


def eligible_classes(support: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the classes with 10 or more true cases in every group, from counts of shape (n_groups, n_classes)."""
    return np.flatnonzero((support >= ELIGIBLE).all(axis=0))


def too_few_eligible(n_classes: int) -> str:
    """Say that fewer than :data:`MIN_ELIGIBLE` classes are eligible: the value is not estimable."""
    enough = "1 class has" if n_classes == 1 else f"{n_classes} classes have"
    return f"not estimable: {enough} {ELIGIBLE} true cases in every group, needed are {MIN_ELIGIBLE}"
