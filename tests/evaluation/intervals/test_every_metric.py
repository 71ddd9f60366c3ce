from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import cells, make_groups, make_sample

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS, Metric
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.intervals.balanced import average_recall
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan

ALL = [METRICS.get(name) for name in METRICS.names() if METRICS.get(name).view == "classes"]


@pytest.mark.parametrize("units", [None, 150])
def test_every_metric_has_a_value_inside_its_interval(units):
    sample = make_sample(units=units, probabilities=True)
    for (_, name), shown in cells(sample, ALL, n_resamples=299).items():
        assert shown.low is not None, (name, shown.reason)
        assert shown.low <= shown.value <= shown.high, name
        assert shown.n == len(sample)
        assert shown.method


def test_values_are_those_of_the_rows_of_each_group(metric):
    sample = make_sample(probabilities=True)
    grouping = make_groups(sample, unknown=0.2)
    found = cells(sample, ALL, grouping, n_resamples=99)
    for index, name in enumerate((*grouping.names, "unknown")):
        rows = grouping.codes == (index if name != "unknown" else -1)
        alone = cells(sample.take(rows), ALL, n_resamples=99)
        for m in ALL:
            assert found[name, m.name].value == pytest.approx(alone[None, m.name].value)
            assert found[name, m.name].n == rows.sum()


def test_macro_f1_is_suppressed_and_kappa_is_not(metric):
    y = np.array([0] * 50 + [1] * 50 + [2] * 3)
    found = cells(Sample(y, np.roll(y, 5), 3), [metric("macro_f1"), metric("cohen_kappa")], n_resamples=199)
    assert found[None, "macro_f1"].low is None
    assert "1 of 3 classes have fewer than 10 true cases (fewest 3)" in found[None, "macro_f1"].reason
    assert found[None, "cohen_kappa"].low is not None


def test_undefined_stays_undefined_with_the_metrics_reason(metric):
    y = np.zeros(40, dtype=int)
    shown = cells(Sample(y, y, 3), [metric("cohen_kappa")], n_resamples=99)[None, "cohen_kappa"]
    assert shown.value is None
    assert shown.reason == metric("cohen_kappa").undefined_when


def test_probabilities_are_asked_for(metric):
    shown = cells(make_sample(), [metric("log_loss")], n_resamples=99)[None, "log_loss"]
    assert shown.value is None
    assert shown.reason == "needs probabilities"


def test_one_patient_has_values_but_no_cells(metric):
    sample = make_sample(60)
    sample = replace(sample, unit=np.zeros(60, int))
    for shown in cells(sample, [metric("accuracy"), metric("cohen_kappa")], n_resamples=99).values():
        assert shown.value is not None
        assert shown.low is None
        assert "unit" in shown.reason


def test_a_single_image_a_group(metric):
    sample = make_sample(12, probabilities=True)
    grouping = Grouping("site", np.arange(12), tuple("abcdefghijkl"))
    found = cells(sample, ALL, grouping, n_resamples=99)
    assert found["a", "accuracy"].value in {0.0, 1.0}
    assert found["a", "accuracy"].high - found["a", "accuracy"].low > 0.5
    assert found["a", "log_loss"].low is None


def test_clusters_widen_the_interval(metric):
    alone = make_sample(60)
    rows = np.repeat(np.arange(60), 5)
    together = Sample(alone.y_true[rows], alone.y_pred[rows], 4, unit=rows)
    metrics = [metric(m) for m in ("accuracy", "balanced_accuracy", "cohen_kappa")]
    one, many = cells(alone, metrics, n_resamples=999), cells(together, metrics, n_resamples=999)
    for m in metrics:
        width = [f[None, m.name].high - f[None, m.name].low for f in (one, many)]
        assert width[1] == pytest.approx(width[0], rel=0.12), m.name


def test_balanced_accuracy_is_no_surer_than_its_sparsest_class():
    sure = average_recall(np.array([30.0, 30.0]), np.array([40.0, 40.0]))
    sparse = average_recall(np.array([30.0, 2.0]), np.array([40.0, 2.0]))
    assert sparse.se > sure.se > 0


