"""Models against a baseline: paired tests against exact answers, intervals, and the command line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import Predictions, make_predictions, make_truth
from dermbench.errors import UsageError
from dermbench.evaluation import METRICS, compare
from dermbench.evaluation.paired.pairs import MCNEMAR, SIGN_FLIP

CLASSES = ("a", "b", "c")


def models(n=150, seed=0, *, gains=(0.0, 1.0), **columns):
    """Truth, and predictions of models whose logits of the true class are raised by ``gains``."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, n)
    ids = [f"i{k:04d}" for k in range(n)]
    truth = make_truth(
        pd.DataFrame({"image_id": ids, "label": [CLASSES[i] for i in y_true], **columns}), classes=CLASSES
    )
    shared = rng.normal(size=(n, 3))
    found = {}
    for k, gain in enumerate(gains):
        logits = shared + rng.normal(size=(n, 3)) * 0.5
        logits[np.arange(n), y_true] += 1 + gain
        y_prob = np.exp(logits)
        found[f"m{k}"] = make_predictions(ids, y_prob / y_prob.sum(axis=1, keepdims=True), CLASSES)
    return found, truth


def test_a_better_model_is_found_with_values_and_differences():
    predictions, truth = models()
    found = compare(predictions, truth, n_resamples=499).document()
    assert found["baseline"] == "m0"
    assert list(found["differences"]) == ["m1"]
    for name, effect in found["differences"]["m1"].items():
        values = [found["models"][m][name]["value"] for m in ("m0", "m1")]
        if effect["value"] is None:
            assert name == "top3_accuracy"
            continue
        assert effect["value"] == pytest.approx(values[1] - values[0], abs=2e-6)
        assert effect["low"] < effect["value"] < effect["high"]
        better = effect["low"] > 0 if METRICS.get(name).higher_is_better else effect["high"] < 0
        assert better, name
        assert effect.get("p_value", 0.0) < 0.05
    assert found["differences"]["m1"]["accuracy"]["test"] == MCNEMAR
    assert found["differences"]["m1"]["log_loss"]["test"] == SIGN_FLIP


def test_same_model_twice_does_not_differ():
    predictions, truth = models(gains=(0.0,))
    found = compare({"x": predictions["m0"], "y": predictions["m0"]}, truth, n_resamples=99).document()
    for name, effect in found["differences"]["y"].items():
        if effect["value"] is not None:
            assert effect["value"] == 0
            assert effect.get("p_value", 1) == 1, name


def test_units_are_resampled_where_there_are_any():
    patients = [f"p{k // 5}" for k in range(150)]
    predictions, truth = models(patient_id=patients)
    found = compare(predictions, truth, n_resamples=499).document()
    assert found["differences"]["m1"]["accuracy"]["test"] == SIGN_FLIP
    assert found["notes"][0] == "Resampled by patient: 30 units, 150 images."


def test_holm_over_models():
    predictions, truth = models(gains=(0.0, 0.1, 0.2, 1.0))
    found = compare(predictions, truth, baseline="m3", n_resamples=199).document()
    assert set(found["differences"]) == {"m0", "m1", "m2"}
    p = {m: found["differences"][m]["macro_f1"]["p_value"] for m in ("m0", "m1", "m2")}
    holm = {m: found["differences"][m]["macro_f1"]["p_holm"] for m in p}
    ordered = sorted(p, key=p.get)
    assert holm[ordered[0]] == pytest.approx(min(1, 3 * p[ordered[0]]), abs=1e-6)
    assert holm[ordered[2]] >= holm[ordered[1]] >= holm[ordered[0]]


def test_labels_only_beside_probabilities():
    predictions, truth = models()
    probable = predictions["m1"]
    labels = Predictions(probable.image_id, probable.classes, probable.y_pred)
    found = compare({"p": predictions["m0"], "l": labels}, truth, n_resamples=99).document()
    assert found["differences"]["l"]["log_loss"] == {
        "value": None,
        "n": 0,
        "reason": "needs probabilities of both models",
    }
    assert found["differences"]["l"]["accuracy"]["value"] is not None


def test_refusals():
    predictions, truth = models()
    with pytest.raises(UsageError, match="at least two models"):
        compare({"m0": predictions["m0"]}, truth)
    with pytest.raises(UsageError, match="at least two models"):
        compare({}, truth)
    with pytest.raises(UsageError, match="baseline 'x' is none of the models"):
        compare(predictions, truth, baseline="x")
    others, _ = models(n=100)
    with pytest.raises(UsageError, match="not of the same images"):
        compare({"m0": predictions["m0"], "other": others["m0"]}, truth)


def test_same_bytes_for_the_same_seed():
    predictions, truth = models(n=60)
    first = compare(predictions, truth, n_resamples=99, seed=4).text()
    assert compare(predictions, truth, n_resamples=99, seed=4).text() == first
    assert compare(predictions, truth, n_resamples=99, seed=5).text() != first
