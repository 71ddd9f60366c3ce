from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from making import FST, make_groups, make_sample

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.disparities import disparities
from dermbench.evaluation.disparity.disparity import EVIDENCE, NOTHING, TOO_SMALL, Comparison, Disparity, verdict
from dermbench.evaluation.disparity.testing import Null, declared_tests
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan

CONTRACT = {
    "difference", "ratio", "best_group", "worst_group", "low", "high", "null_median", "null_q95", "p_value",
    "between_group_sd", "minimum_detectable", "verdict",
}  # fmt: skip
ALL = [METRICS.get(name) for name in METRICS.names() if METRICS.get(name).view == "classes"]


def one(sample, grouping, name="accuracy", **how):
    return disparities(sample, grouping, [METRICS.get(name)], n_resamples=299, **how)[name]


def with_drop(drop, *, n=600, units=None, seed=0):
    """Three equal groups of which the last is right less often."""
    rng = np.random.default_rng(seed)
    codes = np.repeat([0, 1, 2], n // 3)
    y_true = rng.integers(0, 3, n)
    right = rng.random(n) < np.array([0.8, 0.8, 0.8 - drop])[codes]
    sample = Sample(y_true, np.where(right, y_true, (y_true + 1) % 3), 3, unit=units)
    return sample, Grouping("fst", codes, FST[:3], ordered=True)


@pytest.mark.parametrize("units", [None, 150])
def test_every_metric_fills_the_contract(units):
    sample = make_sample(800, 4, units=units, probabilities=True)
    for name, found in disparities(sample, make_groups(sample, unknown=0.1), ALL, n_resamples=199).items():
        document = json.loads(json.dumps(found.document()))
        assert set(document) >= CONTRACT, name
        assert found.low <= found.high
        assert 0 < found.p_value <= 1
        assert found.verdict.startswith((EVIDENCE, NOTHING, TOO_SMALL))
        assert set(document["between_group_sd"]) == {"value", "low", "high", "method"}


def test_naive_difference_is_max_minus_min_of_the_known_groups():
    sample = make_sample(600)
    grouping = make_groups(sample, unknown=0.2)
    found = one(sample, grouping)
    values = [sample.hit[grouping.codes == g].mean() for g in range(3)]
    assert found.difference == pytest.approx(max(values) - min(values))
    assert found.ratio == pytest.approx(min(values) / max(values))
    assert found.best_group == FST[int(np.argmax(values))]
    assert found.worst_group == FST[int(np.argmin(values))]
    assert sum(found.n.values()) == (grouping.codes >= 0).sum()


def test_a_large_drop_is_evidence():
    found = one(*with_drop(0.35))
    assert found.verdict == EVIDENCE
    assert found.low > 0.1
    assert found.worst.group == "III"
    assert found.worst.p_value < 0.01
    assert found.between_group_sd.low > 0


def test_no_drop_states_what_could_have_been_seen():
    found = one(*with_drop(0.0))
    assert found.verdict.startswith("no disparity detected (could have detected ≥ 0.1")
    assert found.low == 0


def test_small_groups_are_too_small_to_tell():
    sample, grouping = with_drop(0.0, n=60, seed=1)
    assert one(sample, grouping).verdict == TOO_SMALL


def test_lower_is_better_turns_best_and_worst_around():
    sample = make_sample(600, probabilities=True)
    found = one(sample, make_groups(sample), "log_loss")
    assert found.values[found.worst_group] == max(found.values.values())
    assert found.worst.bound > found.worst.value


def test_one_group_only_has_no_disparity():
    sample = make_sample(50)
    found = one(sample, Grouping("fst", np.zeros(50, int), ("V",)))
    assert found.difference is None
    assert found.verdict is None
    assert "fewer than two known groups" in found.reasons["reason"]


def test_all_unknown_has_no_disparity():
    sample = make_sample(50)
    assert one(sample, Grouping("fst", np.full(50, -1), ("V",))).difference is None


def test_a_group_with_one_class_makes_the_kappa_gap_undefined_not_zero():
    sample = make_sample(200, 2)
    codes = np.where((sample.y_true == 0) & (np.arange(200) % 3 == 0), 1, 0)
    found = one(sample, Grouping("sex", codes, ("f", "m")), "cohen_kappa")
    assert found.difference is None
    assert found.reasons["reason"].startswith("undefined in m: ")
    assert found.values["m"] is None
    assert found.values["f"] is not None


def test_macro_metrics_use_the_same_eligible_classes_in_all_groups():
    sample = make_sample(600, 4)
    keep = np.flatnonzero((sample.y_true != 3) | (np.arange(600) < 20))
    sample = sample.take(keep)
    found = one(sample, make_groups(sample), "macro_f1")
    assert found.classes == (0, 1, 2)


def test_too_few_eligible_classes_are_not_estimable():
    sample = make_sample(200, 50)
    found = one(sample, make_groups(sample), "macro_f1")
    assert found.difference is None
    assert "not estimable: 0 classes have at least 10 true cases in every group" in found.reasons["reason"]


def test_a_stray_prediction_of_an_absent_class_does_not_create_a_gap():
    """Class 2 is in nobody's truth; one image of a group is predicted as it."""
    y_true = np.tile([0, 1], 200)
    y_pred = y_true.copy()
    y_pred[0] = 2
    found = one(
        Sample(y_true, y_pred, 3), Grouping("sex", np.repeat([0, 1], 200), ("f", "m")), "balanced_accuracy"
    )
    assert found.difference == pytest.approx(0.005)
    assert found.verdict != EVIDENCE


def test_intersections_are_not_ranked_while_a_cell_is_small():
    sample = make_sample(200)
    grouping = replace(make_groups(sample, 6, ordered=False), intersection=True)
    codes = grouping.codes.copy()
    codes[np.flatnonzero(codes == 5)[10:]] = 0
    found = one(sample, replace(grouping, codes=codes))
    assert found.best_group is None
    assert found.worst is None
    assert found.difference is None
    assert "not ranked" in found.reasons["difference"]
    assert found.null_median is not None
    assert found.between_group_sd.value is not None


def test_units_of_several_groups_are_told():
    sample = make_sample(400, units=100)
    grouping = make_groups(sample, by_unit=False)
    found = one(sample, grouping)
    assert any("images of several groups" in note for note in found.notes)
    assert found.minimum_detectable is None
    assert found.verdict in {EVIDENCE, TOO_SMALL}


def test_a_constant_prediction_has_no_detectable_difference():
    """Its accuracy is the share of a class: permuting within classes changes nothing, but for rounding."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 7, 1227)
    sample = Sample(y_true, np.full(1227, 3), 7)
    found = one(sample, Grouping("fst", rng.integers(0, 6, 1227), FST, True))
    assert found.minimum_detectable is None
    assert "do not vary" in found.reasons["minimum_detectable"]
    assert found.tests.adjusted == 1.0
    assert found.verdict == TOO_SMALL


def test_doubling_every_image_within_units_finds_nothing_new():
    sample, grouping = with_drop(0.1, n=300)
    rows = np.repeat(np.arange(300), 2)
    double = replace(sample.take(rows), unit=rows)
    again = replace(grouping, codes=grouping.codes[rows])
    assert one(double, again).p_value == pytest.approx(one(sample, grouping).p_value, abs=0.06)


def test_trend_uses_the_position_of_the_groups_that_occur():
    sample, grouping = with_drop(0.2)
    spread_out = replace(grouping, codes=np.array([0, 1, 5])[grouping.codes], names=FST)
    assert one(sample, spread_out).tests.trend is not None
    assert one(sample, replace(grouping, ordered=False)).tests.trend is None


def test_earlier_estimates_change_nothing_but_the_resamples():
    sample = make_sample(400)
    grouping = make_groups(sample)
    done = estimates(sample, [METRICS.get("cohen_kappa")], grouping, Plan(n_resamples=299))
    assert one(sample, grouping, "cohen_kappa", estimates=done) == one(sample, grouping, "cohen_kappa")


def test_probabilities_are_asked_for():
    sample = make_sample(100)
    assert one(sample, make_groups(sample), "brier").reasons["reason"] == "needs probabilities"


def test_equal_groups_of_zero_accuracy_have_no_ratio():
    y = np.tile([0, 1], 60)
    found = one(Sample(y, 1 - y, 2), Grouping("sex", np.repeat([0, 1], 60), ("f", "m")))
    assert found.difference == 0
    assert found.ratio is None
    assert found.reasons["ratio"] == "every group has the value 0"
    assert found.verdict == TOO_SMALL


def test_no_standard_error_is_why_there_is_no_spread():
    """Certain and right in every image of a group, log loss does not vary there."""
    sample = make_sample(90, 3, accuracy=1.0, probabilities=True)
    certain = np.eye(3)[sample.y_true]
    grouping = Grouping("sex", np.repeat([0, 1], 45), ("f", "m"))
    y_prob = np.where(grouping.codes[:, None] == 0, certain, sample.y_prob)
    found = one(replace(sample, y_prob=y_prob), grouping, "log_loss")
    assert found.between_group_sd.value is None
    assert found.reasons["between_group_sd"] == "a group has no standard error"
    assert "between_group_sd" not in one(sample, grouping).reasons


@pytest.mark.parametrize(("detectable", "expected"), [(0.3, NOTHING), (0.4, TOO_SMALL), (8.0, TOO_SMALL)])
def test_the_range_of_log_loss_is_that_of_uniform_probabilities(detectable, expected):
    """A quarter of log(4) is .35; a quarter of the bound of clipping would be 9."""
    null = Null(np.array([1.0, 1.0]), np.full((99, 2), 1.0))
    comparison = Comparison(METRICS.get("log_loss"), ("f", "m"), (), null, (50, 50), n_classes=4)
    assert verdict(comparison, declared_tests(null), detectable).startswith(expected)


def test_the_classes_of_the_task_set_the_range_of_log_loss(monkeypatch):
    seen = []
    module = import_module("dermbench.evaluation.disparity.disparities")  # the package has a function of that name
    monkeypatch.setattr(module, "describe", lambda c: seen.append(c.n_classes) or Disparity())
    sample = make_sample(200, 5, probabilities=True)
    one(sample, make_groups(sample), "log_loss")
    assert seen == [5]
