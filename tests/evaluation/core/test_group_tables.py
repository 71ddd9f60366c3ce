"""Values of all metrics in all groups."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import f1_score

from dermbench.evaluation import METRICS
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.scoring import applicable, score


def test_subgroup_values_agree_with_the_tally_and_with_scikit_learn(build, draw):
    y_true, y_prob = draw(np.random.default_rng(1), 300, 5)
    codes = np.random.default_rng(2).choice([0, 2, 5, -1], 300)
    sample = build(y_true, y_prob=y_prob, ordered=True)
    grouping, metrics = (
        Grouping("fst", codes, ("I", "II", "III", "IV", "V", "VI"), ordered=True),
        applicable(sample),
    )
    table = group_tables(sample, [grouping], metrics)["fst"]
    assert {m.name for m in metrics} == set(METRICS.names())
    assert table.names == ("I", "III", "VI", "unknown")
    for index, rows in enumerate(table.rows):
        direct = [score(metric, sample, rows=rows) for metric in metrics]
        np.testing.assert_array_equal(table.values[index], direct)
    names = np.array(table.names)[table.grouping.codes]
    frame = MetricFrame(
        metrics=lambda t, p: f1_score(t, p, average="macro", zero_division=0, labels=np.unique(t)),
        y_true=y_true,
        y_pred=y_prob.argmax(axis=1),
        sensitive_features=names,
    )
    for index, name in enumerate(table.names):
        assert table.value(index, METRICS.get("macro_f1")) == pytest.approx(frame.by_group[name], rel=1e-12)


def test_one_call_gives_the_tables_of_all_features_and_of_all_images(build, draw):
    y_true, y_prob = draw(np.random.default_rng(1), 200, 4)
    sample = build(y_true, y_prob=y_prob)
    groupings = [
        Grouping(name, np.random.default_rng(seed).integers(-1, 3, 200), ("a", "b", "c"))
        for seed, name in enumerate("xy")
    ]
    metrics, further = [METRICS.get("accuracy"), METRICS.get("log_loss")], [METRICS.get("mcc")]
    tables = group_tables(sample, groupings, metrics, overall=further)
    assert list(tables) == [None, "x", "y"]
    assert tables[None].metrics == ("accuracy", "log_loss", "mcc")
    assert tables[None].names == (None,)
    assert tables[None].value(0, further[0]) == score(further[0], sample)
    for grouping in groupings:
        alone = group_tables(sample, [grouping], metrics)[grouping.feature]
        np.testing.assert_array_equal(tables[grouping.feature].values, alone.values)
        np.testing.assert_array_equal(alone.columns(metrics[1:])[:, 0], alone.values[:, 1])
        assert alone.names == ("a", "b", "c", "unknown")


def test_predicted_labels_have_no_value_of_metrics_that_need_probabilities(build):
    sample = build([0, 1, 2, 0], [0, 1, 1, 0], n_classes=3)
    table = group_tables(sample, [], [METRICS.get("log_loss"), METRICS.get("accuracy")])[None]
    assert np.isnan(table.values[0, 0])
    assert table.values[0, 1] == 0.75
