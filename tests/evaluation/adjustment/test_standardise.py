"""Marginal standardisation against hand-computed values and statsmodels' GEE."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import t as student
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from dermbench.evaluation.adjustment.design import Covariate, dummies, no_overlap, numbers, pooled, spline
from dermbench.evaluation.adjustment.sandwich import unit_scores
from dermbench.evaluation.adjustment.standardise import difference


def none(n):
    return np.empty((n, 0))


def table(*cells):
    """Return right, side and stratum from (side, stratum, n right, n wrong)."""
    rows = [(r, s, c) for s, c, hits, misses in cells for r, k in ((1.0, hits), (0.0, misses)) for _ in range(k)]
    right, side, stratum = (np.array(column) for column in zip(*rows, strict=True))
    return right, side.astype(bool), stratum.astype(np.intp)


def test_without_anything_held_fixed_it_is_the_difference_of_two_proportions_with_hc3_limits():
    right, side, _ = table((1, 0, 30, 20), (0, 0, 60, 40), (0, 0, 10, 0))
    found = difference(right, side, np.arange(160), [], none(160), level=0.05)
    assert found.value == pytest.approx(30 / 50 - 70 / 110)
    # HC3 of a saturated model: each side's residuals over n - 1 instead of n
    variance = 0.6 * 0.4 * 50 / 49**2 + (7 / 11) * (4 / 11) * 110 / 109**2
    half = student.ppf(0.975, 49) * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_a_stratum_held_fixed_takes_away_what_it_explains():
    # 80 % right in stratum 0, 40 % in stratum 1 on both sides; the first side has more of stratum 1
    right, side, stratum = table((1, 0, 40, 10), (1, 1, 60, 90), (0, 0, 120, 30), (0, 1, 20, 30))
    raw = difference(right, side, np.arange(400), [], none(400), level=0.05)
    held = difference(right, side, np.arange(400), [stratum], none(400), level=0.05)
    assert raw.value == pytest.approx(100 / 200 - 140 / 200)
    assert held.value == pytest.approx(0.0, abs=1e-8)
    assert held.low < 0 < held.high


def test_a_level_that_is_always_right_adds_a_difference_of_0():
    right, side, stratum = table((1, 0, 30, 20), (0, 0, 40, 10), (1, 1, 25, 0), (0, 1, 75, 0))
    alone = difference(right[:100], side[:100], np.arange(100), [], none(100), level=0.05)
    held = difference(right, side, np.arange(200), [stratum], none(200), level=0.05)
    assert alone.value == pytest.approx(-0.2)
    assert held.value == pytest.approx(-0.1)


@pytest.mark.parametrize("size", [1, 3])
def test_variance_is_the_bias_reduced_one_of_a_gee(size):
    rng = np.random.default_rng(3)
    n, k = 240, 3
    unit = np.repeat(np.arange(n // size), size)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, k - 2)), rng.random(n) < 0.4]).astype(float)
    right = (rng.random(n) < expit(design @ [0.5, 0.7, -0.4] + rng.normal(size=n // size)[unit])).astype(float)
    made = GEE(right, design, groups=unit, family=Binomial(), cov_struct=Independence()).fit(
        cov_type="bias_reduced"
    )
    p = expit(design @ made.params)
    inverse = np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design))
    scores = unit_scores(design, right - p, p * (1 - p), inverse, unit)
    assert inverse @ scores.T @ scores @ inverse == pytest.approx(made.cov_params(), rel=1e-6)


def test_a_level_that_one_unit_alone_has_is_no_obstacle():
    right, side, stratum = table((1, 0, 30, 20), (0, 0, 40, 30), (1, 1, 6, 3), (0, 1, 4, 5))
    unit = np.arange(len(right))
    unit[stratum == 1] = unit.max() + 1
    unit = np.unique(unit, return_inverse=True)[1]
    found = difference(right, side, unit, [stratum], none(len(right)), level=0.05)
    apart = difference(right, side, np.arange(len(right)), [stratum], none(len(right)), level=0.05)
    assert found.value == apart.value
    assert 0.5 < (found.high - found.low) / (apart.high - apart.low) < 1.5


def test_difference_is_that_of_the_gee_with_everyone_on_either_side():
    rng = np.random.default_rng(5)
    n = 400
    unit = rng.integers(0, 150, n)
    side, age = rng.random(n) < 0.4, rng.choice([40.0, 60.0], n)
    right = (rng.random(n) < expit(0.3 + 0.04 * (age - 50) - 0.5 * side)).astype(float)
    found = difference(right, side, unit, [], numbers([age], n), level=0.05)
    design = np.column_stack([np.ones(n), age, side])
    made = GEE(right, design, groups=unit, family=Binomial(), cov_struct=Independence()).fit()
    a, b = design.copy(), design.copy()
    a[:, 2], b[:, 2] = 1, 0
    assert found.value == pytest.approx((expit(a @ made.params) - expit(b @ made.params)).mean(), abs=1e-8)


def test_refusals_say_why():
    right, side, stratum = table((1, 0, 40, 3), (0, 0, 40, 40))
    assert difference(right, side, np.arange(123), [], none(123), level=0.05) == (
        "too few images: the first side has 40 right and 3 wrong, needed are 5"
    )
    right, side, stratum = table((1, 0, 20, 20), (0, 1, 20, 20))
    said = difference(right, side, np.arange(80), [stratum], none(80), level=0.05)
    assert said == "what is held fixed tells the sides apart"
    said = difference(right, side, np.arange(80) // 8, [], none(80), level=0.05)
    assert said == (
        "too thin: 2 parameters for 10 units and 40 images of the rarer outcome; needed are 10 and 3 for each"
    )
    right, side, _ = table((1, 0, 20, 20), (0, 0, 20, 20))
    said = difference(right, side, np.arange(80), [], right[:, None], level=0.05)
    assert said == "separation: what is held fixed tells right from wrong images"


def test_rare_levels_share_one_and_a_rare_pool_joins_the_largest():
    codes, names, n_rare = pooled(np.array(["a"] * 12 + ["b"] * 6 + ["c"] * 5, dtype=object))
    assert (names, n_rare, np.bincount(codes).tolist()) == (["a", "rare"], 11, [12, 11])
    codes, names, n_rare = pooled(np.array(["a"] * 12 + ["b"] * 20 + ["c"] * 5, dtype=object))
    assert (names, n_rare, np.bincount(codes).tolist()) == (["a", "b"], 5, [12, 25])


def test_indicators_leave_out_the_largest_level():
    assert dummies(np.array([0, 1, 1, 2])).tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]


def test_missing_numbers_are_the_mean_and_marked_where_there_are_ten():
    few = numbers([np.array([1.0, 3.0, np.nan])], 3)
    assert few[:, 0].tolist() == [-1.0, 1.0, 0.0]
    many = numbers([np.array([1.0, 3.0] + [np.nan] * 10)], 12)
    assert many[:, -1].tolist() == [0, 0] + [1] * 10


def test_a_spline_is_straight_beyond_its_knots_and_smooth_within():
    values = np.linspace(-2, 3, 501)
    basis = spline(values, np.array([-1.0, 0.0, 1.0, 2.0]))
    assert basis[:, 0].tolist() == values.tolist()
    # by hand at 1.5: (2.5^3 - .5^3 * 3) / 9, then (1.5^3 - .5^3 * 2) / 9
    assert basis[350, 1:] == pytest.approx([(2.5**3 - 3 * 0.5**3) / 9, (1.5**3 - 2 * 0.5**3) / 9])
    bend = np.diff(basis, n=2, axis=0)
    assert np.abs(bend[values[1:-1] < -1.01]).max() < 1e-12
    assert np.abs(bend[values[1:-1] > 2.01]).max() < 1e-12
    assert np.abs(bend[:, 1:]).max() > 1e-4


def test_a_number_with_two_values_is_a_straight_line():
    assert numbers([np.array([0.0, 1.0] * 20)], 40).shape == (40, 1)


def test_overlap_is_asked_of_every_level_and_range():
    side = np.repeat([True, False], 20)
    text = Covariate("site", np.array(["palm"] * 20 + ["face"] * 20, dtype=object))
    assert no_overlap(text, side) == "site 'face', 'palm' occurs on one side only"
    assert no_overlap(Covariate("age", number=np.arange(40.0)), side) == "age has no value that both sides reach"
    assert no_overlap(Covariate("age", number=np.arange(40.0) % 20), side) is None
    assert no_overlap(Covariate("site", np.array(["palm", "face"] * 20, dtype=object)), side) is None
    odd = Covariate("site", np.array(["face"] * 28 + list("abcdefghijkl"), dtype=object))
    assert no_overlap(odd, side) == "12 of 40 images have a value of site with fewer than 10 images"
