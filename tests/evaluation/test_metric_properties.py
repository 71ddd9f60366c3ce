"""Properties that every metric of the registry has; none escapes, because the registry is what is run over."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.evaluation import METRICS, Tally, tally
from dermbench.evaluation.core.scoring import score

ALL = METRICS.names()
KINDS = {"counts", "mean", "ranking"}
COUNTS = [name for name in ALL if METRICS.get(name).kind == "counts"]
every_metric = pytest.mark.parametrize("name", ALL)
few = settings(max_examples=25)

cases = st.tuples(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32 - 1))


def drawn(case, draw, build, **about):
    n_samples, n_classes, seed = case
    rng = np.random.default_rng(seed)
    y_true, y_prob = draw(rng, n_samples, n_classes, signal=rng.uniform(-1, 4))
    return build(y_true, y_prob=y_prob, ordered=True, **about)


def weighted(metric, sample, weights):
    """Value of a metric with a weight for each image, by each kind's own interface."""
    view = sample.view(metric.view)
    if metric.kind == "counts":
        return float(metric.score(tally(view.y_true, view.y_pred, view.n_classes, weights=weights)))
    if metric.kind == "mean":
        each = metric.score(view.y_true, view.y_prob)
        return float((each * weights).sum() / weights.sum()) if weights.sum() else float("nan")
    return float(metric.score(view.y_true, view.y_prob, weights[:, None])[0])


def test_trait_sets_cover_the_registry():
    metrics = [METRICS.get(name) for name in ALL]
    assert {m.kind for m in metrics} == KINDS
    assert all(m.view in {"classes", "positive"} for m in metrics)
    by_kind = [{m.name for m in metrics if m.kind == kind} for kind in sorted(KINDS)]
    assert set.union(*by_kind) == set(ALL)
    assert sum(map(len, by_kind)) == len(ALL)


@every_metric
def test_traits_are_consistent(name):
    metric = METRICS.get(name)
    low, high = metric.bounds
    assert metric.name == name
    assert metric.title
    assert metric.source
    assert metric.undefined_when
    assert metric.version >= 1
    assert low < high
    assert metric.needs_probabilities == (metric.kind != "counts")
    assert not metric.ratio or low >= 0, "a ratio needs values that cannot be negative"
    assert not metric.proportion or metric.bounds == (0.0, 1.0)
    assert metric.trials is None or metric.proportion
    assert set(dataclasses.asdict(metric)) == {field.name for field in dataclasses.fields(metric)}


@every_metric
@few
@given(case=cases)
def test_value_is_within_bounds_or_nan(name, case, draw, build):
    metric = METRICS.get(name)
    value = score(metric, drawn(case, draw, build))
    low, high = metric.bounds
    assert np.isnan(value) or low - 1e-12 <= value <= high + 1e-12


@every_metric
@few
@given(case=cases)
def test_perfect_prediction_is_the_best_value(name, case, draw, build):
    metric = METRICS.get(name)
    sample = drawn(case, draw, build)
    y_true = sample.y_true
    perfect = build(y_true, y_prob=np.eye(len(sample.classes))[y_true], ordered=True)
    value = score(metric, perfect)
    best = metric.bounds[1] if metric.higher_is_better else metric.bounds[0]
    assert np.isnan(value) or value == pytest.approx(best, abs=1e-12)


@every_metric
@few
@given(case=cases)
def test_order_of_rows_does_not_matter(name, case, draw, build):
    metric = METRICS.get(name)
    sample = drawn(case, draw, build)
    order = np.random.default_rng(case[2]).permutation(len(sample))
    again = build(sample.y_true[order], y_prob=sample.y_prob[order], ordered=True)
    assert score(metric, again) == pytest.approx(score(metric, sample), rel=1e-12, abs=1e-12, nan_ok=True)


@every_metric
@few
@given(case=cases)
def test_names_of_classes_do_not_matter(name, case, draw, build):
    metric = METRICS.get(name)
    sample = drawn(case, draw, build)
    n_classes = len(sample.classes)
    to = np.random.default_rng(case[2]).permutation(n_classes)
    if metric.needs_order:  # only turning the order round leaves distances as they are
        to = np.arange(n_classes)[::-1]
    y_prob = np.empty_like(sample.y_prob)
    y_prob[:, to] = sample.y_prob
    kinds = {f"c{to[i]:03d}": ("malignant" if i % 2 else "benign") for i in range(n_classes)}
    again = build(to[sample.y_true], y_prob=y_prob, ordered=True, malignancy=kinds)
    assert score(metric, again) == pytest.approx(score(metric, sample), rel=1e-9, abs=1e-12, nan_ok=True)


