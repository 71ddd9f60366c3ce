from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from dermbench.evaluation.intervals.proportions import effective_n, share_estimate, wilson


@pytest.mark.parametrize("n", [1, 2, 12, 44, 397])
def test_wilson_agrees_with_statsmodels(n):
    for k in range(n + 1):
        assert wilson(k / n, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_wilson_reaches_the_ends_exactly():
    assert wilson(0.0, 20)[0] == 0.0
    assert wilson(1.0, 20)[1] == 1.0
    assert wilson(0.5, 0) == (0.0, 1.0)


def test_independent_images_keep_their_n():
    assert effective_n(np.array([1.0, 0, 1]), np.ones(3)) == 3


def test_complete_dependence_leaves_about_one_image_a_unit():
    trials = np.full(200, 5.0)
    successes = np.where(np.arange(200) % 2, 5.0, 0.0)
    assert effective_n(successes, trials) == pytest.approx(200, rel=0.03)


def test_effective_n_is_never_above_n():
    """Units that balance out exactly would make the standard error 0."""
    trials = np.full(50, 2.0)
    assert effective_n(np.ones(50), trials) <= 100


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_without_variance_dependence_is_assumed_complete(p):
    trials = np.array([1.0, 3.0, 6.0])
    assert effective_n(p * trials, trials) == pytest.approx(100 / 46)


def test_one_unit_has_no_interval():
    assert np.isnan(effective_n(np.array([3.0]), np.array([5.0])))
    estimate = share_estimate(0.6, 5, (np.array([3.0]), np.array([5.0])))
    assert estimate.cell().low is None
    assert "one independent unit" in estimate.cell().reason


def test_units_without_a_trial_do_not_count():
    k, n = np.array([1.0, 2.0, 0.0]), np.array([2.0, 3.0, 0.0])
    assert effective_n(k, n) == effective_n(k[:2], n[:2])
