from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from dermbench.evaluation.stats import Grouping, standardised
from dermbench.evaluation.stats.standardise import _group

from .conftest import make_groups, make_sample


def test_values_are_weighted_scores():
    sample = make_sample(600, 3)
    grouping = make_groups(sample)
    found = standardised(sample, grouping)
    mix = np.bincount(sample.y_true) / len(sample)
    for g, name in enumerate(grouping.names):
        part = sample.take(grouping.codes == g)
        weight = (mix / np.bincount(part.y_true))[part.y_true]
        expected = accuracy_score(part.y_true, part.y_pred, sample_weight=weight)
        assert found[name, "standardised_accuracy"].value == pytest.approx(expected)
        expected = f1_score(part.y_true, part.y_pred, average="macro", sample_weight=weight)
        assert found[name, "standardised_macro_f1"].value == pytest.approx(expected)


def test_class_mix_alone_makes_no_standardised_gap():
    """Equal recalls, opposite class mix: raw accuracy differs by .3, standardised not at all."""
    y_true = np.array([0] * 150 + [1] * 50 + [0] * 50 + [1] * 150)
    right = np.concatenate([np.arange(n) < n * r for n, r in ((150, 0.8), (50, 0.2), (50, 0.8), (150, 0.2))])
    sample = make_sample(400, 2)
    sample = type(sample)(y_true, np.where(right, y_true, 1 - y_true), 2)
    grouping = Grouping("sex", np.repeat([0, 1], 200), ("f", "m"))
    found = standardised(sample, grouping)
    assert found["f", "standardised_accuracy"].value == pytest.approx(found["m", "standardised_accuracy"].value)
    assert sample.hit[:200].mean() - sample.hit[200:].mean() == pytest.approx(0.3)


@pytest.mark.parametrize("index", [0, 1])
def test_standard_error_is_that_of_the_jackknife(index):
    sample = make_sample(300, 3, seed=4)
    support = np.array([[200.0, 150.0, 250.0]])
    classes = np.arange(3)
    linear = _group(sample, classes, support)[index].se
    left_out = []
    for row in range(300):
        keep = np.arange(300) != row
        left_out.append(_group(sample.take(keep), classes, support)[index].value)
    jackknife = np.sqrt(299 / 300 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert linear == pytest.approx(jackknife, rel=0.02)


def test_too_few_eligible_classes():
    sample = make_sample(60, 30)
    shown = standardised(sample, make_groups(sample))["I", "standardised_accuracy"]
    assert shown.value is None
    assert "not estimable" in shown.reason