@every_metric
@few
@given(case=cases)
def test_whole_weights_are_repeated_rows(name, case, draw, build):
    metric = METRICS.get(name)
    sample = drawn(case, draw, build)
    times = np.random.default_rng(case[2]).integers(0, 4, len(sample))
    rows = np.repeat(np.arange(len(sample)), times)
    expected = score(metric, sample, rows=rows)
    assert weighted(metric, sample, times.astype(float)) == pytest.approx(
        expected, rel=1e-9, abs=1e-12, nan_ok=True
    )


@every_metric
def test_no_image_is_nan(name, build):
    metric = METRICS.get(name)
    sample = build([0, 1, 2, 3], y_prob=np.full((4, 4), 0.25), ordered=True)
    assert np.isnan(score(metric, sample, rows=np.array([], dtype=np.intp)))
    nothing = np.zeros(4)
    assert np.isnan(weighted(metric, sample, nothing))


@every_metric
@pytest.mark.parametrize("y_true", [[0], [1], [0, 0, 0], [1, 1, 1]])
@pytest.mark.parametrize("predicted", [0, 1])
def test_one_class_gives_a_number_in_bounds_or_nan_never_infinity(name, y_true, predicted, build):
    metric = METRICS.get(name)
    y_prob = np.tile(np.where(np.arange(5) == predicted, 0.6, 0.1), (len(y_true), 1))
    value = score(metric, build(y_true, y_prob=y_prob, ordered=True))
    assert np.isnan(value) or metric.bounds[0] <= value <= metric.bounds[1]


@pytest.mark.parametrize(
    "name", ["cohen_kappa", "kappa_linear", "kappa_quadratic", "mcc", "auroc_ovr", "average_precision"]
)
@pytest.mark.parametrize("predicted", [0, 1])
def test_what_one_class_cannot_tell_is_undefined(name, predicted, build):
    y_prob = np.where(np.arange(3) == predicted, 0.6, 0.2)
    sample = build([0, 0, 0], y_prob=np.tile(y_prob, (3, 1)), ordered=True)
    assert np.isnan(score(METRICS.get(name), sample))


@pytest.mark.parametrize("name", COUNTS)
def test_counts_work_on_leading_axes(name):
    metric = METRICS.get(name)
    n_classes = 2 if metric.view == "positive" else 4
    rng = np.random.default_rng(1)
    tables = [[tally(*rng.integers(0, n_classes, (2, 30)), n_classes) for _ in range(3)] for _ in range(2)]
    fields = [field.name for field in dataclasses.fields(Tally)]
    stacked = Tally(**{f: np.array([[getattr(t, f) for t in row] for row in tables]) for f in fields})
    expected = np.array([[float(metric.score(t)) for t in row] for row in tables])
    np.testing.assert_array_equal(metric.score(stacked), expected)


@pytest.mark.parametrize("name", ["auroc_ovr", "average_precision"])
def test_ranking_does_many_weights_at_once(name, draw):
    rng = np.random.default_rng(2)
    y_true, y_prob = draw(rng, 50, 4)
    y_prob = y_prob.round(1)
    weights = rng.integers(0, 3, (50, 7)).astype(float)
    metric = METRICS.get(name)
    one_by_one = [metric.score(y_true, y_prob, weights[:, [b]])[0] for b in range(7)]
    np.testing.assert_allclose(metric.score(y_true, y_prob, weights), one_by_one, rtol=1e-13)


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "auroc_ovr", "average_precision"])
def test_macro_metrics_are_averages_over_the_classes_that_occur(name, draw, build):
    """Recomputed class by class, one against the rest."""
    y_true, y_prob = draw(np.random.default_rng(3), 200, 5)
    y_true[y_true == 2] = 4
    sample = build(y_true, y_prob=y_prob)
    metric = METRICS.get(name)

    def one(c):
        if metric.kind == "counts":
            return float(metric.score(sample.tally().take(np.array([c]))))
        return float(metric.score(np.where(y_true == c, 0, -1), y_prob[:, [c]], np.ones((200, 1)))[0])

    assert score(metric, sample) == pytest.approx(np.mean([one(c) for c in (0, 1, 3, 4)]), rel=1e-12)
    assert np.isnan(one(2))
