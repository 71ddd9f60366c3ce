"""Error rates of labellings: the published example, and a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dermbench.evaluation.skin_error.error_model import Patterns, fit

# Dawid & Skene (1979), table 1: ratings of 45 patients, three by the first anaesthetist, one by each other one.
RATINGS = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212
1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111
1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111
2322222 1211111 2222222
"""


def test_rates_of_the_published_ratings_are_those_of_crowd_kit():
    # the first rating of each anaesthetist; values of DawidSkene(n_iter=5000, tol=0) of crowd-kit 1.4.2
    labels = np.array([[int(row[k]) - 1 for k in (0, 3, 4, 5, 6)] for row in RATINGS.split()])
    patterns = Patterns(labels, np.zeros(45, dtype=np.intp), 4, 1)
    found = fit(patterns, np.ones((1, 45)), alike=False, smooth=0.0)
    assert found.shares[0, :, 0] == pytest.approx([0.39996, 0.41261, 0.12076, 0.06667], abs=1e-4)
    second = [[0.83335, 0.16665, 0, 0], [0.05391, 0.64632, 0.29976, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert found.errors[0, 1] == pytest.approx(np.array(second), abs=1e-4)
    assert found.types[0].argmax(axis=0)[[1, 2, 7, 35, 38]].tolist() == [3, 1, 2, 3, 2]


def test_two_labellings_have_one_rate_of_errors_by_one_type():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 6, 20_000)

    def labelled():
        step = rng.choice([-1, 1], len(true)) * (rng.random(len(true)) < 0.25)
        moved = true + step
        return np.where((moved < 0) | (moved > 5), true - step, moved)

    labels = np.column_stack([labelled(), labelled()])
    distinct, counts = np.unique(labels, axis=0, return_counts=True)
    patterns = Patterns(distinct, np.zeros(len(distinct), dtype=np.intp), 6, 1)
    found = fit(patterns, counts[None].astype(float), alike=True, smooth=0.0)
    table = found.errors[0, 0]
    assert table[2, 2] == pytest.approx(0.75, abs=0.01)
    assert table[0, 1] == pytest.approx(0.25, abs=0.01)
    assert table[2, 1] == table[2, 3] == pytest.approx(0.125, abs=0.01)
    assert (found.errors[0, 0] == found.errors[0, 1]).all()
    assert table.sum(axis=1) == pytest.approx(np.ones(6))


def test_labels_that_always_agree_are_the_types():
    labels = np.repeat(np.arange(6), 2).reshape(6, 2)
    patterns = Patterns(labels, np.zeros(6, dtype=np.intp), 6, 1)
    found = fit(patterns, np.full((1, 6), 20.0), alike=True, smooth=0.0)
    assert found.types[0] == pytest.approx(np.eye(6), abs=1e-3)
    assert found.errors[0, 0] == pytest.approx(np.eye(6), abs=1e-3)


def test_a_missing_label_says_nothing():
    # one labelling only: types are what it says, and where it is missing, the shares of the class
    patterns = Patterns(np.array([[0, -1], [1, -1], [-1, -1]]), np.zeros(3, dtype=np.intp), 2, 1)
    found = fit(patterns, np.array([[30.0, 10.0, 40.0]]), alike=False, smooth=0.0)
    assert found.types[0, :, 2] == pytest.approx([0.75, 0.25])
    assert found.shares[0, :, 0] == pytest.approx([0.75, 0.25])


def test_shares_of_a_class_are_drawn_to_those_of_all_images():
    patterns = Patterns(np.array([[0, 0], [1, 1]]), np.array([0, 1]), 2, 2)
    found = fit(patterns, np.array([[30.0, 10.0]]), alike=False, smooth=10.0)
    assert found.shares[0, :, 0] == pytest.approx([37.5 / 40, 2.5 / 40])
    assert found.shares[0, :, 1] == pytest.approx([7.5 / 20, 12.5 / 20])
