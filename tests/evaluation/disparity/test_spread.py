"""The standard deviation between groups that sampling error does not explain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dermbench.evaluation.disparity.spread import between_group_sd
from dermbench.evaluation.intervals.estimate import Z95


def test_q_profile_ends_solve_cochrans_q():
    values, errors = np.array([0.2, 0.5, 0.9, 0.4]), np.array([0.05, 0.1, 0.07, 0.04])
    spread = between_group_sd(values, errors)

    def q(tau):
        w = 1 / (errors**2 + tau**2)
        return np.sum(w * (values - np.sum(w * values) / w.sum()) ** 2)

    low, high, method = spread.limits(Z95)
    assert q(low) == pytest.approx(stats.chi2.ppf(0.975, 3))
    assert q(high) == pytest.approx(stats.chi2.ppf(0.025, 3))
    assert spread.value**2 == pytest.approx(values.var(ddof=1) - np.mean(errors**2))
    assert method.startswith("Q-profile")


def test_no_spread_beyond_sampling_is_zero_and_undefined_is_none():
    assert between_group_sd(np.array([0.5, 0.51, 0.5]), np.full(3, 0.1)).cell().value == 0
    assert between_group_sd(np.array([0.5, 0.51, np.nan]), np.full(3, 0.1)).cell().value is None
    assert between_group_sd(np.array([0.5, 0.6]), np.array([0.1, np.nan])).cell().value is None
    assert between_group_sd(np.array([0.5, 0.6]), np.array([0.1, 0.0])).cell().value is None
    assert between_group_sd(np.array([0.5]), np.array([0.1])).cell().value is None


def test_q_profile_of_equal_values_is_zero():
    spread = between_group_sd(np.full(3, 0.5), np.full(3, 0.1)).cell()
    assert (spread.value, spread.low, spread.high) == (0, 0, 0)


def test_the_order_of_groups_does_not_matter():
    values, errors = np.array([0.2, 0.5, 0.9, 0.4]), np.array([0.05, 0.1, 0.07, 0.04])
    one, two = between_group_sd(values, errors), between_group_sd(values[::-1], errors[::-1])
    assert two.value == pytest.approx(one.value)
    assert two.limits(Z95)[:2] == pytest.approx(one.limits(Z95)[:2])
