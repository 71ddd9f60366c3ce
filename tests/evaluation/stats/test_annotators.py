from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from dermbench.evaluation.stats import Grouping, agreement, disparities, kappa_se, sensitivity_band

from .conftest import FST, make_sample


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
