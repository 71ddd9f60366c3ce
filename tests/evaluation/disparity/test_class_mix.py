from __future__ import annotations

import numpy as np
import pytest
from making import make_groups, make_sample
from sklearn.metrics import accuracy_score, f1_score

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.class_mix import _group, standardised
from dermbench.evaluation.intervals.proportions import wilson


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
    assert shown.cell().value is None
    assert "not estimable" in shown.reason


def three_classes(right, *, unit=None):
    """Classes 0, 1, 2 with 12, 20 and 40 cases and mix .5, .3, .2; wrong ones are predicted as the next class."""
    y_true = np.repeat([0, 1, 2], [12, 20, 40])
    sample = Sample(y_true, np.where(right, y_true, (y_true + 1) % 3), 3, unit=unit)
    return _group(sample, np.arange(3), np.array([[50.0, 30.0, 20.0]]))


def test_a_group_without_an_error_is_neither_certain_nor_unknown():
    accuracy, f1 = (found.cell() for found in three_classes(np.ones(72, bool)))
    assert accuracy.value == 1.0
    n_eff = 1 / (0.25 / 12 + 0.09 / 20 + 0.04 / 40)
    assert (accuracy.low, accuracy.high) == pytest.approx(wilson(1.0, n_eff))
    assert f1.value == 1.0
    assert f1.low is None
    assert f1.reason == "no interval: the standard error is 0"


def test_one_error_widens_the_interval_of_no_error_little():
    whole = three_classes(np.ones(72, bool))[0].cell()
    one = three_classes(np.arange(72) != 71)
    for shown in (found.cell() for found in one):
        assert whole.low - 0.12 < shown.low < whole.low
        assert shown.high <= 1.0
    assert three_classes(np.zeros(72, bool))[0].cell().value == 0.0


def test_macro_f1_of_a_class_of_few_cases_has_no_interval():
    sample = Sample(np.repeat([0, 1], [9, 30]), np.repeat([0, 1, 0], [9, 25, 5]), 2)
    shown = _group(sample, np.arange(2), np.array([[20.0, 30.0]]))[1].cell()
    assert shown.value is not None
    assert shown.low is None
    assert "fewer than 10 true cases" in shown.reason


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("recall", [(0.98, 0.97, 0.95), (0.85, 0.8, 0.7)])
def test_intervals_of_accuracy_cover(recall, copies):
    """Cases of a unit are right or wrong together with probability .7."""
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 2], np.array([15, 20, 40]) * copies)
    support = np.array([[300.0, 200.0, 100.0]])
    truth, covered = float(support[0] @ recall / 600), 0
    unit = np.arange(len(y_true)) // copies
    for _ in range(400):
        hit = rng.random(len(y_true)) < np.array(recall)[y_true]
        hit = np.where(rng.random(len(y_true)) < 0.7, hit[unit * copies], hit)
        sample = Sample(y_true, np.where(hit, y_true, (y_true + 1) % 3), 3, unit=unit)
        shown = _group(sample, np.arange(3), support)[0].cell()
        covered += shown.low <= truth <= shown.high
    assert 0.93 <= covered / 400 <= 0.99


def test_copies_of_images_tell_nothing_new():
    right = np.arange(72) % 9 != 0
    alone = [found.cell() for found in three_classes(right)]
    sample = Sample(np.repeat([0, 1, 2], [12, 20, 40]), np.zeros(72, int), 3)
    y_true = np.repeat(sample.y_true, 4)
    y_pred = np.where(np.repeat(right, 4), y_true, (y_true + 1) % 3)
    copied = Sample(y_true, y_pred, 3, unit=np.repeat(np.arange(72), 4))
    for one, shown in zip(alone, _group(copied, np.arange(3), np.array([[50.0, 30.0, 20.0]])), strict=True):
        found = shown.cell()
        assert found.value == pytest.approx(one.value)
        assert found.high - found.low == pytest.approx(one.high - one.low, rel=0.2)
        assert found.high - found.low > 0.95 * (one.high - one.low)
        assert "72 units" in found.method


def test_clustered_group_without_an_error_counts_units():
    shown = three_classes(np.ones(72, bool), unit=np.arange(72) // 4)[0].cell()
    assert shown.value == 1.0
    assert shown.low < three_classes(np.ones(72, bool))[0].cell().low
    alone = three_classes(np.ones(72, bool), unit=np.zeros(72, int))[0].cell()
    assert alone.low is None
    assert "one independent unit" in alone.reason
