"""Small samples for the tests of the evaluation room."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import Predictions
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample, join

sys.path.append(str(Path(__file__).parent))  # makes `making` importable

from making import make_sample


def names_of(n_classes):
    return tuple(f"c{i:03d}" for i in range(n_classes))


def _sample(y_true, y_pred=None, y_prob=None, *, n_classes=None, columns=None, **about):
    """Build a sample from class indices, with ids in row order; every second class is malignant."""
    y_true = np.asarray(y_true, dtype=np.intp)
    if y_prob is not None:
        y_prob = np.asarray(y_prob, dtype=np.float64)
        y_pred = y_prob.argmax(axis=1)
        n_classes = y_prob.shape[1]
    y_pred = np.asarray(y_pred, dtype=np.intp)
    n_classes = n_classes or int(max(y_true.max(), y_pred.max())) + 1
    classes = names_of(n_classes)
    ids = np.array([f"i{k:06d}" for k in range(len(y_true))], dtype=object)
    table = pd.DataFrame({"image_id": ids, "label": [classes[i] for i in y_true], **(columns or {})})
    malignancy = {c: ("malignant" if i % 2 else "benign") for i, c in enumerate(classes)}
    about = {"malignancy": malignancy, **about}
    if not len(table):
        return Sample(y_true, y_pred, n_classes, y_prob=y_prob, classes=classes)
    return join(Predictions(ids, classes, y_pred, y_prob), make_truth(table, classes=classes, **about))


@pytest.fixture(scope="session")
def build():
    return _sample


@pytest.fixture(scope="session")
def draw():
    """Return a function that draws true classes and tie-free probabilities that often hit."""

    def draw_(rng, n_samples, n_classes, *, signal=1.5):
        y_true = rng.integers(0, n_classes, n_samples)
        logits = rng.normal(size=(n_samples, n_classes))
        logits[np.arange(n_samples), y_true] += signal
        y_prob = np.exp(logits)
        return y_true, y_prob / y_prob.sum(axis=1, keepdims=True)

    return draw_


@pytest.fixture
def metric():
    return METRICS.get


@pytest.fixture
def sample():
    return make_sample(probabilities=True)


@pytest.fixture
def clustered():
    return make_sample(units=120, probabilities=True)
