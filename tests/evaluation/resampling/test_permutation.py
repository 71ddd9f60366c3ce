from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from making import make_groups, make_sample

from dermbench.evaluation.core.groups import Grouping, group_tally
from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.group_sums import class_residuals, drawn_sums, permuted_tallies
from dermbench.evaluation.resampling.permutation import LabelledSums
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.strata import elements


def labelled_tally(sample, labels, *, steps=False):
    """Tallies of three groups under the labels of all images, shape (size, n_samples)."""
    parts = elements(sample, labels[0])
    placed = np.empty_like(labels)
    placed[:, parts.place[parts.of_row]] = labels
    return LabelledSums.of(sample, parts, 3, steps=steps).at(placed.T)


def test_labels_stay_within_their_true_class():
    sample = make_sample(100)
    codes = make_groups(sample).codes
    labels = elements(sample, codes).row_labels(0, 0, 20).T
    for c in range(4):
        inside = sample.y_true == c
        assert (np.sort(labels[:, inside]) == np.sort(codes[inside])).all()
    assert (labels != codes).any()


def test_free_permutation_keeps_only_group_sizes():
    sample = make_sample(100)
    codes = make_groups(sample).codes
    labels = elements(sample, codes, within_class=False).row_labels(0, 0, 20).T
    assert (np.sort(labels) == np.sort(codes)).all()
    counts = [np.bincount(row[sample.y_true == 0], minlength=3) for row in labels]
    assert len({tuple(c) for c in counts}) > 1


def test_units_move_as_a_whole():
    sample = make_sample(200, units=70)
    labels = elements(sample, make_groups(sample).codes).row_labels(0, 0, 10).T
    for unit in range(sample.n_units):
        assert (labels[:, sample.units == unit] == labels[:, [np.argmax(sample.units == unit)]]).all()


def test_images_of_a_mixed_unit_move_within_unit_and_class():
    y_true = np.array([0, 0, 1, 1] * 20)
    sample = Sample(y_true, y_true, 2, unit=np.repeat(np.arange(20), 4))
    codes = np.tile([0, 1, 0, 0], 20)
    parts = elements(sample, codes)
    labels = parts.row_labels(0, 0, 50).T
    assert (labels[:, y_true == 1] == 0).all()
    pairs = labels[:, y_true == 0].reshape(50, 20, 2)
    assert (pairs.sum(axis=2) == 1).all()
    assert 0 < pairs[..., 0].mean() < 1


def test_common_compositions_form_their_own_stratum():
    """Patients with two melanomas exchange among themselves, odd ones by their majority class."""
    classes = [[0, 0]] * 12 + [[0, 1]] * 12 + [[1, 1, 0]] * 2
    y_true = np.concatenate(classes)
    unit = np.repeat(np.arange(26), [len(c) for c in classes])
    parts = elements(Sample(y_true, y_true, 2, unit=unit), unit % 2)
    strata = [set(parts.stratum[a:b].tolist()) for a, b in ((0, 12), (12, 24), (24, 26))]
    assert all(len(s) == 1 for s in strata)
    assert len(set.union(*strata)) == 3
    assert strata[2] == {1}


def test_labelled_tally_of_the_observed_labels_is_the_group_tally():
    sample = make_sample(100)
    grouping = make_groups(sample)
    found = labelled_tally(sample, grouping.codes[None, :], steps=True)
    expected = group_tally(sample, grouping)
    for name in ("support", "predicted", "correct"):
        np.testing.assert_array_equal(getattr(found, name)[0], getattr(expected, name))
    assert found.linear.sum() == np.abs(sample.y_true - sample.y_pred).sum()


