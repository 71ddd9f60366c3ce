from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import FST, make_sample
from statsmodels.stats.inter_rater import cohens_kappa

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.disparity.annotators import agreement, leave_one_out_kappas, sensitivity_band
from dermbench.evaluation.disparity.disparities import disparities
from dermbench.evaluation.intervals.kappa import kappa_se


def labellings(sample):
    rng = np.random.default_rng(0)
    codes = rng.integers(-1, 6, len(sample))
    other = np.where(rng.random(len(sample)) < 0.3, np.clip(codes + 1, -1, 5), codes)
    return Grouping("fst_a", codes, FST, ordered=True), Grouping("fst_b", other, FST, ordered=True)


@pytest.mark.parametrize("seed", range(3))
def test_kappa_agrees_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, 80)
    b = np.where(rng.random(80) < 0.5, a, rng.integers(0, 4, 80))
    reference = cohens_kappa(np.histogram2d(a, b, bins=[np.arange(5)] * 2)[0])
    kappa, se, n = kappa_se(a, b, 4)
    assert kappa == pytest.approx(reference.kappa)
    assert se == pytest.approx(reference.std_kappa)
    assert n == 80


def test_kappa_of_one_class_is_undefined():
    zeros = np.zeros(10, int)
    assert np.isnan(kappa_se(zeros, zeros, 3)[0])
    assert np.isnan(kappa_se(zeros[:0], zeros[:0], 3)[0])


def test_agreement_counts_images_that_both_label():
    a = Grouping("a", np.array([0, 1, 2, -1, 5]), FST)
    b = Grouping("b", np.array([0, 2, 4, 3, 5]), FST)
    found = agreement(a, b)
    assert found.n == 4
    assert found.exact.value == 0.5
    assert found.within_one.value == 0.75
    nothing = agreement(a, replace(b, codes=np.full(5, -1)))
    assert nothing.exact.value is None
    assert nothing.kappa.value is None


def by_unit(n_units=40, *, seed=0, copies=4):
    """Two labellings of units whose images all agree or all differ."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 6, n_units)
    other = np.where(rng.random(n_units) < 0.3, (codes + 2) % 6, codes)
    unit = np.repeat(np.arange(n_units), copies)
    return Grouping("a", codes[unit], FST), Grouping("b", other[unit], FST), unit


def test_images_of_a_unit_that_differ_together_count_once():
    first, second, unit = by_unit()
    alone = agreement(*(replace(g, codes=g.codes[::4]) for g in (first, second)))
    careless, found = agreement(first, second), agreement(first, second, units=unit)
    assert found.exact.value == careless.exact.value == alone.exact.value
    for key in ("exact", "within_one", "kappa"):
        width, of_units, of_images = (getattr(x, key).high - getattr(x, key).low for x in (found, alone, careless))
        assert width == pytest.approx(of_units, rel=0.12)
        assert width > 1.6 * of_images
    assert found.kappa.method == "jackknife of 40 units"
    assert "40 units" in found.exact.method


def test_jackknife_of_kappa_leaves_units_out():
    first, second, unit = by_unit(12, copies=3)
    second.codes[::5] = 0
    found = leave_one_out_kappas(first.codes, second.codes, 6, unit)
    direct = [kappa_se(first.codes[unit != u], second.codes[unit != u], 6)[0] for u in range(12)]
    assert found == pytest.approx(direct)


def test_units_of_one_image_change_nothing():
    first, second, _ = by_unit(copies=1)
    assert agreement(first, second, units=np.arange(40)[::-1]) == agreement(first, second)


def test_kappa_of_clustered_images_without_an_interval_says_why():
    first, second, unit = by_unit(9)
    assert "9 units, needed are 10" in agreement(first, second, units=unit).kappa.reason
    first, _, unit = by_unit(20)
    same = agreement(first, first, units=unit).kappa
    assert (same.value, same.low) == (1.0, None)
    assert "the same without any unit" in same.reason
    one = np.where(unit == 0, 1, 0)
    lone = agreement(replace(first, codes=one), replace(first, codes=one), units=unit).kappa
    assert "undefined without one of the units" in lone.reason


def test_band_spans_the_gaps_of_all_labellings(metric):
    sample = make_sample(600)
    first, second = labellings(sample)
    accuracy = metric("accuracy")
    band = sensitivity_band(sample, [first, second], [accuracy], n_resamples=199)["accuracy"]
    agreed = replace(first, feature="agreement only", codes=np.where(first.codes == second.codes, first.codes, -1))
    expected = {
        g.feature: disparities(sample, g, [accuracy], n_resamples=199)["accuracy"] for g in (first, second, agreed)
    }
    assert band.differences == {name: item.difference for name, item in expected.items()}
    assert (band.low, band.high) == (min(band.differences.values()), max(band.differences.values()))
    assert set(band.verdicts) == {"fst_a", "fst_b", "agreement only"}


def test_band_uses_what_was_computed(metric):
    sample = make_sample(600)
    first, second = labellings(sample)
    done = {first.feature: disparities(sample, first, [metric("accuracy")], n_resamples=99)}
    band = sensitivity_band(sample, [first, second], [metric("accuracy")], n_resamples=199, known=done)["accuracy"]
    assert band.p_values["fst_a"] == done["fst_a"]["accuracy"].p_value
