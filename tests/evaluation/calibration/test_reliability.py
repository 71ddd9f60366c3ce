from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import cells, make_groups, make_sample

from dermbench.errors import UsageError
from dermbench.evaluation.calibration import reliability
from dermbench.evaluation.calibration.abstention import AURC, abstention, aurc
from dermbench.evaluation.calibration.reliability import (
    CONFIDENCE_GAP,
    bin_sums,
    debiased_error,
    expected_error,
    mass_bins,
)
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan


def calibrated(n=600, c=3, *, seed=0, sharpen=1.0):
    """Truth drawn from the probabilities, which are then sharpened."""
    rng = np.random.default_rng(seed)
    y_prob = rng.dirichlet(np.full(c, 0.7), n)
    y_true = (rng.random((n, 1)) > y_prob.cumsum(axis=1)).sum(axis=1).clip(max=c - 1)
    y_prob = y_prob**sharpen
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    return replace(make_sample(n, c), y_true=y_true, y_pred=y_prob.argmax(axis=1), y_prob=y_prob)


def calibration(sample, grouping=None, *, n_resamples):
    plan = Plan(n_resamples=n_resamples)
    found = estimates(sample, [AURC, CONFIDENCE_GAP], grouping, plan)
    return reliability.calibration(sample, found, grouping, plan)


def test_calibrated_predictions_are_not_accused():
    found = calibration(calibrated(), n_resamples=499)[None]
    assert found.ece.p_value > 0.02
    assert found.squared_error.p_value > 0.02
    assert abs(found.confidence_gap.value) < 0.05
    assert found.confidence_gap.low < 0 < found.confidence_gap.high
    assert sum(point.n for point in found.curve) == 600


def test_overconfidence_is_found_and_has_a_positive_sign():
    found = calibration(calibrated(sharpen=3.0), n_resamples=499)[None]
    assert found.ece.p_value < 0.01
    assert found.ece.value > 2 * found.ece.chance
    assert found.squared_error.p_value < 0.01
    assert found.confidence_gap.low > 0


def test_every_group_has_its_own_null_and_small_ones_no_bins():
    sample = calibrated()
    codes = np.repeat([0, 1, -1], [570, 20, 10])
    grouping = replace(make_groups(sample), codes=codes)
    found = calibration(sample, grouping, n_resamples=99)
    assert found["II"].ece.value is None
    assert "bins need 40" in found["II"].ece.reason
    assert found["II"].curve == ()
    assert set(found) == {"I", "II", "unknown"}


def test_images_that_share_units_have_an_error_but_no_null():
    sample = calibrated(200)
    rows = np.repeat(np.arange(200), 3)
    tripled = replace(sample.take(rows), unit=rows)
    alone, found = calibration(sample.take(rows), n_resamples=99)[None], calibration(tripled, n_resamples=99)[None]
    for key in ("squared_error", "ece"):
        error, independent = getattr(found, key), getattr(alone, key)
        assert error.value == pytest.approx(independent.value)
        assert (error.n, error.n_bins) == (independent.n, independent.n_bins)
        assert (error.chance, error.p_value) == (None, None)
        assert error.reason == "the null assumes independent images; images share units"
        assert independent.reason is None


def test_a_group_of_units_of_one_image_keeps_its_null():
    sample = calibrated(300)
    unit = np.concatenate([np.arange(100), np.repeat(np.arange(100, 150), 4)])
    grouping = replace(make_groups(sample), codes=np.repeat([0, 1], [100, 200]))
    found = calibration(replace(sample, unit=unit), grouping, n_resamples=99)
    assert found["I"].ece.p_value is not None
    assert found["II"].ece.p_value is None


