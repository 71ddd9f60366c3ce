from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_groups, make_sample

from dermbench.artifacts.report import Disparity
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.disparity.rows import Questions, disparity_rows, largest_statistics
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.intervals.proportions import wilson
from dermbench.evaluation.resampling.plan import Plan

METRIC_NAMES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "cohen_kappa",
    "mcc",
    "brier",
    "log_loss",
    "auroc_ovr",
)


def rows_of(
    sample,
    grouping,
    names=METRIC_NAMES,
    *,
    primary="accuracy",
    margin=None,
    features=1,
    n=99,
    seed=0,
    withheld=None,
):
    metrics = [METRICS.get(name) for name in names]
    table = group_tables(sample, [grouping], metrics)[grouping.feature]
    plan = Plan(seed, n)
    found = estimates(sample, metrics, grouping, plan, table=table)
    asked = Questions((primary, grouping.feature), margin, features)
    return disparity_rows(sample, grouping, metrics, table, found, plan, asked, withheld=withheld)


def planted(seed, n=600, drop=0.0, n_classes=3, clustered=False):
    """Draw a sample whose last group of three is recognised less often by ``drop``."""
    rng = np.random.default_rng(seed)
    codes, y_true = rng.integers(0, 3, n), rng.integers(0, n_classes, n)
    hit = rng.random(n) < 0.7 - drop * (codes == 2)
    y_pred = np.where(hit, y_true, (y_true + 1) % n_classes)
    y_prob = np.full((n, n_classes), 0.2 / (n_classes - 1))
    y_prob[np.arange(n), y_pred] = 0.8
    unit = rng.integers(0, n // 3, n) if clustered else None
    return Sample(y_true, y_pred, n_classes, unit=unit, y_prob=y_prob), Grouping(
        "fst", codes, ("I", "II", "III"), ordered=True
    )


def test_p_and_critical_value_agree_for_any_number_of_permutations():
    rng = np.random.default_rng(0)
    for n in (9, 19, 20, 99, 399, 999):
        for features in (1, 2, 4):
            permuted = np.round(rng.exponential(size=n), 1)  # many ties
            bound = critical(permuted, features=features)
            for observed in np.append(permuted, permuted + 0.05):
                assert (p_value(observed, permuted, features=features) <= 0.05) == (observed > bound)


@given(
    seed=st.integers(0, 10**6),
    n=st.sampled_from([19, 99, 199]),
    drop=st.sampled_from([0.0, 0.2, 0.5]),
    clustered=st.booleans(),
)
@settings(max_examples=25)
def test_at_least_is_positive_only_with_a_small_p(seed, n, drop, clustered):
    sample, grouping = planted(seed, 150, drop, clustered=clustered)
    for row in rows_of(sample, grouping, n=n, seed=seed, features=2).values():
        if isinstance(row, Disparity) and row.low:
            assert row.p_value <= 0.05
            assert row.low <= row.gap


def test_a_planted_gap_is_found_bounded_and_named():
    sample, grouping = planted(0, 1500, 0.3)
    row = rows_of(sample, grouping, n=999)["accuracy"]
    assert row.verdict.kind == "disparity"
    assert row.low < 0.3 < row.high
    assert row.p_value == pytest.approx(1 / 1000)
    assert set(row.contrast.first) | set(row.contrast.second) == {"I", "II", "III"}
    assert row.contrast.kind == "cut"
    assert row.contrast.value == pytest.approx(0.3, abs=0.08)
    assert row.contrast.low < row.contrast.value < row.contrast.high


def test_few_permutations_still_decide():
    sample, grouping = planted(0, 1500, 0.3)
    row = rows_of(sample, grouping, n=99)["accuracy"]
    assert (row.p_value, row.verdict.kind) == (0.01, "disparity")
    assert rows_of(sample, grouping, n=9)["accuracy"].verdict.kind == "undecided"  # no p of .05 can be reached


def test_a_margin_is_judged_for_the_primary_row_alone():
    sample, grouping = planted(1, 6000)
    rows = rows_of(sample, grouping, margin=0.1)
    assert rows["accuracy"].verdict.kind == "within_margin"
    assert rows["accuracy"].verdict.margin == 0.1
    assert rows["brier"].verdict.margin is None
    held = rows_of(sample, grouping, margin=0.1, withheld="recall of melanoma differs between groups")["accuracy"]
    assert held.verdict.kind == "undecided"
    assert "nothing is said about the margin" in held.verdict.text


def test_a_margin_for_an_average_needs_the_gap_in_sensitivity_below_it():
    """Few positive images: accuracy is within the margin whatever happens to them."""
    rng = np.random.default_rng(3)
    codes, y_true = rng.integers(0, 2, 4000), (rng.random(4000) < 0.02).astype(int)
    y_pred = np.where(rng.random(4000) < 0.9, y_true, 1 - y_true)
    grouping = Grouping("band", codes, ("light", "dark"))
    names = ("accuracy", "sensitivity", "specificity")
    plain = Sample(y_true, y_pred, 2)
    assert rows_of(plain, grouping, names[:1], margin=0.1)["accuracy"].verdict.kind == "within_margin"
    known = replace(plain, positive=(False, True))
    rows = rows_of(known, grouping, names, margin=0.1)
    assert rows["accuracy"].verdict.kind == "undecided"
    assert "the gap in sensitivity may be up to" in rows["accuracy"].verdict.text
    assert rows_of(known, grouping, names, primary="specificity", margin=0.1)["specificity"].verdict.kind == (
        "within_margin"
    )


def test_a_real_difference_can_be_smaller_than_the_margin():
    sample, grouping = planted(2, 30_000, 0.05)
    row = rows_of(sample, grouping, margin=0.1, names=("accuracy",))["accuracy"]
    assert row.verdict.kind == "disparity_within_margin"
    assert row.verdict.text == "a real difference, smaller than the stated margin of .10"


def test_secondary_rows_are_judged_by_the_largest_statistic_of_the_feature():
    sample, grouping = planted(3, 400, 0.15)
    plan = Plan(0, 199)
    names = ("accuracy", "macro_f1", "cohen_kappa")
    tests = gap_tests(sample, grouping, [METRICS.get(m) for m in names], plan)
    largest = largest_statistics(list(tests.values()))
    rows = rows_of(sample, grouping, names, features=3, n=199)
    observed = tests["macro_f1"].statistics.max()
    assert rows["macro_f1"].p_value == pytest.approx(min(1, 3 * (1 + (largest >= observed).sum()) / 200), abs=1e-6)
    assert rows["macro_f1"].role == "secondary"
    own = tests["accuracy"]
    assert rows["accuracy"].p_value == pytest.approx(
        (1 + (own.permuted >= own.statistics.max()).sum()) / 200, abs=1e-6
    )
    assert rows["accuracy"].role == "primary"


def test_losses_without_bounds_are_shown_without_a_test():
    sample, grouping = planted(4)
    row = rows_of(sample, grouping)["log_loss"]
    assert row.p_value is None
    assert row.verdict is None
    assert row.gap > 0
    assert "unequal spread" in row.reasons["p_value"]


def test_a_brier_gap_needs_thirty_units_in_every_group():
    sample, grouping = planted(5, 70)
    assert "fewer than 30" in rows_of(sample, grouping)["brier"].reasons["verdict"]
    large, groups = planted(5, 600)
    assert rows_of(large, groups)["brier"].high is not None


def test_ranking_metrics_of_many_classes_have_no_gap():
    sample, grouping = planted(6)
    assert (
        rows_of(sample, grouping)["auroc_ovr"].reason
        == "a ranking metric of more than two classes has no within-class gap"
    )
    two, groups = planted(6, n_classes=2)
    assert rows_of(two, groups)["auroc_ovr"].p_value is not None


def test_two_groups_are_bounded_by_newcombe_with_one_class():
    k, n = (45, 30), (60, 50)
    y_pred = np.concatenate([np.r_[np.zeros(k[g]), np.ones(n[g] - k[g])] for g in range(2)]).astype(int)
    sample = Sample(np.zeros(110, int), y_pred, 2)
    codes = np.repeat([0, 1], n)
    test = gap_tests(sample, Grouping("sex", codes, ("f", "m")), [METRICS.get("accuracy")], Plan(0, 99))[
        "accuracy"
    ]
    p, q = k[0] / n[0], k[1] / n[1]
    z = 1.6448536269514722
    # the fit adds up to the pooled rate, so both levels are the observed ones
    low, high = zip(wilson(p, n[0], z=z), wilson(q, n[1], z=z), strict=True)
    upper = (p - q) + np.hypot(high[0] - p, q - low[1])
    assert gap_limits(test, 2.0).at_most == pytest.approx(upper, abs=1e-6)


def test_limits_never_exceed_what_is_possible():
    y_true, codes = np.array([0, 2, 1, 2, 0, 2]), np.array([0, 0, 1, 1, 2, 2])
    y_pred = np.array([0, 2, 1, 2, 1, 0])
    grouping = Grouping("g", codes, ("a", "b", "c"), ordered=True)
    test = gap_tests(Sample(y_true, y_pred, 3), grouping, [METRICS.get("accuracy")], Plan(0, 99))["accuracy"]
    limits = gap_limits(test, critical(test.permuted))
    assert test.gap - 1e-9 <= limits.at_most <= 1.0
    assert -1.0 <= limits.low <= limits.high <= 1.0


def test_a_contrast_has_no_limits_where_no_statistic_can_be_large_enough():
    y_true, codes = np.zeros(40, int), np.repeat([0, 1], 20)
    y_pred = np.r_[np.zeros(30), np.ones(10)].astype(int)
    grouping = Grouping("sex", codes, ("f", "m"))
    test = gap_tests(Sample(y_true, y_pred, 2), grouping, [METRICS.get("accuracy")], Plan(0, 99))["accuracy"]
    limits = gap_limits(test, np.inf)
    assert (limits.at_least, limits.low, limits.high) == (0, -np.inf, np.inf)
    assert np.isfinite(gap_limits(test, 2.0).low)


def test_a_gap_never_exceeds_the_range_of_its_metric():
    """Least squares on few images of unbalanced groups can: here by .025."""
    rng = np.random.default_rng(297)
    n, n_classes, n_groups = int(rng.choice([60, 150, 400])), int(rng.integers(2, 5)), int(rng.integers(2, 5))
    accuracy, drop = rng.choice([0.5, 0.8, 0.97]), rng.choice([0, 0.1, 0.25, 0.4])
    codes = rng.choice(n_groups, n, p=rng.dirichlet(np.full(n_groups, 1.0)))
    y_true = rng.integers(0, n_classes, n)
    hit = rng.random(n) < accuracy - drop * (codes == n_groups - 1)
    sample = Sample(y_true, np.where(hit, y_true, (y_true + 1) % n_classes), n_classes)
    row = rows_of(sample, Grouping("g", codes, tuple("abcd"[:n_groups])), ("accuracy", "macro_f1"))["accuracy"]
    assert row.gap == row.high == 1.0


def test_top_3_of_three_classes_says_why_it_has_no_gap():
    sample, grouping = planted(0)
    found = rows_of(sample, grouping, ("accuracy", "top3_accuracy"))
    assert found["top3_accuracy"].reason == METRICS.get("top3_accuracy").undefined_when


def test_no_upper_limit_where_groups_are_not_comparable():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 100)
    y_true = np.where(codes == 2, 2, rng.integers(0, 2, 300))
    sample = Sample(y_true, rng.integers(0, 3, 300), 3)
    row = rows_of(sample, Grouping("site", codes, ("a", "b", "c")), ("accuracy",))["accuracy"]
    assert row.high is None
    assert [pair.groups for pair in row.not_comparable] == [("a", "c"), ("b", "c")]
    assert "share too few classes" in row.reasons["high"]


