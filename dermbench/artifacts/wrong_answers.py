"""Images without a usable prediction count as wrong: they get a prediction that every metric scores as wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.predictions import place_predictions
from dermbench.artifacts.unanswered import Unanswered
from dermbench.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth

SAME_KIND = 1e-6
"""Probability of other classes of the same kind as the true class: small, but above that of the true class."""


def add_missing(partial: Predictions, truth: Truth, *, source: Path | str) -> Predictions:
    """Return predictions for all images of the truth, with the reason ``missing`` for images without a row.

    Parameters
    ----------
    partial
        Predictions for some images of the truth, sorted by ``image_id``.
    truth
        All images.
    source
        Name of the predictions, for messages.

    Raises
    ------
    InputError
        When no image of the truth has a row.
    """
    if len(partial) == 0:
        raise InputError(source, ["no image of the truth has a prediction"])
    place = pd.Index(truth.image_id).get_indexer(pd.Index(partial.image_id))
    absent = np.setdiff1d(np.arange(len(truth)), place)
    if not len(absent):
        return partial
    return place_predictions(partial, place, absent, np.full(len(absent), "missing", dtype=object), truth)


def count_as_wrong(predictions: Predictions, truth: Truth) -> Predictions:
    """Give images without a usable prediction one that every metric scores as wrong.

    The predicted class is the most frequent class of the truth other than the true one; of tied classes, the
    first. If positive classes are known, only classes of the other kind are considered, so that a missing melanoma
    is also a missed malignancy. The true class gets probability 0, each other class of its kind
    :data:`SAME_KIND`, and the remaining classes equal shares, with a double share for the predicted class. The
    image then ranks last for its class and is wrong for top-k accuracy; its log loss is the largest possible.

    The result depends on the truth: it may be scored, but must not be written to a predictions file.

    Parameters
    ----------
    predictions
        Predictions for exactly the images of the truth; returned unchanged if all are usable.
    truth
        The images.
    """
    reason = predictions.no_answer
    if reason is None:
        return predictions
    unanswered = Unanswered(reason, truth)
    absent = unanswered.absent
    answers, y_true = _wrong_answers(truth), truth.y_true
    y_pred = predictions.y_pred.copy()
    y_pred[absent] = answers.argmax(axis=1)[y_true[absent]]
    y_prob = None if predictions.y_prob is None else predictions.y_prob.copy()
    if y_prob is not None:
        y_prob[absent] = answers[y_true[absent]]
    return replace(predictions, y_pred=y_pred, y_prob=y_prob, no_answer=None, unanswered=unanswered)


def _wrong_answers(truth: Truth) -> NDArray[np.float64]:
    """Return the probabilities of a missing prediction for each true class, shape (n_classes, n_classes)."""
    n_classes = len(truth.classes)
    support = np.bincount(truth.y_true, minlength=n_classes)
    named = truth.positive
    positive = np.array([named is not None and name in named.classes for name in truth.classes])
    found = np.zeros((n_classes, n_classes))
    for true in range(n_classes):
        others = np.arange(n_classes) != true
        opposite = others & (positive != positive[true]) if named is not None else others
        weight = opposite.astype(np.float64)
        weight[np.where(opposite, support, -1).argmax()] += 1
        same = others & ~opposite
        found[true] = weight / weight.sum() * (1 - SAME_KIND * same.sum())
        found[true, same] = SAME_KIND
    return found
