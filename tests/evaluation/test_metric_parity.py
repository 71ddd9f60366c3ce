"""Every metric against another implementation, on random and on degenerate input."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as skm
from making import class_rows

from dermbench.evaluation import METRICS
from dermbench.evaluation.core.scoring import score


def labels_present(view):
    return np.unique(view.y_true)


def one_vs_rest(function):
    def mean(view):
        values = [function(view.y_true == c, view.y_prob[:, c]) for c in labels_present(view)]
        return np.mean(values)

    return mean


def multiclass_brier(view):
    pytest.importorskip("sklearn", minversion="1.7", reason="older: no Brier score of many classes")
    return skm.brier_score_loss(view.y_true, view.y_prob, labels=np.arange(view.n_classes), scale_by_half=False)


def top3(view):
    return skm.top_k_accuracy_score(view.y_true, view.y_prob, k=3, labels=np.arange(view.n_classes))


def f1(average):
    return lambda v: skm.f1_score(v.y_true, v.y_pred, labels=labels_present(v), average=average, zero_division=0)


def kappa(weights):
    return lambda v: skm.cohen_kappa_score(v.y_true, v.y_pred, labels=np.arange(v.n_classes), weights=weights)


REFERENCE = {
    "accuracy": lambda v: skm.accuracy_score(v.y_true, v.y_pred),
    "micro_f1": lambda v: skm.f1_score(v.y_true, v.y_pred, labels=np.arange(v.n_classes), average="micro"),
    "balanced_accuracy": lambda v: skm.recall_score(
        v.y_true, v.y_pred, labels=labels_present(v), average="macro", zero_division=0
    ),
    "macro_f1": f1("macro"),
    "weighted_f1": f1("weighted"),
    "cohen_kappa": kappa(None),
    "kappa_linear": kappa("linear"),
    "kappa_quadratic": kappa("quadratic"),
    "mcc": lambda v: skm.matthews_corrcoef(v.y_true, v.y_pred),
    "sensitivity": lambda v: skm.recall_score(v.y_true, v.y_pred, pos_label=1),
    "specificity": lambda v: skm.recall_score(v.y_true, v.y_pred, pos_label=0),
    "log_loss": lambda v: skm.log_loss(v.y_true, v.y_prob, labels=np.arange(v.n_classes)),
    "brier": multiclass_brier,
    "top3_accuracy": top3,
    "auroc_ovr": one_vs_rest(skm.roc_auc_score),
    "average_precision": one_vs_rest(skm.average_precision_score),
}
every_metric = pytest.mark.parametrize("name", METRICS.names())


def test_every_metric_has_a_reference():
    assert set(REFERENCE) == set(METRICS.names())


@every_metric
@pytest.mark.parametrize(("n_samples", "n_classes"), [(400, 4), (60, 7), (300, 21)])
def test_random(name, n_samples, n_classes, draw, build):
    for seed in range(3):
        y_true, y_prob = draw(np.random.default_rng(seed), n_samples, n_classes)
        sample = build(y_true, y_prob=y_prob, ordered=True)
        metric = METRICS.get(name)
        assert score(metric, sample) == pytest.approx(REFERENCE[name](sample.view(metric.view)), rel=1e-10)


@every_metric
def test_absent_classes_and_stray_predictions(name, draw, build):
    """Classes 0 and 5 are never true, and 5 is predicted."""
    y_true, y_prob = draw(np.random.default_rng(4), 200, 6)
    y_true = np.where(np.isin(y_true, [0, 5]), 2, y_true)
    y_prob[:20] = np.array([0.01, 0.12, 0.08, 0.1, 0.09, 0.6]) + np.linspace(0, 1e-3, 20)[:, None]
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    sample = build(y_true, y_prob=y_prob, ordered=True)
    assert 5 in sample.y_pred
    metric = METRICS.get(name)
    assert score(metric, sample) == pytest.approx(REFERENCE[name](sample.view(metric.view)), rel=1e-10)


@pytest.mark.parametrize("name", ["auroc_ovr", "average_precision", "log_loss", "brier"])
@pytest.mark.parametrize("digits", [0, 1])
def test_tied_probabilities(name, digits, draw, build):
    y_true, y_prob = draw(np.random.default_rng(5), 300, 3)
    y_prob = np.maximum(y_prob.round(digits), 0.1)
    y_prob = y_prob / y_prob.sum(axis=1, keepdims=True)
    sample = build(y_true, y_prob=y_prob)
    metric = METRICS.get(name)
    assert score(metric, sample) == pytest.approx(REFERENCE[name](sample.view(metric.view)), rel=1e-10)


@pytest.mark.parametrize(
    "name", ["accuracy", "micro_f1", "balanced_accuracy", "macro_f1", "weighted_f1", "log_loss", "brier"]
)
@pytest.mark.parametrize("y_true", [[2], [2, 2, 2]])
def test_a_single_image_and_a_single_class(name, y_true, draw, build):
    y_prob = np.tile([0.1, 0.3, 0.4, 0.2], (len(y_true), 1))
    y_prob[0] = [0.4, 0.3, 0.2, 0.1]
    sample = build(y_true, y_prob=y_prob)
    metric = METRICS.get(name)
    assert score(metric, sample) == pytest.approx(REFERENCE[name](sample.view(metric.view)), rel=1e-12)


@pytest.mark.parametrize("name", ["auroc_ovr", "average_precision"])
def test_ranking_with_weights(name, draw):
    rng = np.random.default_rng(6)
    y_true, y_prob = draw(rng, 150, 4)
    y_prob = y_prob.round(1)
    weights = rng.random((150, 3))
    function = {"auroc_ovr": skm.roc_auc_score, "average_precision": skm.average_precision_score}[name]
    expected = [
        np.mean([function(y_true == c, y_prob[:, c], sample_weight=weights[:, b]) for c in range(4)])
        for b in range(3)
    ]
    np.testing.assert_allclose(METRICS.get(name).score(y_true, y_prob, weights), expected, rtol=1e-10)


def test_class_table(draw, build):
    y_true, y_prob = draw(np.random.default_rng(7), 300, 5)
    sample = build(y_true, y_prob=y_prob)
    expected = skm.classification_report(
        y_true, sample.y_pred, output_dict=True, target_names=list(sample.classes)
    )
    for name, row in class_rows(sample).items():
        assert row.support == expected[name]["support"]
        for key, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert getattr(row, key).value == pytest.approx(expected[name][theirs], abs=1e-6)


def test_where_scikit_learn_invents_a_value_there_is_none(build):
    """One true class: scikit-learn's kappa and correlation are 0 whatever is predicted."""
    sample = build([1, 1, 1], [0, 1, 2], n_classes=3)
    assert skm.cohen_kappa_score([1, 1, 1], [0, 1, 2]) == 0
    assert skm.matthews_corrcoef([1, 1, 1], [0, 1, 2]) == 0
    assert np.isnan(score(METRICS.get("cohen_kappa"), sample))
    assert np.isnan(score(METRICS.get("mcc"), sample))
