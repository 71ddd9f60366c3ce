from __future__ import annotations

import numpy as np
import pytest
from making import make_sample
from scipy import stats

from dermbench.evaluation.intervals.bca import bca_limits
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.metrics.counts import macro_f1
from dermbench.evaluation.resampling.jackknife import acceleration, jackknife
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.resample import as_tally, tally_cells


def test_limits_agree_with_scipy_on_a_skewed_mean():
    pytest.importorskip("scipy", minversion="1.15", reason="the reference has taken a generator as rng since 1.15")
    rng = np.random.default_rng(0)
    data = rng.exponential(size=40)
    reference = stats.bootstrap((data,), np.mean, n_resamples=9_999, method="BCa", rng=np.random.default_rng(1))
    replicates = np.sort(reference.bootstrap_distribution)
    left_out = (data.sum() - data) / 39
    low, high, method = bca_limits(
        data.mean(), replicates, acceleration(left_out, np.ones(40, int)), z=stats.norm.ppf(0.975)
    )
    assert method == "BCa"
    assert (low, high) == pytest.approx(tuple(reference.confidence_interval), abs=2e-3)


@pytest.mark.parametrize("units", [None, 60])
def test_jackknife_equals_leaving_each_unit_out(units):
    sample = make_sample(120, units=units)
    cells = tally_cells(sample, np.zeros(120, int), 1)

    def score(sums):
        return macro_f1(as_tally(sums, 4, steps=False))[:, 0]

    values, counts = jackknife(cells, np.arange(cells.matrix.shape[0]), score)
    direct = []
    for unit in range(sample.n_units):
        part = sample.take(sample.units != unit)
        alone = tally_cells(part, np.zeros(len(part), int), 1)
        direct.append(float(score(alone.totals()[:, None])[0]))
    np.testing.assert_allclose(np.sort(np.repeat(values, counts)), np.sort(direct), rtol=1e-12)


def test_percentile_where_the_bias_is_undefined():
    replicates = np.linspace(0.0, 0.4, 1000)
    assert bca_limits(0.9, replicates, 0.01, z=1.96)[2] == "percentile"
    assert bca_limits(0.2, replicates, float("nan"), z=1.96)[2] == "percentile"


def test_no_acceleration_where_no_unit_matters():
    assert np.isnan(acceleration(np.ones(5), np.ones(5, int)))


def test_matches_sklearn_resampling_loop(metric):
    """The vectorised bootstrap has the law of the plain one: same spread of macro-F1."""
    from sklearn.metrics import f1_score

    sample = make_sample(200)
    rng = np.random.default_rng(0)
    plain = []
    for _ in range(600):
        rows = rng.integers(0, 200, 200)
        plain.append(
            f1_score(sample.y_true[rows], sample.y_pred[rows], average="macro", labels=range(4), zero_division=0)
        )
    ours = estimates(sample, [metric("macro_f1")], None, Plan(n_resamples=4_000))[None, "macro_f1"]
    assert ours.se == pytest.approx(np.std(plain), rel=0.1)
