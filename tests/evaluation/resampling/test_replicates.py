"""Replicates in a file are those in memory, and everything that rests on them."""

from __future__ import annotations

import numpy as np
import pytest
from making import make_groups, make_sample

from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.intervals.every_metric import intervals
from dermbench.evaluation.resampling import replicates as columns
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.replicates import Columns

BLOCKS = [np.arange(24.0).reshape(4, 2, 3), 100 + np.arange(12.0).reshape(2, 2, 3)]


@pytest.mark.parametrize("most", [0, 2**22])
def test_columns_are_those_of_the_blocks(monkeypatch, most):
    monkeypatch.setattr(columns, "IN_MEMORY", most)
    found, whole = Columns.of(iter(BLOCKS), 6), np.concatenate(BLOCKS)
    assert (found.file is None) == (most > 0)
    assert (len(found), found.shape) == (6, (2, 3))
    np.testing.assert_array_equal(found.array(), whole)
    np.testing.assert_array_equal(found.at(1, 2), whole[:, 1, 2])
    np.testing.assert_array_equal(found.at(0, 1), whole[:, 0, 1])


@pytest.mark.parametrize("most", [0, 2**22])
def test_a_single_number_a_replicate(monkeypatch, most):
    monkeypatch.setattr(columns, "IN_MEMORY", most)
    found = Columns.of(iter([np.array([1.0, 2.0]), np.array([3.0])]), 3)
    np.testing.assert_array_equal(found.at(), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(found.array(), [1.0, 2.0, 3.0])


def test_reports_do_not_depend_on_where_replicates_wait(monkeypatch):
    sample = make_sample(150, 2, probabilities=True)  # of two classes, so that ranking metrics have a gap
    groups = make_groups(sample)
    metrics = [METRICS.get(name) for name in ("macro_f1", "cohen_kappa", "log_loss", "average_precision")]

    def both():
        tests = gap_tests(sample, groups, metrics, Plan(0, 199)).values()
        largest = [(test.gap, test.permuted.tolist()) for test in tests]
        return repr((intervals(sample, metrics, groups, n_resamples=199), largest))

    kept = both()
    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    assert both() == kept