def test_a_group_with_one_unit_gives_no_false_evidence_by_its_size():
    rng = np.random.default_rng(2)
    rejected = 0
    for seed in range(60):
        unit = np.concatenate([np.repeat(np.arange(100), 2), np.full(60, 100)])
        codes = np.where(unit == 100, 1, 0)
        rate = np.clip(0.6 + 0.35 * rng.standard_normal(101), 0.02, 0.98)[unit]
        y_true = rng.integers(0, 2, 260)
        sample = Sample(y_true, np.where(rng.random(260) < rate, y_true, 1 - y_true), 2, unit=unit)
        test = gap_tests(sample, Grouping("g", codes, ("a", "b")), [METRICS.get("accuracy")], Plan(seed, 99))[
            "accuracy"
        ]
        rejected += p_value(test.statistics.max(), test.permuted) <= 0.05
    assert rejected <= 8  # without the correlation within units it is 30


def test_equal_arguments_give_equal_rows_for_any_number_of_workers():
    sample, grouping = planted(7, 300, 0.2)
    one, two = (
        gap_tests(sample, grouping, [METRICS.get("accuracy"), METRICS.get("macro_f1")], Plan(3, 2500, w))
        for w in (1, 2)
    )
    for name in one:
        assert np.array_equal(one[name].permuted, two[name].permuted)


def test_drawn_counts_and_permuted_images_agree(monkeypatch):
    """Large samples draw counts; the distribution of the largest statistic is the one of permuted images."""
    sample, grouping = make_sample(3000, 3), None
    grouping = make_groups(sample)
    metrics = [METRICS.get(m) for m in ("accuracy", "macro_f1")]
    rows = gap_tests(sample, grouping, metrics, Plan(0, 1999))
    monkeypatch.setattr("dermbench.evaluation.disparity.contrasts.prefer_cells", lambda *_: True)
    cells = gap_tests(sample, grouping, metrics, Plan(0, 1999))
    for name in rows:
        assert cells[name].values == pytest.approx(rows[name].values, abs=0.002)
        assert cells[name].errors == pytest.approx(rows[name].errors, rel=0.08)
        for level in (0.5, 0.9):
            assert np.quantile(cells[name].permuted, level) == pytest.approx(
                np.quantile(rows[name].permuted, level), rel=0.07
            )