def test_debiased_error_is_unbiased_under_calibration():
    rng = np.random.default_rng(0)
    confidence = np.sort(rng.uniform(0.3, 0.9, 200))
    bins = mass_bins(confidence)
    size, total = bin_sums(bins, np.stack([np.ones(200), confidence]))
    hits = bin_sums(bins, (rng.random((4000, 200)) < confidence).astype(float))
    values = debiased_error(np.broadcast_to(size, hits.shape), np.broadcast_to(total, hits.shape), hits)
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(4000) + 2e-4
    plain = expected_error(size, total, hits)
    assert plain.mean() > 0.05


def test_equal_confidences_share_a_bin():
    bins = mass_bins(np.repeat([0.5, 0.7], 100))
    assert len(np.unique(bins)) == 2
    assert len(np.unique(mass_bins(np.full(100, 0.5)))) == 1


def test_calibration_needs_probabilities():
    with pytest.raises(UsageError, match="calibration needs probabilities"):
        reliability.calibration(make_sample(), {})


def test_threshold_cannot_be_fitted_on_the_scored_images():
    sample = calibrated()
    with pytest.raises(UsageError, match="fitted on split 'test'"):
        abstention(sample, calibrated(seed=1), split="test", fitted_on="test")
    with pytest.raises(UsageError, match="the one that is scored"):
        abstention(sample, sample, split="test", fitted_on="val")


def test_abstention_answers_the_confident_images():
    validation, sample = calibrated(seed=1), calibrated()
    found = abstention(sample, validation, [make_groups(sample)], split="test", fitted_on="val")
    assert found.threshold.coverage == pytest.approx(0.8, abs=0.002)
    answered = sample.y_prob.max(axis=1) >= found.threshold.value
    assert found.overall.coverage.value == pytest.approx(answered.mean(), abs=1e-6)
    assert found.overall.selective_risk.value == pytest.approx((~sample.hit)[answered].mean(), abs=1e-6)
    assert found.overall.selective_risk.value < (~sample.hit).mean()
    assert set(found.features["fst"]) == {"I", "II", "III"}


def test_no_answer_has_no_risk():
    validation, sample = calibrated(seed=1, sharpen=50.0), calibrated(sharpen=0.1)
    found = abstention(sample, validation, split="test", fitted_on="val").overall
    assert found.coverage.value == 0
    assert found.selective_risk.value is None


def direct_aurc(confidence, wrong):
    order = np.argsort(-confidence, kind="stable")
    return np.mean(np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1))


def test_aurc_without_ties_is_the_mean_of_selective_risks():
    sample = calibrated()
    value = aurc(sample.y_true, sample.y_prob, np.ones((600, 1)))[0]
    assert value == pytest.approx(direct_aurc(sample.y_prob.max(axis=1), ~sample.hit))


def test_aurc_of_ties_is_the_average_over_orders():
    rng = np.random.default_rng(0)
    y_prob = np.repeat([[0.6, 0.4], [0.8, 0.2]], 4, axis=0)
    y_true = np.array([0, 1, 1, 0, 0, 0, 1, 0])
    wrong = y_true != 0
    orders = [direct_aurc(y_prob[p].max(axis=1), wrong[p]) for p in (rng.permutation(8) for _ in range(4_000))]
    assert aurc(y_true, y_prob, np.ones((8, 1)))[0] == pytest.approx(np.mean(orders), abs=0.005)


def test_aurc_weight_two_is_the_image_twice():
    sample = calibrated(50)
    weights = np.random.default_rng(0).integers(0, 3, (50, 1)).astype(float)
    rows = np.repeat(np.arange(50), weights[:, 0].astype(int))
    twice = aurc(sample.y_true[rows], sample.y_prob[rows], np.ones((len(rows), 1)))
    assert aurc(sample.y_true, sample.y_prob, weights) == pytest.approx(twice)
    assert np.isnan(aurc(sample.y_true, sample.y_prob, np.zeros((50, 1)))[0])


def test_both_metrics_go_through_intervals():
    found = cells(calibrated(), [AURC, CONFIDENCE_GAP], n_resamples=299)
    assert all(item.low < item.value < item.high for item in found.values())
