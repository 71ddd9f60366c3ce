from __future__ import annotations

import numpy as np
import pytest

from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import Grouping, group_tally
from dermbench.evaluation.core.sample import Sample, eligible_classes, too_few_eligible


def test_lengths_and_class_indices_are_checked():
    codes = np.array([0, 1])
    with pytest.raises(UsageError, match="y_pred has 1 rows, y_true has 2"):
        Sample(codes, codes[:1], 2)
    with pytest.raises(UsageError, match=r"y_true holds class indices outside of 0\.\.0"):
        Sample(codes, np.zeros(2, dtype=int), 1)
    with pytest.raises(UsageError, match="group codes outside"):
        Grouping("sex", np.array([2]), ("f", "m"))
    with pytest.raises(UsageError, match="same name"):
        Grouping("sex", np.array([0]), ("f", "f"))


def test_known_drops_absent_groups_and_keeps_unknown():
    grouping = Grouping("fst", np.array([4, -1, 0, 4]), ("I", "II", "III", "IV", "V"))
    known = grouping.known()
    assert known.names == ("I", "V")
    assert known.codes.tolist() == [1, -1, 0, 1]
    assert grouping.with_unknown().names == ("I", "V", "unknown")
    assert grouping.with_unknown().codes.tolist() == [1, 2, 0, 1]


def test_group_tally_leaves_unknown_out():
    sample = Sample(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    tally = group_tally(sample, Grouping("sex", np.array([0, 0, -1, 1]), ("f", "m")))
    assert tally.support.tolist() == [[2, 0], [0, 1]]
    assert tally.predicted.tolist() == [[1, 1], [0, 1]]
    assert tally.correct.tolist() == [[1, 0], [0, 1]]


def test_eligible_classes_need_their_cases_in_every_group():
    support = np.array([[10, 50, 9], [12, 10, 500]])
    assert eligible_classes(support).tolist() == [0, 1]


def test_units_are_renumbered_without_gaps():
    sample = Sample(np.zeros(3, int), np.zeros(3, int), 2, unit=np.array([7, 3, 7]))
    assert sample.units.tolist() == [1, 0, 1]
    assert sample.n_units == 2
    assert sample.clustered


def test_a_collapsed_view_keeps_the_original_classes():
    y_prob = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    sample = Sample(
        np.array([2, 0, 1]),
        y_prob.argmax(axis=1),
        3,
        unit=np.array([0, 0, 1]),
        y_prob=y_prob,
        positive=(False, True, True),
    )
    seen = sample.view("positive")
    assert seen is sample.view("positive")
    assert seen.y_true.tolist() == [1, 0, 1]
    assert seen.y_pred.tolist() == [1, 0, 1]
    np.testing.assert_allclose(seen.y_prob[:, 1], [0.8, 0.4, 0.9])
    assert seen.stratum.tolist() == [2, 0, 1]
    assert seen.take(np.array([2])).stratum.tolist() == [1]
    assert seen.units.tolist() == [0, 0, 1]
    assert sample.view("classes") is sample
    assert sample.stratum is sample.y_true


def test_a_view_needs_to_know_which_classes_are_positive():
    sample = Sample(np.zeros(2, dtype=int), np.zeros(2, dtype=int), 2)
    with pytest.raises(UsageError, match="does not say which classes are positive"):
        sample.view("positive")


@pytest.mark.parametrize(("n", "enough"), [(0, "0 classes have"), (1, "1 class has")])
def test_too_few_eligible_classes_are_counted_in_words(n, enough):
    assert too_few_eligible(n) == f"not estimable: {enough} 10 true cases in every group, needed are 2"
