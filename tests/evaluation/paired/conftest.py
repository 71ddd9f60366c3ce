"""Models of known quality for the tests of comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth

CLASSES = ("a", "b", "c")


def _models(n=150, seed=0, *, gains=(0.0, 1.0), noise=0.5, **columns):
    """Return truth, and predictions of models whose logits of the true class are raised by ``gains``."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, n)
    ids = [f"i{k:04d}" for k in range(n)]
    table = pd.DataFrame({"image_id": ids, "label": [CLASSES[i] for i in y_true], **columns})
    truth = make_truth(table, classes=CLASSES)
    shared = rng.normal(size=(n, 3))
    found = {}
    for k, gain in enumerate(gains):
        logits = shared + rng.normal(size=(n, 3)) * noise
        logits[np.arange(n), y_true] += 1 + gain
        y_prob = np.exp(logits)
        found[f"m{k}"] = make_predictions(ids, y_prob / y_prob.sum(axis=1, keepdims=True), CLASSES)
    return found, truth


@pytest.fixture(scope="session")
def models():
    return _models
