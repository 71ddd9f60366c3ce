from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from dermbench.evaluation.disparity.gaps import between_group_sd, gap_limits, simultaneous_z
from dermbench.evaluation.disparity.testing import Null, Scale, declared_tests, holm, minimum_detectable, ranges
from dermbench.evaluation.intervals.proportions import wilson


def test_two_groups_need_no_adjustment():
    assert simultaneous_z(2) == pytest.approx(stats.norm.ppf(0.975), abs=1e-6)
    assert simultaneous_z(6) == pytest.approx(4.0301 / np.sqrt(2), abs=1e-3)


def test_two_groups_give_newcombes_interval():
    z = simultaneous_z(2)
    ends = np.array([wilson(40 / 50, 50, z=z), wilson(20 / 44, 44, z=z)])
    low, high = gap_limits(np.array([40 / 50, 20 / 44]), ends[:, 0], ends[:, 1])
    expected = confint_proportions_2indep(40, 50, 20, 44, method="newcomb", correction=False)
    assert (low, high) == pytest.approx(expected, abs=1e-6)


def test_interval_of_equal_groups_starts_at_zero():
    values = np.full(3, 0.5)
    low, high = gap_limits(values, values - 0.1, values + 0.2)
    assert low == 0
    assert high == pytest.approx(np.hypot(0.1, 0.2))


def test_q_profile_ends_solve_cochrans_q():
    values, errors = np.array([0.2, 0.5, 0.9, 0.4]), np.array([0.05, 0.1, 0.07, 0.04])
    spread = between_group_sd(values, errors)

    def q(tau):
        w = 1 / (errors**2 + tau**2)
        return np.sum(w * (values - np.sum(w * values) / w.sum()) ** 2)

    assert q(spread.low) == pytest.approx(stats.chi2.ppf(0.975, 3))
    assert q(spread.high) == pytest.approx(stats.chi2.ppf(0.025, 3))
    assert spread.value**2 == pytest.approx(values.var(ddof=1) - np.mean(errors**2))


def test_no_spread_beyond_sampling_is_zero_and_undefined_is_none():
    assert between_group_sd(np.array([0.5, 0.51, 0.5]), np.full(3, 0.1)).value == 0
    assert between_group_sd(np.array([0.5, 0.51, np.nan]), np.full(3, 0.1)).value is None
    assert between_group_sd(np.array([0.5, 0.6]), np.array([0.1, np.nan])).value is None


def test_q_profile_of_equal_values_is_zero():
    spread = between_group_sd(np.full(3, 0.5), np.full(3, 0.1))
    assert (spread.value, spread.low, spread.high) == (0, 0, 0)


def test_holm_agrees_with_statsmodels():
    p = np.array([0.04, 0.001, 0.03, 0.5, 0.012])
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def make_null(observed, *, n=2_000, scores=None, seed=0):
    rng = np.random.default_rng(seed)
    sd = np.array([0.02, 0.02, 0.02, 0.08])
    return Null(np.array(observed), 0.6 + sd * rng.standard_normal((n, 4)), scores)


def test_a_lone_far_group_is_found_by_the_omnibus():
    tests = declared_tests(make_null([0.6, 0.6, 0.6, 0.25]))
    assert tests.omnibus < 0.01
    assert tests.trend is None
    assert tests.adjusted == tests.omnibus


def test_a_slope_is_found_by_the_trend():
    null = make_null([0.53, 0.58, 0.62, 0.65], scores=np.arange(4.0))
    tests = declared_tests(null)
    assert tests.trend < 0.01
    assert tests.adjusted == pytest.approx(
        min(2 * min(tests.trend, tests.omnibus), max(tests.trend, tests.omnibus))
    )


def test_an_imprecise_group_alone_is_no_evidence():
    """max - min is large because the last group is small, as in every permutation."""
    assert declared_tests(make_null([0.6, 0.6, 0.61, 0.52])).adjusted > 0.2


def test_ties_count_as_extreme():
    null = Null(np.array([0.5, 0.5]), np.full((99, 2), 0.5))
    assert null.p_value(ranges(null.all_values)) == 1.0
    assert declared_tests(null).omnibus == 1.0
    assert minimum_detectable(null) is None


def test_undefined_permutations_count_as_extreme():
    permuted = np.random.default_rng(0).normal(0.5, 0.01, (99, 2))
    permuted[:10] = np.nan
    null = Null(np.array([0.9, 0.1]), permuted)
    assert null.n_undefined == 10
    assert null.p_value(ranges(null.all_values)) == pytest.approx(11 / 100)


def test_detectable_difference_of_two_groups_is_the_textbook_one():
    rng = np.random.default_rng(0)
    null = Null(np.array([0.5, 0.5]), rng.normal(0.5, 0.05, (20_000, 2)))
    textbook = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * 0.05 * np.sqrt(2)
    assert minimum_detectable(null) == pytest.approx(textbook, rel=0.05)


def test_statistics_are_centred_where_the_null_has_a_gap():
    """Macro-F1 differs between groups by class mix alone; permutations show that and it is taken off."""
    permuted = np.array([0.5, 0.7]) + 0.01 * np.random.default_rng(0).standard_normal((999, 2))
    assert declared_tests(Null(np.array([0.5, 0.7]), permuted)).adjusted > 0.5
    assert Scale.of(permuted).centre == pytest.approx([0.5, 0.7], abs=0.002)