def test_cells_have_the_law_of_permuted_rows():
    """Hypergeometric counts against every permutation of six images of one class."""
    y_pred = np.array([0, 0, 1, 1, 1, 2])
    labels = np.array(list(set(permutations([0, 0, 1, 2, 2, 2]))))
    sample = Sample(np.zeros(6, int), y_pred, 3)
    exact = labelled_tally(sample, labels)
    parts = elements(sample, np.array([0, 0, 1, 2, 2, 2]))
    residuals = class_residuals(sample, parts.label, 3, np.empty((0, 6)))
    blocks = drawn_sums(sample, parts, residuals, np.empty((3, 0)), Plan(0, 40_000), stream="a", steps=True)
    tallies = [sums.tallies[0] for sums in blocks]
    names = ("support", "predicted", "correct", "linear", "quadratic")
    drawn = Tally(*(np.concatenate([getattr(tally, name) for tally in tallies]) for name in names))

    def law(tally):
        keys, counts = np.unique(tally.predicted.reshape(len(tally.predicted), -1), axis=0, return_counts=True)
        return dict(zip(map(tuple, keys.tolist()), counts / counts.sum(), strict=True))

    expected, found = law(exact), law(drawn)
    assert set(found) == set(expected)
    assert max(abs(found[k] - expected[k]) for k in expected) < 0.01
    assert (drawn.correct == drawn.predicted * np.array([1, 0, 0])).all()
    assert (drawn.quadratic.sum(axis=1) == 3 * 1 + 4).all()


def test_rows_and_cells_give_the_same_null(monkeypatch):
    import dermbench.evaluation.disparity.group_sums as module

    sample = make_sample(400)
    codes = make_groups(sample).codes
    parts = elements(sample, codes)

    def spread(tally):
        return tally.correct.sum(axis=-1) / tally.total

    def null():
        made = permuted_tallies(sample, parts, 3, Plan(n_resamples=4_000), stream="a")
        return np.concatenate([spread(tally) for tally in made])

    rows = null()
    monkeypatch.setattr(module, "prefer_cells", lambda *_: True)
    cells = null()
    assert rows.mean(axis=0) == pytest.approx(cells.mean(axis=0), abs=0.003)
    assert np.cov(rows.T) == pytest.approx(np.cov(cells.T), rel=0.2, abs=1e-5)


def test_huge_samples_get_fewer_permutations(monkeypatch):
    import dermbench.evaluation.disparity.group_sums as module

    monkeypatch.setattr(module, "BUDGET", 1.0)
    sample = make_sample(50)
    parts = elements(sample, make_groups(sample).codes)
    found = permuted_tallies(sample, parts, 3, Plan(), stream="x")
    assert sum(len(tally.total) for tally in found) == 999


def test_a_group_of_everyone_cannot_move():
    sample = make_sample(50)
    assert (elements(sample, np.zeros(50, int)).row_labels(0, 0, 10) == 0).all()
    assert Grouping("one", np.zeros(50, int), ("a",)).known().names == ("a",)


@pytest.mark.parametrize("loop", [64, 0])
def test_places_are_permuted_evenly_within_strata(monkeypatch, loop):
    """All 24 orders of a stratum of four are as likely, by either way of sorting; nothing leaves its stratum."""
    import dermbench.evaluation.resampling.strata as module

    monkeypatch.setattr(module, "LOOP", loop)
    places = module.permuted_places(1, (4, 1, 3), 0, 24_000).astype(int)
    assert (np.sort(places[:4], axis=0) == np.arange(4)[:, None]).all()
    assert (places[4] == 4).all()
    assert (np.sort(places[5:], axis=0) == np.arange(5, 8)[:, None]).all()
    counts = np.unique(places[:4].T, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert np.abs(counts - 1_000).max() < 5 * np.sqrt(1_000)


def test_features_with_the_same_strata_share_their_permutations():
    """A band is permuted as the skin types that it is made of."""
    sample = make_sample(200)
    fine = make_groups(sample).codes
    coarse = np.array([0, 0, 1])[fine]
    labels = elements(sample, fine).row_labels(5, 0, 30)
    np.testing.assert_array_equal(elements(sample, coarse).row_labels(5, 0, 30), np.array([0, 0, 1])[labels])


def test_group_labels_move_within_the_original_class_of_a_collapsed_view():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 4, 200)
    sample = Sample(y_true, rng.integers(0, 4, 200), 4, positive=(False, True, True, False))
    codes = rng.integers(0, 3, 200)
    parts = elements(sample.view("positive"), codes)
    labels = parts.row_labels(0, 0, 5)
    for permuted in labels.T:
        for c in range(4):
            np.testing.assert_array_equal(np.sort(permuted[y_true == c]), np.sort(codes[y_true == c]))
