from __future__ import annotations

import numpy as np
import pytest
from making import make_groups, make_sample

from dermbench.evaluation.core.metric import tally
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.resample import Cells, as_tally, replicate, sum_cells, tally_cells


@pytest.mark.parametrize("units", [None, 90])
def test_cells_add_up_to_the_tallies_of_the_data(units):
    sample = make_sample(units=units)
    grouping = make_groups(sample, unknown=0.2)
    cells = tally_cells(sample, grouping.codes, 3, steps=True)
    found = as_tally(cells.totals()[:, None], 4, steps=True)
    for group in range(3):
        rows = grouping.codes == group
        direct = tally(sample.y_true[rows], sample.y_pred[rows], 4)
        for name in ("support", "predicted", "correct", "linear", "quadratic"):
            np.testing.assert_array_equal(getattr(found, name)[0, group], getattr(direct, name))


def test_a_clustered_resample_is_a_weighted_tally():
    """The matrix product equals counting rows with the weight of their unit."""
    sample = make_sample(units=90)
    cells = tally_cells(sample, np.zeros(len(sample), int), 1)
    weights = cells.drawer.draw(5, np.random.default_rng(3))
    found = as_tally(cells.matrix @ weights, 4, steps=False)
    for i in range(5):
        direct = tally(sample.y_true, sample.y_pred, 4, weights=weights[sample.units, i].astype(float))
        np.testing.assert_array_equal(found.predicted[i, 0], direct.predicted)
        np.testing.assert_array_equal(found.correct[i, 0], direct.correct)


def test_models_share_their_draws():
    """Two copies of one model have equal replicates; the difference of two models is a paired one."""
    sample = make_sample()
    models = [sample.y_pred, sample.y_true, sample.y_pred]
    cells = tally_cells(sample, np.zeros(len(sample), int), 1, models=models)

    def accuracies(sums):
        found = as_tally(sums, 4, steps=False)
        return (found.correct.sum(axis=-1) / found.total).reshape(-1, 3)

    values = replicate(cells, accuracies, Plan(n_resamples=50), stream="x").T
    np.testing.assert_array_equal(values[:, 0], values[:, 2])
    assert (values[:, 1] == 1).all()


def test_sums_of_values():
    sample = make_sample(units=90)
    values = np.random.default_rng(0).random((2, len(sample)))
    codes = make_groups(sample, unknown=0.3).codes
    totals = sum_cells(sample, codes, 3, values).totals().reshape(3, 3)
    for group in range(3):
        assert totals[group, 0] == (codes == group).sum()
        assert totals[group, 1:] == pytest.approx(values[:, codes == group].sum(axis=1))


def test_block_follows_from_the_data_alone():
    sample = make_sample()
    cells = tally_cells(sample, np.zeros(len(sample), int), 1)
    assert isinstance(cells, Cells)
    assert 16 <= cells.block <= 1024
