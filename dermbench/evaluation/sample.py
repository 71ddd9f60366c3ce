"""Predictions joined to truth, and the value of a metric on any part of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError, name_some
from dermbench.evaluation.core.metric import METRICS, Metric, Tally, tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth

MALIGNANT = "malignant"
NEEDS_PROBABILITIES = "needs probabilities"


@dataclass(frozen=True)
class View:
    """True class, predicted class and probabilities as a metric sees them.

    Attributes
    ----------
    y_true, y_pred
        Class indices, shape (n_samples,).
    y_prob
        Probabilities, shape (n_samples, n_classes), or None.
    n_classes
        Size of the class set.
    """

    y_true: NDArray[np.intp]
    y_pred: NDArray[np.intp]
    y_prob: NDArray[np.float64] | None
    n_classes: int

    def tally(self, rows: NDArray[np.intp] | slice = slice(None)) -> Tally:
        """Count true, predicted and correct images of each class among ``rows``."""
        return tally(self.y_true[rows], self.y_pred[rows], self.n_classes)


@dataclass(frozen=True)
class Sample:
    """Predictions and truth of the same images, in the same order; made by :func:`join`."""

    truth: Truth
    predictions: Predictions

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def classes(self) -> tuple[str, ...]:
        """Ordered class set of the task."""
        return self.truth.classes

    @cached_property
    def scored(self) -> dict[tuple[object, ...], NDArray[np.float64]]:
        """Values of metrics on some rows that have been computed already."""
        return {}

    @cached_property
    def full(self) -> View:
        """The classes of the task."""
        predictions = self.predictions
        return View(self.truth.y_true, predictions.y_pred, predictions.y_prob, len(self.classes))

    @cached_property
    def malignancy(self) -> View:
        """Two classes: 1 where a class is malignant, 0 for the rest; probabilities are added up."""
        is_malignant = np.array([self.truth.malignancy.get(c) == MALIGNANT for c in self.classes])
        code = is_malignant.astype(np.intp)
        y_prob = self.predictions.y_prob
        if y_prob is not None:
            malignant = np.minimum(y_prob[:, is_malignant].sum(axis=1), 1.0)
            y_prob = np.column_stack([1.0 - malignant, malignant])
        return View(code[self.truth.y_true], code[self.predictions.y_pred], y_prob, 2)

    def view(self, metric: Metric) -> View:
        """Return the view that ``metric`` is a function of."""
        return self.malignancy if metric.view == "malignancy" else self.full

    def applies(self, metric: Metric) -> bool:
        """Whether ``metric`` means something for this task, whatever the predictions are."""
        if metric.view == "malignancy":
            kinds = {self.truth.malignancy.get(c) for c in self.classes}
            return None not in kinds and MALIGNANT in kinds and len(kinds) > 1
        return not metric.needs_order or (self.truth.ordered and len(self.classes) > 2)

    def reason(self, metric: Metric) -> str:
        """Say why ``metric`` has no value where it has none."""
        lacks = metric.needs_probabilities and self.predictions.y_prob is None
        return NEEDS_PROBABILITIES if lacks else metric.undefined_when


def join(predictions: Predictions, truth: Truth) -> Sample:
    """Check that predictions and truth are of the same images and classes.

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
    return Sample(truth, predictions)


def applicable(sample: Sample) -> list[Metric]:
    """Return the metrics of the registry that apply to the task, by name."""
    return [metric for metric in map(METRICS.get, METRICS.names()) if sample.applies(metric)]


def score(
    metric: Metric,
    sample: Sample,
    *,
    rows: NDArray[np.intp] | None = None,
    classes: NDArray[np.intp] | None = None,
) -> float:
    """Return the value of a metric, NaN where it is undefined.

    Parameters
    ----------
    metric
        What to compute.
    sample
        Predictions and truth.
    rows
        Rows to compute it on; all by default.
    classes
        For a macro metric, the classes to average over; by default those that occur in the rows.
    """
    view = sample.view(metric)
    part = np.arange(len(sample)) if rows is None else rows
    if len(part) == 0 or (metric.needs_probabilities and view.y_prob is None):
        return float("nan")
    if metric.kind == "counts":
        counts = view.tally(part)
        return float(metric.score(counts if classes is None else counts.take(classes)))
    assert view.y_prob is not None
    y_true, y_prob = view.y_true[part], view.y_prob[part]
    if metric.kind == "mean":
        return float(np.mean(metric.score(y_true, y_prob)))
    if classes is not None:
        recode = np.full(view.n_classes, -1, dtype=np.intp)
        recode[classes] = np.arange(len(classes))
        y_true, y_prob = recode[y_true], y_prob[:, classes]
    return float(metric.score(y_true, y_prob, np.ones((len(part), 1)))[0])
