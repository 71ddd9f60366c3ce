from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_groups, make_sample

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import gap_tests, observed_gap
from dermbench.evaluation.disparity.within_class import Adjustment, contrasts
from dermbench.evaluation.resampling.plan import Plan

ACCURACY = METRICS.get("accuracy")


def gap_of(y_true, y_pred, codes, names, *, unit=None, ordered=False):
    size = int(np.max([y_true, y_pred])) + 1
    sample = Sample(np.array(y_true), np.array(y_pred), size, unit=None if unit is None else np.array(unit))
    grouping = Grouping("fst", np.array(codes), names, ordered=ordered)
    return gap_tests(sample, grouping, [ACCURACY], Plan(0, 99))["accuracy"]


def test_two_groups_give_the_mantel_haenszel_difference():
    # class 0: A 3 of 4, B 1 of 2; class 1: A 1 of 2, B 3 of 6
    y_true = [0] * 6 + [1] * 8
    hit = [1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0]
    codes = [0] * 4 + [1] * 2 + [0] * 2 + [1] * 6
    y_pred = [t if h else 1 - t for t, h in zip(y_true, hit, strict=True)]
    weights = np.array([4 * 2 / 6, 2 * 6 / 8])
    expected = (weights * [3 / 4 - 1 / 2, 1 / 2 - 3 / 6]).sum() / weights.sum()
    assert gap_of(y_true, y_pred, codes, ("A", "B")).values[0] == pytest.approx(expected)


def test_effects_agree_with_least_squares_on_class_and_group():
    rng = np.random.default_rng(3)
    sample, codes = make_sample(400, 5), rng.integers(0, 4, 400)
    test = gap_tests(sample, Grouping("g", codes, ("a", "b", "c", "d")), [ACCURACY], Plan(0, 49))["accuracy"]
    design = np.column_stack([np.eye(5)[sample.y_true], np.eye(4)[codes][:, 1:]])
    fit = sm.OLS(sample.hit.astype(float), design).fit()
    effects = np.concatenate([[0.0], fit.params[5:]])
    assert test.values == pytest.approx(test.family.rows @ effects)


def test_variance_weights_agree_with_least_squares():
    rng = np.random.default_rng(5)
    y_true, codes = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
    counts = np.zeros((3, 4))
    np.add.at(counts, (codes, y_true), 1)
    adjustment = Adjustment(counts)
    family = contrasts(adjustment, ordered=True)
    design = np.column_stack([np.eye(4)[y_true], np.eye(3)[codes][:, 1:]])
    cov = np.linalg.inv(design.T @ design)[4:, 4:]
    rows = family.rows[:, 1:]
    expected = np.einsum("ki,ij,kj->k", rows, cov, rows)
    assert adjustment.variance_weights(family.rows).sum(axis=1) == pytest.approx(expected)


def test_overlap_is_one_for_equal_mixes_and_zero_without_a_common_class():
    first, second = np.array([True, False]), np.array([False, True])
    assert Adjustment(np.array([[10.0, 20], [5, 10]])).overlap(first, second) == pytest.approx(1.0)
    assert Adjustment(np.array([[10.0, 0], [0, 10]])).overlap(first, second) == 0.0
    nine_to_one = Adjustment(np.array([[90.0, 10], [10, 90]]))
    assert nine_to_one.overlap(first, second) == pytest.approx(2 * 9 / 100 * 2)
    assert contrasts(nine_to_one, ordered=False).not_comparable == ((0, 1),)


def test_cuts_of_an_ordered_feature_weigh_groups_by_images():
    counts = np.array([[30.0, 10], [60, 20], [15, 5]])
    family = contrasts(Adjustment(counts), ordered=True)
    assert family.n_pairs == 3
    assert family.sides[3:] == (((0,), (1, 2)), ((0, 1), (2,)))
    assert family.rows[3] == pytest.approx([1, -0.8, -0.2])
    assert family.rows[4] == pytest.approx([1 / 3, 2 / 3, -1])


def test_groups_that_share_no_class_are_not_compared():
    found = gap_of([0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1], ("A", "B"))
    assert found == "not comparable: A and B share too few classes (overlap below 0.5)"


@given(
    seed=st.integers(0, 10**6), n_groups=st.integers(2, 5), n_classes=st.integers(2, 6), clustered=st.booleans()
)
@settings(max_examples=30)
def test_constant_classifiers_and_relabellings_have_no_gap(seed, n_groups, n_classes, clustered):
    rng = np.random.default_rng(seed)
    n = 200
    y_true, codes = rng.integers(0, n_classes, n), rng.integers(0, n_groups, n)
    unit = rng.integers(0, 80, n) if clustered else np.arange(n)
    names = tuple("abcde"[:n_groups])
    for y_pred in (np.full(n, rng.integers(n_classes)), rng.permutation(n_classes)[y_true]):
        test = gap_of(y_true, y_pred, codes, names, unit=unit, ordered=True)
        if isinstance(test, str):
            continue
        assert test.gap == pytest.approx(0.0, abs=1e-12)
        assert test.statistics.max() == 0.0


def test_an_identical_pair_is_not_touched_by_a_constant_shift_of_a_third_group():
    rng = np.random.default_rng(0)
    counts = np.array([[300, 40, 60], [60, 300, 40], [100, 100, 100]])
    rates = np.array([[0.5, 0.7, 0.9]] * 2 + [[0.2, 0.4, 0.6]])
    codes, y_true, hit = [], [], []
    for g in range(3):
        for c in range(3):
            k = round(rates[g, c] * counts[g, c])
            codes += [g] * counts[g, c]
            y_true += [c] * counts[g, c]
            hit += [1] * k + [0] * (counts[g, c] - k)
    order = rng.permutation(len(codes))
    y_true, hit, codes = (np.array(a)[order] for a in (y_true, hit, codes))
    test = gap_of(y_true, np.where(hit, y_true, (y_true + 1) % 3), codes, ("a", "b", "c"))
    sides = dict(zip(test.family.sides, test.values, strict=True))
    assert sides[(0,), (1,)] == pytest.approx(0.0, abs=1e-9)
    assert sides[(0,), (2,)] == pytest.approx(0.3)


def test_the_gap_without_a_test_is_the_gap_of_the_test():
    sample = make_sample(300, 4, probabilities=True)
    groups = make_groups(sample)
    for name in ("accuracy", "brier"):
        metric = METRICS.get(name)
        test = gap_tests(sample, groups, [metric], Plan(0, 19))[name]
        assert observed_gap(sample, groups, metric) == pytest.approx(test.gap)
    assert observed_gap(sample, groups, METRICS.get("macro_f1")) is None
