"""Gaps between groups, and the inputs on which toolkits print a wrong one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    false_positive_rate,
    true_positive_rate,
)
from sklearn.metrics import cohen_kappa_score, f1_score

from dermbench.artifacts import Predictions
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation import evaluate

FEW = {"n_resamples": 99}


def report_of(y_true, y_pred, classes="abcd", *, sensitive=None, **columns):
    """Report on labels given as strings, one letter a class."""
    ids = [f"i{k:05d}" for k in range(len(y_true))]
    table = pd.DataFrame({"image_id": ids, "label": list(y_true), **columns})
    truth = make_truth(table, classes=tuple(classes))
    codes = np.array([classes.index(letter) for letter in y_pred], dtype=np.intp)
    predictions = Predictions(truth.image_id, truth.classes, codes)
    return evaluate(predictions, truth, sensitive=sensitive or list(columns), **FEW).document()


def balanced(n, *, hits, classes="abcd"):
    """True and predicted letters: ``n`` cases a class, of which ``hits`` are predicted correctly."""
    y_true = [c for c in classes for _ in range(n)]
    following = dict(zip(classes, classes[1:] + classes[0], strict=True))
    y_pred = [c if k < hits else following[c] for c in classes for k in range(n)]
    return y_true, y_pred


def two_groups(*, first, second, n=20):
    y_true, y_pred = (a + b for a, b in zip(balanced(n, hits=first), balanced(n, hits=second), strict=True))
    return y_true, y_pred, ["f"] * (4 * n) + ["m"] * (4 * n)


def test_difference_and_ratio_name_their_groups():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    gap = report_of(y_true, y_pred, sex=sex)["features"]["sex"]["disparities"]["accuracy"]
    assert gap["difference"] == pytest.approx(0.45)
    assert gap["ratio"] == pytest.approx(0.5)
    assert (gap["best_group"], gap["worst_group"]) == ("f", "m")
    assert gap["values"] == {"f": 0.9, "m": 0.45}


def test_a_gap_agrees_with_fairlearn_where_nothing_is_missing():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    gaps = report_of(y_true, y_pred, sex=sex)["features"]["sex"]["disparities"]
    for name, function in (
        ("macro_f1", lambda t, p: f1_score(t, p, average="macro")),
        ("cohen_kappa", cohen_kappa_score),
    ):
        frame = MetricFrame(metrics=function, y_true=y_true, y_pred=y_pred, sensitive_features=sex)
        assert gaps[name]["difference"] == pytest.approx(frame.difference(), abs=1e-6)


def test_no_ratio_of_what_can_be_negative_or_is_zero():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    kappa = report_of(y_true, y_pred, sex=sex)["features"]["sex"]["disparities"]["cohen_kappa"]
    assert kappa["ratio"] is None
    assert "negative" in kappa["reasons"]["ratio"]
    y_true, y_pred, sex = two_groups(first=0, second=0)
    nothing = report_of(y_true, y_pred, sex=sex)["features"]["sex"]["disparities"]["accuracy"]
    assert nothing["difference"] == 0
    assert nothing["ratio"] is None


def test_one_class_group_has_no_kappa_and_no_gap():
    """fairlearn drops the group without a value and prints the gap 0."""
    y_true, y_pred = balanced(20, hits=15)
    y_true, y_pred = y_true + ["a"] * 20, y_pred + ["a"] * 20
    sex = ["f"] * 80 + ["m"] * 20
    feature = report_of(y_true, y_pred, sex=sex)["features"]["sex"]
    assert feature["groups"]["m"]["cohen_kappa"]["value"] is None
    assert "fewer than two classes" in feature["groups"]["m"]["cohen_kappa"]["reason"]
    gap = feature["disparities"]["cohen_kappa"]
    assert gap["difference"] is None
    assert gap["worst_group"] is None
    assert gap["reason"].startswith("undefined in m")
    assert feature["disparities"]["accuracy"]["difference"] == pytest.approx(0.25)


def test_class_absent_from_a_group_and_one_stray_prediction_of_it():
    """Class d is never true among m. One stray prediction of it costs its own case, not a quarter of macro-F1."""
    y_true, y_pred = balanced(20, hits=20)
    m_true, m_pred = balanced(20, hits=20, classes="abc")
    m_pred[0] = "d"
    sex = ["f"] * 80 + ["m"] * 60
    feature = report_of(y_true + m_true, y_pred + m_pred, sex=sex)["features"]["sex"]
    expected = f1_score(m_true, m_pred, labels=list("abc"), average="macro")
    assert feature["groups"]["m"]["macro_f1"]["value"] == pytest.approx(expected, abs=1e-6)
    gap = feature["disparities"]["macro_f1"]
    assert gap["classes"] == ["a", "b", "c"]
    assert gap["difference"] == pytest.approx(1 - expected, abs=1e-6)
    naive = MetricFrame(
        metrics=lambda t, p: f1_score(t, p, average="macro", zero_division=0),
        y_true=y_true + m_true,
        y_pred=y_pred + m_pred,
        sensitive_features=sex,
    ).difference()
    assert naive > 0.25


def test_macro_gaps_use_classes_with_ten_cases_in_every_group():
    y_true, y_pred = balanced(10, hits=10)
    m_true, m_pred = balanced(10, hits=10)
    m_true, m_pred = m_true[1:], m_pred[1:]  # nine cases of class a
    feature = report_of(y_true + m_true, y_pred + m_pred, sex=["f"] * 40 + ["m"] * 39)["features"]["sex"]
    assert feature["disparities"]["macro_f1"]["classes"] == ["b", "c", "d"]
    assert feature["disparities"]["balanced_accuracy"]["difference"] == 0


def test_macro_gaps_over_fewer_than_two_classes_are_not_estimable():
    y_true, y_pred = balanced(9, hits=9)
    feature = report_of(y_true * 2, y_pred * 2, sex=["f"] * 36 + ["m"] * 36)["features"]["sex"]
    gap = feature["disparities"]["macro_f1"]
    assert gap["difference"] is None
    assert gap["reason"].startswith("not estimable: 0 classes have at least 10 true cases in every group")
    assert feature["groups"]["f"]["macro_f1"]["value"] == 1


def test_unknown_is_reported_and_never_compared():
    y_true, y_pred, _sex = two_groups(first=18, second=18)
    worst_true, worst_pred = balanced(20, hits=0)
    feature = report_of(y_true + worst_true, y_pred + worst_pred, fst=["1"] * 80 + ["5"] * 80 + [""] * 80)[
        "features"
    ]["fst"]
    assert feature["groups"]["unknown"]["n"] == 80
    assert feature["groups"]["unknown"]["accuracy"]["value"] == 0
    assert feature["disparities"]["accuracy"]["difference"] == 0


@pytest.mark.parametrize("fst", [["2"] * 80, [""] * 80])
def test_one_group_only(fst):
    y_true, y_pred = balanced(20, hits=15)
    feature = report_of(y_true, y_pred, fst=fst)["features"]["fst"]
    for gap in feature["disparities"].values():
        assert gap["difference"] is None
        assert gap["reason"] in {"fewer than two known groups of fst", "needs probabilities"}


def test_single_image_in_every_group():
    report = report_of("abcd", "abca", fst=["1", "2", "5", "6"])
    groups = report["features"]["fst"]["groups"]
    assert all(block["small"] and block["n"] == 1 for block in groups.values())
    assert groups["I"]["accuracy"]["value"] == 1
    assert groups["I"]["accuracy"]["low"] < 0.25
    assert groups["I"]["cohen_kappa"]["value"] is None
    gaps = report["features"]["fst"]["disparities"]
    assert gaps["accuracy"]["difference"] == 1
    assert gaps["macro_f1"]["difference"] is None
    assert gaps["cohen_kappa"]["difference"] is None


def test_selection_rates_of_string_labels_are_not_silently_equal():
    """fairlearn's demographic parity of multiclass string labels is 0.0 although the rates differ widely."""
    y_true, y_pred = ["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["b"] * 50
    sex = ["f"] * 50 + ["m"] * 50
    assert demographic_parity_difference(y_true, y_pred, sensitive_features=sex) == 0
    parity = report_of(y_true, y_pred, sex=sex)["features"]["sex"]["parity"]
    assert parity["selection_rate_range_max"]["value"] == 1
    assert parity["selection_rate_range_max"]["per_class"] == {"a": 1, "b": 1, "c": 0, "d": 0}


def test_one_versus_rest_parity_agrees_with_fairlearn_on_booleans():
    rng = np.random.default_rng(0)
    y_true = rng.choice(list("abcd"), 400)
    y_pred = np.where(rng.random(400) < 0.6, y_true, rng.choice(list("abcd"), 400))
    sex = rng.choice(["f", "m", "x"], 400)
    parity = report_of(list(y_true), list(y_pred), sex=list(sex))["features"]["sex"]["parity"]
    for label in "abcd":
        true, says = y_true == label, y_pred == label
        rates = {
            "selection_rate": demographic_parity_difference(true, says, sensitive_features=sex),
            "tpr": MetricFrame(
                metrics=true_positive_rate, y_true=true, y_pred=says, sensitive_features=sex
            ).difference(),
            "fpr": MetricFrame(
                metrics=false_positive_rate, y_true=true, y_pred=says, sensitive_features=sex
            ).difference(),
        }
        for name, expected in rates.items():
            assert parity[f"{name}_range_max"]["per_class"][label] == pytest.approx(expected, abs=1e-6)
