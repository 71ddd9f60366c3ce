from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference, selection_rate
from making import make_groups, make_sample
from sklearn.metrics import accuracy_score, recall_score

from dermbench.artifacts.report import Undefined, rounded
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity import parity as measures
from dermbench.evaluation.resampling.plan import Plan

NAMES = ("a", "b", "c", "d", "e")


def parity(sample, grouping, *, n_resamples):
    named = replace(sample, classes=NAMES[: sample.n_classes])
    return measures.parity(named, grouping, Plan(n_resamples=n_resamples))


@pytest.fixture
def data():
    sample = make_sample(600, 3)
    return sample, make_groups(sample)


def test_selection_rate_ranges_agree_with_fairlearn_one_vs_rest(data):
    sample, grouping = data
    found = parity(sample, grouping, n_resamples=99)
    expected = [
        demographic_parity_difference(sample.y_true == c, sample.y_pred == c, sensitive_features=grouping.codes)
        for c in range(3)
    ]
    assert found["selection_rate_range_max"].per_class == {
        name: rounded(e) for name, e in zip(NAMES, expected, strict=False)
    }
    assert found["selection_rate_range_max"].value == rounded(max(expected))
    assert found["selection_rate_range_mean"].value == rounded(np.mean(expected))


def test_true_and_false_positive_rates_agree_with_fairlearn(data):
    from fairlearn.metrics import false_positive_rate, true_positive_rate

    sample, grouping = data
    found = parity(sample, grouping, n_resamples=99)
    for key, function in (("tpr", true_positive_rate), ("fpr", false_positive_rate)):
        expected = [
            MetricFrame(
                metrics=function,
                y_true=sample.y_true == c,
                y_pred=sample.y_pred == c,
                sensitive_features=grouping.codes,
            ).difference()
            for c in range(3)
        ]
        assert found[f"{key}_range_mean"].per_class == {
            name: rounded(e) for name, e in zip(NAMES, expected, strict=False)
        }


def test_ratios_of_the_literature(data):
    sample, grouping = data
    found = parity(sample, grouping, n_resamples=99)
    rows = [grouping.codes == g for g in range(3)]
    acc = [accuracy_score(sample.y_true[r], sample.y_pred[r]) for r in rows]
    assert found["pqd"].value == rounded(min(acc) / max(acc))
    assert found["nar"].value == rounded((max(acc) - min(acc)) / np.mean(acc))
    rates = np.array([[selection_rate(0, sample.y_pred[r], pos_label=c) for c in range(3)] for r in rows])
    assert found["dpm"].value == rounded(np.mean(rates.min(axis=0) / rates.max(axis=0)))
    recalls = np.array([recall_score(sample.y_true[r], sample.y_pred[r], average=None) for r in rows])
    assert found["eom"].value == rounded(np.mean(recalls.min(axis=0) / recalls.max(axis=0)))


def test_each_measure_lies_within_its_null_when_groups_do_not_matter(data):
    for name, item in parity(*data, n_resamples=499).items():
        assert 0 < item.chance < 1, name
        assert item.p_value > 0.001, name
        assert item.null == ("free" if name.startswith(("dpm", "selection")) else "within class")


def test_skipped_classes_are_named():
    sample = make_sample(200, 5)
    rows = np.flatnonzero((sample.y_true != 4) & (sample.y_pred != 4))
    sample = sample.take(rows)
    found = parity(sample, make_groups(sample), n_resamples=99)
    assert found["dpm"].skipped == ("e",)
    assert found["eom"].skipped == ("e",)
    assert found["tpr_range_max"].per_class["e"] is None


def test_string_label_trap():
    """Predictions that differ completely between groups: fairlearn on raw multiclass labels would say 0."""
    y_true = np.tile([0, 1, 2], 40)
    y_pred = np.repeat([1, 2], 60)
    found = parity(Sample(y_true, y_pred, 3), Grouping("sex", np.repeat([0, 1], 60), ("f", "m")), n_resamples=99)
    assert found["selection_rate_range_max"].value == 1.0
    assert found["dpm"].value == 0.0


def test_no_correct_prediction_and_one_group():
    y = np.tile([0, 1], 60)
    sexes = Grouping("sex", np.repeat([0, 1], 60), ("f", "m"))
    assert parity(Sample(y, 1 - y, 2), sexes, n_resamples=99)["pqd"].value is None
    alone = parity(Sample(y, y, 2), Grouping("sex", np.zeros(120, int), ("f",)), n_resamples=99)
    assert "two known groups" in alone.reason


def test_intersections_have_no_measure_while_a_cell_is_small():
    sample = make_sample(150, 3)
    codes = np.repeat([0, 1, 2, -1], [60, 60, 29, 1])
    crossed = Grouping("fst,sex", codes, ("I-f", "I-m", "II-f"), intersection=True)
    found = parity(sample, crossed, n_resamples=99)
    assert found == Undefined(reason="not ranked: an intersection has fewer than 30 images")
    enough = replace(crossed, codes=np.where(codes == -1, 2, codes))
    assert parity(sample, enough, n_resamples=99)["pqd"].value is not None
    assert parity(sample, replace(crossed, intersection=False), n_resamples=99)["pqd"].value is not None