def test_a_custom_metric_of_counts_gets_an_interval():
    error = Metric(
        "error", "Error", "counts", lambda t: 1 - t.correct.sum(axis=-1) / t.total, higher_is_better=False
    )
    shown = cells(make_sample(), [error], n_resamples=299)[None, "error"]
    assert shown.low < shown.value < shown.high
    assert "bootstrap" in shown.method


def test_many_empty_classes(metric):
    """114 classes, most (group, class) cells empty."""
    sample = make_sample(300, 114)
    found = cells(sample, [metric("macro_f1"), metric("balanced_accuracy")], make_groups(sample), n_resamples=99)
    assert all(shown.value is not None for shown in found.values())
    assert found["I", "macro_f1"].low is None
    assert found["I", "balanced_accuracy"].low is not None


def test_a_large_sample_gets_normal_means_like_the_bootstrap(metric, monkeypatch):
    import dermbench.evaluation.intervals.mean_metrics as module

    sample = make_sample(2000, probabilities=True, units=900)
    boot = estimates(sample, [metric("log_loss")], None, Plan(n_resamples=2_000))[None, "log_loss"]
    monkeypatch.setattr(module, "LARGE", 10)
    normal = estimates(sample, [metric("log_loss")], None, Plan())[None, "log_loss"]
    assert normal.se == pytest.approx(boot.se, rel=0.06)
    assert "normal" in normal.cell().method


def test_a_large_ranking_gets_a_jackknife_like_the_bootstrap(metric, monkeypatch):
    import dermbench.evaluation.intervals.ranking_metrics as module

    sample = make_sample(1000, probabilities=True)
    boot = estimates(sample, [metric("average_precision")], None, Plan(n_resamples=999))[None, "average_precision"]
    monkeypatch.setattr(module, "WORK", 1e3)
    monkeypatch.setattr(module, "MOST_WORK", 1e3)
    parts = estimates(sample, [metric("average_precision")], None, Plan(n_resamples=999))[
        None, "average_precision"
    ]
    assert "jackknife" in parts.cell().method
    assert parts.se == pytest.approx(boot.se, rel=0.35)


@pytest.mark.parametrize("units", [None, 60])
def test_standard_error_of_a_mean_is_that_of_the_units(metric, units):
    sample = make_sample(200, units=units, probabilities=True)
    found = estimates(sample, [metric("brier")], None, Plan(n_resamples=499))[None, "brier"]
    values = metric("brier").score(sample.y_true, sample.y_prob)
    sums = np.bincount(sample.units, weights=values - values.mean())
    m = sample.n_units
    assert found.se == pytest.approx(np.sqrt(m / (m - 1) * np.sum(sums**2)) / 200)
    assert "bootstrap-t" in found.cell().method


def test_bootstrap_t_reaches_further_on_the_side_of_the_tail(metric):
    """Log loss is skewed to the right, so the mean may be much larger than it looks, not much smaller."""
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet(np.full(3, 0.3), 40) * 0.98 + 0.02 / 3
    y_true = np.zeros(40, int)
    shown = cells(Sample(y_true, y_prob.argmax(axis=1), 3, y_prob=y_prob), [metric("log_loss")])[None, "log_loss"]
    assert shown.high - shown.value > shown.value - shown.low > 0


def test_perfect_predictions_have_no_bootstrap_interval(metric):
    """Every resample of them is perfect; an interval from 1 to 1 would claim certainty."""
    y = np.tile([0, 1], 40)
    found = cells(Sample(y, y, 2), [metric("cohen_kappa"), metric("accuracy")], n_resamples=99)
    assert found[None, "cohen_kappa"].value == 1
    assert found[None, "cohen_kappa"].low is None
    assert "all resamples have the same value" in found[None, "cohen_kappa"].reason
    assert found[None, "accuracy"].low < 0.96


def test_few_units_have_no_bootstrap_interval(metric):
    sample = make_sample(40, units=12)
    shown = cells(sample, [metric("cohen_kappa")], n_resamples=99)[None, "cohen_kappa"]
    assert shown.low is None
    assert "the bootstrap needs 15" in shown.reason
