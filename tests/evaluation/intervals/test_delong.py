from __future__ import annotations

import numpy as np
import pytest
from making import make_sample
from sklearn.metrics import roc_auc_score

from dermbench.evaluation.intervals.delong import area_estimate, auroc_influence, covariance, ovr_influence


def naive(positive, score):
    """DeLong's variance from the definition, O(n^2)."""
    x, y = score[positive], score[~positive]
    kernel = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    area = kernel.mean()
    return area, kernel.mean(axis=1).var(ddof=1) / len(x) + kernel.mean(axis=0).var(ddof=1) / len(y)


@pytest.mark.parametrize("ties", [False, True])
def test_area_and_variance_equal_the_definition(ties):
    rng = np.random.default_rng(0)
    positive = rng.random(80) < 0.4
    score = rng.random(80) + 0.5 * positive
    score = np.round(score, 1) if ties else score
    area, influence = auroc_influence(positive, score)
    expected = naive(positive, score)
    assert area == pytest.approx(expected[0])
    assert np.sum(influence**2) == pytest.approx(expected[1])
    assert area == pytest.approx(roc_auc_score(positive, score))


def test_average_over_classes_equals_sklearn():
    sample = make_sample(probabilities=True)
    value, influence = ovr_influence(sample.y_true, sample.y_prob)
    assert value == pytest.approx(roc_auc_score(sample.y_true, sample.y_prob, multi_class="ovr"))
    assert influence.sum() == pytest.approx(0, abs=1e-12)


def test_one_class_is_undefined():
    assert np.isnan(auroc_influence(np.ones(3, bool), np.arange(3.0))[0])
    assert np.isnan(ovr_influence(np.zeros(3, int), np.ones((3, 2)) / 2)[0])


def test_covariance_of_two_models_counts_shared_images():
    sample = make_sample(probabilities=True)
    influence = ovr_influence(sample.y_true, sample.y_prob)[1]
    both = covariance(np.stack([influence, influence]))
    assert both[0, 1] == pytest.approx(both[0, 0])
    doubled = covariance(np.stack([influence, influence]), np.arange(len(sample)) // 2)
    assert doubled.shape == (2, 2)


def test_repeating_every_image_within_its_unit_keeps_the_interval():
    sample = make_sample(probabilities=True)
    once = area_estimate(sample.y_true, sample.y_prob).cell()
    unit = np.repeat(np.arange(len(sample)), 2)
    twice = area_estimate(np.repeat(sample.y_true, 2), np.repeat(sample.y_prob, 2, axis=0), unit).cell()
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=2e-3)


def test_perfect_separation_has_no_interval():
    y_true = np.repeat([0, 1], 20)
    y_prob = np.column_stack([1 - y_true, y_true]) * 0.8 + 0.1
    shown = area_estimate(y_true, y_prob).cell()
    assert shown.value == 1
    assert shown.low is None
    assert "separated perfectly" in shown.reason
