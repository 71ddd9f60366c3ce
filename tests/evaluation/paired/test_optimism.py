"""How much the best of several models is flattered by being chosen: by hand, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth
from dermbench.artifacts.predictions import Predictions
from dermbench.errors import UsageError
from dermbench.evaluation import selection_optimism
from dermbench.evaluation.paired.optimism import optimism

CLASSES = ("a", "b", "c")


def estimate_mean(theta, common, *, n_sets=600, n_resamples=300, seed=1):
    """Return true and mean estimated optimism of normal errors of variance 1, with their Monte-Carlo errors."""
    rng = np.random.default_rng(seed)

    def errors(n):
        shared = rng.standard_normal((1, n))
        return np.sqrt(common) * shared + np.sqrt(1 - common) * rng.standard_normal((len(theta), n))

    observed = np.array(theta)[:, None] + errors(n_sets)
    best = observed.argmax(axis=0)
    excess = observed.max(axis=0) - np.array(theta)[best]
    centred = excess - (observed - np.array(theta)[:, None]).mean(axis=0)  # the same mean, less noise
    made = [optimism(row, row[:, None] + errors(n_resamples), n_units=10**9) for row in observed.T]
    return (
        centred.mean(),
        centred.std() / np.sqrt(n_sets),
        np.mean(made),
        np.std(made) / np.sqrt(n_sets),
    )


@pytest.mark.parametrize(
    ("theta", "common", "too_high"),
    [
        ((0.0, 0.0), 0.0, 0.0),  # E max of two: 1/sqrt(pi) = .564
        ((0.0,) * 20, 0.0, 0.0),
        ((0.0,) * 20, 0.7, 0.0),
        (tuple(np.linspace(0, -2, 20)), 0.7, 0.1),
        ((2.0, *[0.0] * 10), 0.7, 0.15),
        ((8.0, *[0.0] * 10), 0.7, 0.0),
    ],
)
def test_on_average_it_is_the_truth_or_slightly_more(theta, common, too_high):
    true, error, mean, mean_error = estimate_mean(theta, common)
    both = 3.5 * np.hypot(error, mean_error) + 0.01
    assert -both < mean - true < too_high + both
    if theta == (0.0, 0.0):
        assert true == pytest.approx(1 / np.sqrt(np.pi), abs=both)


def test_by_hand():
    values = np.array([0.5, 0.5])
    replicates = np.array([[0.6, 0.4], [0.4, 0.6]])
    # errors of .1 in either direction; whichever is up is chosen; sqrt((1 + s) / s) is sqrt(3) for s = 1/2
    assert optimism(values, replicates, n_units=10**9) == pytest.approx(np.sqrt(3) * 0.1)
    assert optimism(values, replicates, n_units=2) == pytest.approx(np.sqrt(6) * 0.1)
    assert optimism(values, replicates, n_units=10**9, share=1.0) == pytest.approx(np.sqrt(2) * 0.1)
    assert optimism(np.array([0.9, 0.1]), replicates, n_units=10**9) == pytest.approx(0.0)
    assert optimism(values, np.full((2, 3), np.nan), n_units=9) is None
    broken = np.column_stack([replicates, [np.nan, 0.9]])
    assert optimism(values, broken, n_units=10**9) == pytest.approx(np.sqrt(3) * 0.1), "left out as a whole"


def drawn(n=200, per_patient=1):
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"image_id": [f"{i:03d}" for i in range(n)], "label": rng.choice(CLASSES, n)})
    if per_patient > 1:
        table["patient_id"] = [f"p{i // per_patient}" for i in range(n)]
    truth = make_truth(table, classes=CLASSES, task="toy", split="test")
    prob = {str(k): rng.dirichlet(np.ones(3), n) for k in range(4)}
    for one in prob.values():
        one[np.arange(n), truth.y_true] += 0.3
    return truth, {
        name: make_predictions(truth.image_id, one / one.sum(axis=1, keepdims=True), CLASSES)
        for name, one in prob.items()
    }


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss", "auroc_ovr"])
def test_every_kind_of_metric(metric):
    truth, predictions = drawn()
    found = selection_optimism(predictions, truth, metric=metric, n_resamples=299)
    assert 0.001 < found < 0.1
    assert found == selection_optimism(predictions, truth, metric=metric, n_resamples=299)
    twice = {f"{name}{copy}": one for name, one in predictions.items() for copy in "ab"}
    assert selection_optimism(twice, truth, metric=metric, n_resamples=299) == pytest.approx(found), (
        "a model entered twice flatters no further"
    )


def test_accuracy_of_equal_models_with_independent_errors():
    """Of 4 equal models the best has an expected excess of 1.03 standard errors, the mean of the largest of 4."""
    rng, n = np.random.default_rng(0), 400
    truth, _ = drawn(n)
    made = []
    for _ in range(40):
        hits = rng.random((4, n)) < 0.7
        answers = np.where(hits, truth.y_true, (truth.y_true + 1) % 3).astype(np.intp)
        entries = {str(k): Predictions(truth.image_id, CLASSES, row) for k, row in enumerate(answers)}
        made.append(selection_optimism(entries, truth, metric="accuracy", n_resamples=199))
    assert np.mean(made) == pytest.approx(1.0294 * np.sqrt(0.7 * 0.3 / n), rel=0.25)


def test_images_of_a_patient_are_drawn_together():
    alone, (truth, predictions) = drawn()[1], drawn(per_patient=4)
    single = selection_optimism(alone, drawn()[0], metric="accuracy", n_resamples=499)
    assert selection_optimism(predictions, truth, metric="accuracy", n_resamples=499) != single


def test_where_there_is_none():
    truth, predictions = drawn()
    assert selection_optimism({"0": predictions["0"]}, truth) is None
    labels = {name: Predictions(one.image_id, one.classes, one.y_pred) for name, one in predictions.items()}
    assert selection_optimism(labels, truth, metric="log_loss") is None, "no model has a value"
    with pytest.raises(UsageError, match="no paired test"):
        selection_optimism(predictions, truth, metric="average_precision")
