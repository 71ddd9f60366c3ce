"""Whether the difference between two models varies by group: against hand-made values and known populations."""

from __future__ import annotations

import numpy as np
import pytest

from dermbench.artifacts import Predictions
from dermbench.artifacts.comparison import GapChange, Gaps
from dermbench.artifacts.report import Undefined
from dermbench.evaluation import compare

FST = [1 + k % 6 for k in range(600)]


def changes(predictions, truth, *, metrics=("accuracy",), n_resamples=399, **options):
    found = compare(predictions, truth, metrics=metrics, n_resamples=n_resamples, **options)
    return found.features["fst"].gap


def answer(truth, right):
    """Predictions that are right where told, and one class further where not."""
    y_pred = np.where(right, truth.y_true, (truth.y_true + 1) % 3)
    return Predictions(truth.image_id, truth.classes, y_pred)


def test_a_model_that_loses_on_two_types_has_a_change_with_limits(models):
    _, truth = models(600, fst=FST)
    rng, dark = np.random.default_rng(1), np.array(FST) >= 5
    base = rng.random(600) < 0.8
    worse = np.where(dark, base & (rng.random(600) < 0.6), base)
    gaps = changes({"a": answer(truth, base), "b": answer(truth, worse)}, truth)["accuracy"]
    assert isinstance(gaps, Gaps)
    change = gaps.changes["b"]
    assert isinstance(change, GapChange)
    assert change.p_holm <= 0.05
    assert 0 < change.low <= change.value <= change.high
    assert change.low < 0.32 < change.high
    assert (change.contrast.first, change.contrast.second) == (("I", "II", "III", "IV"), ("V", "VI"))
    assert change.contrast.value > 0
    assert gaps.models["b"] > gaps.models["a"]


def test_two_groups_give_the_mantel_haenszel_difference(models):
    """With two groups: the weighted mean over classes of the difference between groups."""
    fst = [1 + (k % 5 == 0) for k in range(300)]
    predictions, truth = models(300, fst=fst)
    gaps = changes(predictions, truth)["accuracy"]
    hits = [item.y_pred == truth.y_true for item in predictions.values()]
    apart, second = hits[1].astype(float) - hits[0], np.array(fst) == 2
    differences, weights = [], []
    for c in range(3):
        one, two = apart[(truth.y_true == c) & ~second], apart[(truth.y_true == c) & second]
        differences.append(one.mean() - two.mean())
        weights.append(len(one) * len(two) / (len(one) + len(two)))
    expected = np.average(differences, weights=weights)
    assert gaps.changes["m1"].value == pytest.approx(abs(expected), abs=1e-6)
    assert gaps.changes["m1"].contrast.value == pytest.approx(expected, abs=1e-6)


def test_models_of_unequal_accuracy_without_a_gap_have_no_change(models):
    """One model is always right, the other is wrong on every fourth image of each group and class."""
    _, truth = models(600, fst=FST)
    rank = np.zeros(600, dtype=int)
    for c in range(3):
        for g in range(1, 7):
            rows = np.flatnonzero((truth.y_true == c) & (np.array(FST) == g))
            rank[rows] = np.arange(len(rows))
    predictions = {"all": answer(truth, np.ones(600, dtype=bool)), "less": answer(truth, rank % 4 > 0)}
    change = changes(predictions, truth)["accuracy"].changes["less"]
    assert change.value < 0.06
    assert change.p_value > 0.5
    assert change.low == 0


def test_models_that_are_right_on_different_groups_differ_by_more_than_one(models):
    """One model is right on type I alone, the other on type II alone."""
    fst = np.array([1 + k % 2 for k in range(200)])
    _, truth = models(200, fst=fst)
    gaps = changes({"a": answer(truth, fst == 1), "b": answer(truth, fst == 2)}, truth)["accuracy"]
    change = gaps.changes["b"]
    assert change.value == pytest.approx(2)
    assert change.high == pytest.approx(2)
    assert change.low > 1.5


def test_the_same_model_twice_has_no_change(models):
    predictions, truth = models(200, fst=FST[:200])
    change = changes({"a": predictions["m0"], "b": predictions["m0"]}, truth)["accuracy"].changes["b"]
    assert (change.value, change.low, change.p_value) == (0, 0, 1)


def test_groups_of_few_units_have_a_value_and_no_test(models):
    fst = [1 + (k < 12) for k in range(200)]
    predictions, truth = models(200, fst=fst)
    change = changes(predictions, truth)["accuracy"].changes["m1"]
    assert change.p_value is None
    assert change.low is None
    assert change.reasons["p_value"] == "a group has fewer than 30 independent units"


def test_metrics_that_are_no_means_and_models_without_probabilities_have_a_reason(models):
    predictions, truth = models(300, fst=FST[:300])
    predictions["m1"] = Predictions(truth.image_id, truth.classes, predictions["m1"].y_pred)
    found = changes(predictions, truth, metrics=("macro_f1", "brier", "log_loss"))
    assert isinstance(found["macro_f1"], Undefined)
    assert "no mean over images" in found["macro_f1"].reason
    assert found["brier"].models["m1"] is None
    assert found["brier"].changes["m1"] == Undefined(reason="needs probabilities of both models")


def test_a_loss_without_bounds_is_not_tested(models):
    predictions, truth = models(300, fst=FST[:300])
    change = changes(predictions, truth, metrics=("log_loss",))["log_loss"].changes["m1"]
    assert change.value > 0
    assert change.p_value is None
    assert "unequal spread" in change.reasons["p_value"]


@pytest.mark.parametrize("n_resamples", [9, 19, 99, 399])
def test_at_least_is_positive_only_where_the_corrected_p_is_small(models, n_resamples):
    """Five models against one, so that the family has five members."""
    _, truth = models(300, fst=FST[:300])
    rng, dark = np.random.default_rng(2), np.array(FST[:300]) >= 5
    base = rng.random(300) < 0.9
    predictions = {"base": answer(truth, base)}
    for k in range(5):
        predictions[f"m{k}"] = answer(truth, np.where(dark, base & (rng.random(300) > 0.15 * k), base))
    found = changes(predictions, truth, n_resamples=n_resamples)["accuracy"].changes
    assert len(found) == 5
    for change in found.values():
        assert change.p_holm >= change.p_value
        assert not change.low or change.p_holm <= 0.05
    assert any(change.low for change in found.values()) == (n_resamples >= 99)
