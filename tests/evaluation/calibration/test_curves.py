"""Curves of the confidence, by hand: ties answered together, thinned, refused where they contradict themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import make_groups, make_sample
from pydantic import ValidationError

from dermbench.artifacts.report import MOST_COVERAGES, ConfidenceCurves, CoveragePoint
from dermbench.evaluation.calibration.curves import confidence_curves, risk_coverage
from dermbench.evaluation.calibration.reliability import reliability_curve


def sample_of(confidence, right):
    confidence = np.asarray(confidence)
    y_prob = np.stack([confidence, 1 - confidence], axis=1)
    y_true = np.where(right, 0, 1)
    return replace(
        make_sample(len(y_true), 2), y_true=y_true, y_pred=np.zeros(len(y_true), dtype=np.intp), y_prob=y_prob
    )


def numbers(points):
    return [(point.n, point.coverage, round(point.risk, 6)) for point in points]


def test_equal_confidences_are_answered_together():
    """Confidences .9 right, .8 right, .8 wrong, .6 wrong: errors 0/1, 1/3, 2/4; none after one of the two .8."""
    sample = sample_of([0.8, 0.6, 0.9, 0.8], [True, False, True, False])
    assert numbers(risk_coverage(sample)) == [(1, 0.25, 0.0), (3, 0.75, 0.333333), (4, 1.0, 0.5)]


def test_the_order_of_images_does_not_matter():
    rng = np.random.default_rng(0)
    confidence, right = rng.choice([0.6, 0.7, 0.8], 90), rng.random(90) < 0.5
    order = rng.permutation(90)
    assert risk_coverage(sample_of(confidence, right)) == risk_coverage(sample_of(confidence[order], right[order]))


def test_of_many_points_those_at_equal_steps_are_kept():
    """600 different confidences, every other image wrong: 30 points, at 20, 40 ... 600 images, error .5 each."""
    sample = sample_of(np.linspace(0.99, 0.51, 600), np.arange(600) % 2 == 0)
    assert numbers(risk_coverage(sample)) == [
        (20 * k, round(k / MOST_COVERAGES, 6), 0.5) for k in range(1, MOST_COVERAGES + 1)
    ]


def test_one_confidence_is_one_point_and_no_image_none():
    sample = sample_of([0.7] * 5, [True, True, False, True, True])
    assert numbers(risk_coverage(sample)) == [(5, 1.0, 0.2)]
    assert risk_coverage(sample.take(np.zeros(5, dtype=np.bool_))) == ()


def test_groups_have_their_own_curves_and_unknown_none():
    sample = sample_of(np.linspace(0.99, 0.51, 100), np.arange(100) < 50)
    grouping = replace(make_groups(sample), codes=np.repeat([0, 1, -1], [60, 20, 20]))
    found = confidence_curves(sample, grouping)
    assert set(found.groups) == {"I", "II"}
    assert found.groups["I"].risk_coverage[-1].risk == pytest.approx(10 / 60, abs=1e-6)
    assert found.groups["II"].reliability == ()  # bins need 40 images
    assert found.groups["I"].reliability == reliability_curve(sample.take(np.arange(100) < 60))
    assert sum(point.n for point in found.groups["I"].reliability) == 60
    assert found.risk_coverage[-1].risk == 0.5
    assert confidence_curves(sample, None) == ConfidenceCurves(
        feature=None, risk_coverage=found.risk_coverage, groups={}
    )


@pytest.mark.parametrize(
    ("coverages", "message"), [((0.5, 0.5, 1.0), "does not rise"), ((0.2, 0.9), "ends at 0.9, not at all images")]
)
def test_a_curve_that_contradicts_itself_is_refused(coverages, message):
    points = tuple(CoveragePoint(n=k, coverage=share, risk=0.1) for k, share in enumerate(coverages, start=1))
    with pytest.raises(ValidationError, match=message):
        ConfidenceCurves(feature=None, risk_coverage=points, groups={})


def test_groups_without_a_feature_are_refused():
    empty = {"reliability": (), "risk_coverage": ()}
    with pytest.raises(ValidationError, match="groups without a sensitive feature"):
        ConfidenceCurves(feature=None, risk_coverage=(), groups={"I": empty})
