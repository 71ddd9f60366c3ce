"""Images without a prediction, counted as wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.report import Missing
from dermbench.artifacts.skin import FST_NAMES, UNKNOWN, fst_name
from dermbench.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth

SAME_KIND = 1e-6
"""Probability of the other classes of the true class's kind: small, but above that of the true class."""


def fill_missing(partial: Predictions, truth: Truth, *, source: Path | str) -> Predictions:
    """Give the images without a prediction one that is wrong for every metric.

    The predicted class is the commonest class of the truth other than the true one; of tied classes, the first.
    Where it is known which classes are positive, only classes of the other kind are considered, so that a missing
    melanoma is also a missed malignancy. The true class gets probability 0, each other class of its kind
    :data:`SAME_KIND`, and the remaining classes equal shares, with a double share for the predicted class. The
    image then ranks last for its class and is wrong for top-k accuracy; its log loss is the largest possible.

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
        When no image has a prediction.
    """
    if len(partial) == 0:
        raise InputError(source, ["no image of the truth has a prediction"])
    absent = ~pd.Index(truth.image_id).isin(partial.image_id)
    counts = _count(truth, absent)
    if not absent.any():
        return replace(partial, missing=counts)
    answers = _wrong_answers(truth)
    y_true = truth.y_true
    y_pred = np.empty(len(truth), dtype=np.intp)
    y_pred[~absent], y_pred[absent] = partial.y_pred, answers.argmax(axis=1)[y_true[absent]]
    y_prob = None
    if partial.y_prob is not None:
        y_prob = np.empty((len(truth), len(truth.classes)))
        y_prob[~absent], y_prob[absent] = partial.y_prob, answers[y_true[absent]]
    said = (*partial.interpreted, counts.sentence())
    return replace(
        partial, image_id=truth.image_id, y_pred=y_pred, y_prob=y_prob, interpreted=said, missing=counts
    )


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


def _count(truth: Truth, absent: NDArray[np.bool_]) -> Missing:
    groups: dict[str, tuple[int, int]] = {}
    if "fst" in truth.table:
        types = fst_name(truth.table["fst"]).to_numpy(dtype=object)
        found = {name: types == name for name in (*FST_NAMES, UNKNOWN)}
        groups = {name: (int(absent[rows].sum()), int(rows.sum())) for name, rows in found.items() if rows.any()}
    return Missing(n=int(absent.sum()), of=len(truth), groups=groups)
