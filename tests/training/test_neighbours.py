"""Neighbours among the training images: by hand, and as predict asks them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dermbench.artifacts import write_dataset
from dermbench.errors import UsageError
from dermbench.training import candidates, predict
from dermbench.training.features import compute_features
from dermbench.training.loading import load_run
from dermbench.training.neighbours import SHARE, WIDTH, Bank
from dermbench.training.pixels import load_samples

FOUR = Bank.of(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([0, 1, 2, 2]), 4)


def test_by_hand():
    asked = np.array([[3.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_array_equal(FOUR.probabilities(asked, 1), [[1, 0, 0, 0], [0, 1, 0, 0]])
    far = np.exp(-1 / WIDTH)  # at a right angle
    expected = np.array([1, 0, 2 * far, 0]) / (1 + 2 * far)
    np.testing.assert_allclose(FOUR.probabilities(asked[:1], 3)[0], expected, rtol=1e-12)
    opposite = np.exp(-2 / WIDTH)
    for number in (4, 99):  # no more than there are
        expected = np.array([1, opposite, 2 * far, 0]) / (1 + opposite + 2 * far)
        np.testing.assert_allclose(FOUR.probabilities(asked[:1], number)[0], expected, rtol=1e-12)


def test_an_image_like_none_takes_the_first():
    np.testing.assert_array_equal(FOUR.probabilities(np.zeros((1, 2)), 2), [[0.5, 0.5, 0, 0]])


def test_the_mixture():
    prob = np.array([[0.1, 0.2, 0.3, 0.4]])
    expected = (1 - SHARE) * prob + SHARE * np.array([[0, 1, 0, 0]])
    np.testing.assert_allclose(FOUR.blended(prob, np.array([[-1.0, 0.0]]), 1), expected)


@given(
    arrays.arrays(np.float64, (7, 3), elements=st.floats(-5, 5)),
    arrays.arrays(np.float64, (4, 3), elements=st.floats(-5, 5)),
    st.integers(1, 9),
    st.floats(0.1, 10),
)
def test_shares_are_shares_whatever_the_scale(bank, asked, number, scale):
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    found = Bank.of(bank, labels, 3).probabilities(asked, number)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    order = np.array([2, 0, 1])
    again = Bank.of(bank, order[labels], 3).probabilities(asked, number)
    np.testing.assert_allclose(again[:, order], found)  # what a class is called does not matter
    assert Bank.of(bank * scale, labels, 3).probabilities(asked * scale, number).shape == found.shape


def test_predict_mixes_them_in(finished_run, shared_dataset, tmp_path):
    network, config, classes, runtime = load_run(finished_run, shared_dataset)
    features, labels = {}, {}
    for split in ("train", "test"):
        samples = load_samples(shared_dataset, split, config.cached_side)
        features[split] = compute_features(network, samples, config, runtime)
        labels[split] = samples.labels
    plain = predict(finished_run, shared_dataset)
    order = np.argsort(load_samples(shared_dataset, "test", config.cached_side).image_id.astype(str))
    bank = Bank.of(features["train"], labels["train"], len(classes))
    expected = bank.blended(plain.y_prob, features["test"][order], 5)
    out = tmp_path / "near.parquet"
    found = predict(finished_run, shared_dataset, neighbours=5, out=out)
    np.testing.assert_allclose(found.y_prob, expected, atol=1e-6)
    assert np.abs(found.y_prob - plain.y_prob).max() > 0.01
    about = json.loads((tmp_path / "near.parquet.predict.json").read_text())
    assert about["neighbours"] == {"number": 5, "share": SHARE, "width": WIDTH}
    views = predict(finished_run, shared_dataset, neighbours=5, tta="mirror", calibrate=True)
    assert views.y_prob.shape == found.y_prob.shape


def test_the_order_of_classes_does_not_matter(finished_run, shared_dataset, tmp_path):
    shutil.copytree(shared_dataset.root, tmp_path / "other")
    info = shared_dataset.info.model_copy(update={"classes": tuple(reversed(shared_dataset.classes))})
    other = write_dataset(tmp_path / "other", info, shared_dataset.manifest)
    assert other.info.digest == shared_dataset.info.digest
    found = predict(finished_run, other, neighbours=3)
    same = predict(finished_run, shared_dataset, neighbours=3)
    columns = [found.classes.index(name) for name in same.classes]
    np.testing.assert_allclose(found.y_prob[:, columns], same.y_prob, atol=1e-9)


def test_another_dataset_is_refused(finished_run, make_dataset, tmp_path):
    with pytest.raises(UsageError, match="its training images are not here"):
        predict(finished_run, make_dataset(tmp_path / "data", per_class=(7, 4, 3)), neighbours=3)


def test_runs_on_folds_ask_what_they_were_trained_on(shared_dataset, tmp_path, run, monkeypatch):
    runs = []
    for fold in range(2):
        runs.append(tmp_path / f"f{fold}")
        run(shared_dataset, runs[-1], "epochs=0", "probe_l2=0.1", "folds=2", f"fold={fold}", "selection=last")
    asked, kept = [], candidates._bank

    def noted(*words):
        asked.append({*words[-1].part("train")["image_id"]})
        return kept(*words)

    monkeypatch.setattr(candidates, "_bank", noted)
    plain = predict(runs, shared_dataset, split="held-out")
    found = predict(runs, shared_dataset, split="held-out", neighbours=1)
    shift = (found.y_prob - (1 - SHARE) * plain.y_prob) / SHARE  # one neighbour: one class
    np.testing.assert_allclose(np.sort(shift, axis=1), [[0, 0, 1]] * len(found), atol=1e-6)
    predict(runs, shared_dataset, neighbours=1)
    assert asked[:2] == asked[2:]  # the same for test
    assert not asked[0] & asked[1]
    assert asked[0] | asked[1] == {*found.image_id}


@pytest.mark.parametrize("name", ["plugin:thing", "timm:resnet18", "model.onnx", "predictions.parquet"])
def test_only_runs_have_neighbours(shared_dataset, name):
    with pytest.raises(UsageError, match="neighbours are the training images of a run"):
        predict(name, shared_dataset, neighbours=3)


@pytest.mark.parametrize("split", ["train", "train+val"])
def test_no_image_is_its_own_neighbour(finished_run, shared_dataset, split):
    with pytest.raises(UsageError, match="would be its own neighbour"):
        predict(finished_run, shared_dataset, split=split, neighbours=3)
