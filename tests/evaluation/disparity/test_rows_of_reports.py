"""Gaps in reports: what a row says, and the inputs on which toolkits print a wrong gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    false_positive_rate,
    true_positive_rate,
)
from making import FST, make_groups, make_sample
from sklearn.metrics import cohen_kappa_score, f1_score

from dermbench.artifacts import Predictions
from dermbench.artifacts.report import Disparity, Undefined
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation import METRICS, evaluate
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.rows import Questions, disparity_rows
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan

FEW = {"n_resamples": 99}
ALL = tuple(name for name in METRICS.names() if METRICS.get(name).view == "classes")


def report_of(y_true, y_pred, classes="abcd", *, sensitive=None, **columns):
    """Report on labels given as strings, one letter a class."""
    ids = [f"i{k:05d}" for k in range(len(y_true))]
    table = pd.DataFrame({"image_id": ids, "label": list(y_true), **columns})
    truth = make_truth(table, classes=tuple(classes))
    codes = np.array([classes.index(letter) for letter in y_pred], dtype=np.intp)
    predictions = Predictions(truth.image_id, truth.classes, codes)
    return evaluate(predictions, truth, sensitive=sensitive or list(columns), **FEW)


def by_sex(y_true, y_pred, sex):
    return report_of(y_true, y_pred, sex=sex).features["sex"]


def balanced(n, *, hits, classes="abcd"):
    """True and predicted letters: ``n`` cases a class, of which ``hits`` are predicted correctly."""
    y_true = [c for c in classes for _ in range(n)]
    following = dict(zip(classes, classes[1:] + classes[0], strict=True))
    y_pred = [c if k < hits else following[c] for c in classes for k in range(n)]
    return y_true, y_pred


def two_groups(*, first, second, n=20):
    y_true, y_pred = (a + b for a, b in zip(balanced(n, hits=first), balanced(n, hits=second), strict=True))
    return y_true, y_pred, ["f"] * (4 * n) + ["m"] * (4 * n)


def row_of(sample, grouping, name="accuracy", *, n_resamples=299):
    metrics, plan = [METRICS.get(name)], Plan(0, n_resamples)
    table = group_tables(sample, [grouping], metrics)[grouping.feature]
    found = estimates(sample, metrics, grouping, plan, table=table)
    asked = Questions((name, grouping.feature), None, 1)
    return disparity_rows(sample, grouping, metrics, table, found, plan, asked)[name]


def test_a_row_names_the_groups_and_their_raw_difference():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    feature = by_sex(y_true, y_pred, sex)
    row = feature.disparities["accuracy"]
    assert row.gap == pytest.approx(0.45)  # both groups have the same class mix
    assert row.raw.difference == pytest.approx(0.45)
    assert row.raw.ratio == pytest.approx(0.5)
    assert (row.raw.best_group, row.raw.worst_group) == ("f", "m")
    assert (row.contrast.first, row.contrast.second, row.contrast.kind) == (("f",), ("m",), "pair")
    assert row.contrast.value == pytest.approx(0.45)
    assert {name: group.cells["accuracy"].value for name, group in feature.groups.items()} == {"f": 0.9, "m": 0.45}
    assert row.verdict.kind == "disparity"
    assert 0 < row.low < 0.45 < row.high


def test_raw_differences_agree_with_fairlearn_where_nothing_is_missing():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    rows = by_sex(y_true, y_pred, sex).disparities
    for name, function in (
        ("macro_f1", lambda t, p: f1_score(t, p, average="macro")),
        ("cohen_kappa", cohen_kappa_score),
    ):
        frame = MetricFrame(metrics=function, y_true=y_true, y_pred=y_pred, sensitive_features=sex)
        assert rows[name].raw.difference == pytest.approx(frame.difference(), abs=1e-6)


def test_no_ratio_of_what_can_be_negative_or_is_zero():
    y_true, y_pred, sex = two_groups(first=18, second=9)
    assert by_sex(y_true, y_pred, sex).disparities["cohen_kappa"].raw.ratio is None
    y_true, y_pred, sex = two_groups(first=0, second=0)
    nothing = by_sex(y_true, y_pred, sex).disparities["accuracy"]
    assert (nothing.gap, nothing.p_value, nothing.verdict.kind) == (0, 1, "undecided")
    assert nothing.raw.difference == 0
    assert nothing.raw.ratio is None


def test_one_class_group_has_no_kappa_and_no_gap():
    """fairlearn drops the group without a value and prints the gap 0."""
    y_true, y_pred = balanced(20, hits=15)
    y_true, y_pred = y_true + ["a"] * 20, y_pred + ["a"] * 20
    feature = by_sex(y_true, y_pred, ["f"] * 80 + ["m"] * 20)
    cell = feature.groups["m"].cells["cohen_kappa"]
    assert cell.value is None
    assert "fewer than two classes" in cell.reason
    assert feature.groups["f"].cells["cohen_kappa"].value is not None
    row = feature.disparities["cohen_kappa"]
    assert isinstance(row, Undefined)
    assert row.reason.startswith("undefined in m: ")
    accuracy = feature.disparities["accuracy"]
    assert accuracy.gap == pytest.approx(0.25)  # of class a, the only one in both groups
    assert accuracy.n_classes == 1
    assert accuracy.overlap == pytest.approx(20 * 20 / 40 * (1 / 80 + 1 / 20))


def test_a_stray_prediction_of_an_absent_class_does_not_create_a_gap():
    """Class d is never true among m. One stray prediction of it costs its own case, not a quarter of macro-F1."""
    y_true, y_pred = balanced(20, hits=20)
    m_true, m_pred = balanced(20, hits=20, classes="abc")
    m_pred[0] = "d"
    feature = by_sex(y_true + m_true, y_pred + m_pred, ["f"] * 80 + ["m"] * 60)
    expected = f1_score(m_true, m_pred, labels=list("abc"), average="macro")
    assert feature.groups["m"].cells["macro_f1"].value == pytest.approx(expected, abs=1e-6)
    row = feature.disparities["macro_f1"]
    assert row.n_classes == 3
    assert row.raw.difference == pytest.approx(1 - expected, abs=1e-6)
    assert row.gap < 0.05
    assert row.verdict.kind == "undecided"
    naive = MetricFrame(
        metrics=lambda t, p: f1_score(t, p, average="macro", zero_division=0),
        y_true=y_true + m_true,
        y_pred=y_pred + m_pred,
        sensitive_features=["f"] * 80 + ["m"] * 60,
    ).difference()
    assert naive > 0.25


def test_macro_gaps_exist_with_few_cases_a_class_and_name_the_number_of_classes():
    y_true, y_pred = balanced(3, hits=3)
    rows = by_sex(y_true * 2, y_pred * 2, ["f"] * 12 + ["m"] * 12).disparities
    for name in ("macro_f1", "balanced_accuracy"):
        assert (rows[name].gap, rows[name].p_value) == (0, 1)
        assert rows[name].n_classes == 4


def test_unknown_is_reported_and_never_compared():
    y_true, y_pred, _sex = two_groups(first=18, second=18)
    worst_true, worst_pred = balanced(20, hits=0)
    fst = ["1"] * 80 + ["5"] * 80 + [""] * 80
    feature = report_of(y_true + worst_true, y_pred + worst_pred, fst=fst).features["fst"]
    assert feature.unknown_n == feature.groups["unknown"].n == 80
    assert feature.groups["unknown"].cells["accuracy"].value == 0
    row = feature.disparities["accuracy"]
    assert (row.gap, row.n_groups) == (0, 2)
    assert set(row.contrast.first) | set(row.contrast.second) == {"I", "V"}
    assert all(set(class_.cells) == {"I", "V"} for class_ in feature.screen.values())


@pytest.mark.parametrize("fst", [["2"] * 80, [""] * 80])
def test_one_group_only(fst):
    y_true, y_pred = balanced(20, hits=15)
    report = report_of(y_true, y_pred, fst=fst)
    feature = report.features["fst"]
    reasons = {row.reason for row in feature.disparities.values()}
    assert reasons == {"fewer than two known groups of fst"}
    assert feature.screen == Undefined(reason="fewer than two known groups of fst")
    assert isinstance(feature.parity, Undefined)
    assert "No answer on accuracy between skin types: fewer than two known groups of fst." in {
        sentence.text for sentence in report.summary
    }


def test_groups_that_share_no_class_are_not_compared():
    feature = report_of("abcd", "abca", fst=["1", "2", "5", "6"]).features["fst"]
    assert all(group.small and group.n == 1 for group in feature.groups.values())
    cells = feature.groups["I"].cells
    assert cells["accuracy"].value == 1
    assert cells["accuracy"].low < 0.25
    assert cells["cohen_kappa"].value is None
    assert all(isinstance(row, Undefined) for row in feature.disparities.values())
    assert "share too few classes" in feature.disparities["accuracy"].reason


def test_selection_rates_of_string_labels_are_not_silently_equal():
    """fairlearn's demographic parity of multiclass string labels is 0.0 although the rates differ widely."""
    y_true, y_pred = ["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["b"] * 50
    sex = ["f"] * 50 + ["m"] * 50
    assert demographic_parity_difference(y_true, y_pred, sensitive_features=sex) == 0
    found = by_sex(y_true, y_pred, sex).parity["selection_rate_range_max"]
    assert found.value == 1
    assert found.per_class == {"a": 1, "b": 1, "c": 0, "d": 0}


def test_one_versus_rest_parity_agrees_with_fairlearn_on_booleans():
    rng = np.random.default_rng(0)
    y_true = rng.choice(list("abcd"), 400)
    y_pred = np.where(rng.random(400) < 0.6, y_true, rng.choice(list("abcd"), 400))
    sex = rng.choice(["f", "m", "x"], 400)
    found = by_sex(list(y_true), list(y_pred), list(sex)).parity
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
            assert found[f"{name}_range_max"].per_class[label] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("units", [None, 150])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_every_metric_fills_a_row_or_says_why_not(units, n_classes):
    sample = make_sample(500, n_classes, units=units, probabilities=True)
    grouping = make_groups(sample, unknown=0.1)
    for name in ALL:
        row = row_of(sample, grouping, name, n_resamples=99)
        if name == "top3_accuracy" and n_classes < 3:
            assert isinstance(row, Undefined)
            continue
        if METRICS.get(name).kind == "ranking" and n_classes > 2:
            assert row == Undefined(reason="a ranking metric of more than two classes has no within-class gap")
            continue
        assert row.n_groups == 3
        assert row.gap >= 0
        assert row.raw.difference >= 0
        assert row.chance is not None
        assert row.between_group_sd.value is not None
        assert (row.verdict is None) == (name == "log_loss")
        assert row.verdict is None or 0 < row.p_value <= 1


def with_drop(drop, *, n=600, units=None, seed=0):
    """Three equal groups of which the last is right less often."""
    rng = np.random.default_rng(seed)
    codes = np.repeat([0, 1, 2], n // 3)
    y_true = rng.integers(0, 3, n)
    right = rng.random(n) < np.array([0.8, 0.8, 0.8 - drop])[codes]
    sample = Sample(y_true, np.where(right, y_true, (y_true + 1) % 3), 3, unit=units)
    return sample, Grouping("fst", codes, FST[:3], ordered=True)


def test_raw_difference_is_largest_minus_smallest_of_the_known_groups():
    sample = make_sample(600)
    grouping = make_groups(sample, unknown=0.2)
    raw = row_of(sample, grouping).raw
    values = [sample.hit[grouping.codes == g].mean() for g in range(3)]
    assert raw.difference == pytest.approx(max(values) - min(values), abs=1e-6)
    assert raw.ratio == pytest.approx(min(values) / max(values), abs=1e-6)
    assert raw.best_group == FST[int(np.argmax(values))]
    assert raw.worst_group == FST[int(np.argmin(values))]


def test_a_large_drop_is_a_disparity():
    row = row_of(*with_drop(0.35))
    assert row.verdict.kind == "disparity"
    assert row.low > 0.1
    assert row.raw.worst_group == "III"
    assert "III" in row.contrast.second
    assert row.between_group_sd.low > 0


def test_no_drop_is_undecided_and_says_how_large_the_gap_may_be():
    row = row_of(*with_drop(0.0))
    assert (row.verdict.kind, row.low) == ("undecided", 0)
    assert row.verdict.text.startswith("not settled: the gap may be anywhere from 0 to .")
    small = row_of(*with_drop(0.0, n=60, seed=1))
    assert small.verdict.kind == "undecided"
    assert small.high > row.high


def test_lower_is_better_turns_best_and_worst_around():
    sample = make_sample(600, probabilities=True)
    grouping = make_groups(sample)
    losses = METRICS.get("log_loss").score(sample.y_true, sample.y_prob)
    values = [losses[grouping.codes == g].mean() for g in range(3)]
    raw = row_of(sample, grouping, "log_loss").raw
    assert raw.worst_group == FST[int(np.argmax(values))]
    assert raw.best_group == FST[int(np.argmin(values))]
    assert raw.ratio == pytest.approx(min(values) / max(values), abs=1e-5)


def test_cuts_belong_to_an_order():
    sample, grouping = with_drop(0.3)
    assert row_of(sample, grouping).contrast.kind == "cut"
    assert row_of(sample, replace(grouping, ordered=False)).contrast.kind == "pair"
    spread_out = replace(grouping, codes=np.array([0, 1, 5])[grouping.codes], names=FST)
    assert row_of(sample, spread_out).contrast.first == ("I", "II")
    assert row_of(sample, spread_out).contrast.second == ("VI",)


def test_units_of_several_groups_are_tested_within_the_unit():
    sample = make_sample(400, units=100)
    row = row_of(sample, make_groups(sample, by_unit=False))
    assert 0 < row.p_value <= 1
    assert row.verdict.kind == "undecided"


def test_repeating_every_image_within_units_finds_nothing_new():
    ps = []
    for seed in range(4):
        sample, grouping = with_drop(0.1, n=300, seed=seed)

        def repeated(times, *, clustered=True, sample=sample, grouping=grouping):
            rows = np.repeat(np.arange(300), times)
            copies = replace(sample.take(rows), unit=rows if clustered else None)
            return row_of(copies, replace(grouping, codes=grouping.codes[rows]))

        once, twice, careless = row_of(sample, grouping), repeated(2), repeated(2, clustered=False)
        assert repeated(4).p_value == twice.p_value
        assert twice.gap == pytest.approx(once.gap, abs=1e-6)
        assert twice.high == pytest.approx(once.high, abs=0.003)
        assert careless.p_value < twice.p_value / 2
        ps.append((once.p_value, twice.p_value))
    alone, shared = np.mean(ps, axis=0)
    assert shared == pytest.approx(alone, abs=0.03)


def test_no_standard_error_is_why_there_is_no_spread():
    """Certain and right in every image of a group, log loss does not vary there."""
    sample = make_sample(90, 3, accuracy=1.0, probabilities=True)
    certain = np.eye(3)[sample.y_true]
    grouping = Grouping("sex", np.repeat([0, 1], 45), ("f", "m"))
    y_prob = np.where(grouping.codes[:, None] == 0, certain, sample.y_prob)
    spread = row_of(replace(sample, y_prob=y_prob), grouping, "log_loss").between_group_sd
    assert spread.value is None
    assert spread.reason == "a group has no standard error"
    assert row_of(sample, grouping, "log_loss").between_group_sd.value is not None


def test_an_intersection_has_a_raw_difference_once_its_cells_are_large():
    sample = make_sample(200)
    grouping = replace(make_groups(sample, 3, ordered=False), intersection=True)
    assert isinstance(row_of(sample, grouping), Disparity)
    assert row_of(sample, grouping).raw is not None
    codes = grouping.codes.copy()
    codes[np.flatnonzero(codes == 2)[10:]] = 0
    row = row_of(sample, replace(grouping, codes=codes))
    assert row.raw is None
    assert "not ranked" in row.reasons["raw"]
    assert row.chance is not None
    assert row.between_group_sd.value is not None
