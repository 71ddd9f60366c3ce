"""Neighbours among the training images: by hand, and as predict asks them."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dermbench.artifacts import write_dataset
from dermbench.errors import UsageError
from dermbench.training import predict
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.features import compute_features
from dermbench.training.predicting.neighbours import SHARE, WIDTH, Bank
from dermbench.training.predicting.run_loading import load_run

IDS = np.array(["a", "b", "c", "d", "e", "f", "g"], dtype=object)
FOUR = Bank.of(IDS[:4], np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([0, 1, 2, 2]), 4)
NEW = np.array(["x", "y", "z", "u"], dtype=object)


def test_by_hand():
    asked = np.array([[3.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_array_equal(FOUR.probabilities(NEW[:2], asked, 1), [[1, 0, 0, 0], [0, 1, 0, 0]])
    far = np.exp(-1 / WIDTH)  # at a right angle
    expected = np.array([1, 0, 2 * far, 0]) / (1 + 2 * far)
    np.testing.assert_allclose(FOUR.probabilities(NEW[:1], asked[:1], 3)[0], expected, rtol=1e-12)
    opposite = np.exp(-2 / WIDTH)
    for number in (4, 99):  # no more than there are
        expected = np.array([1, opposite, 2 * far, 0]) / (1 + opposite + 2 * far)
        np.testing.assert_allclose(FOUR.probabilities(NEW[:1], asked[:1], number)[0], expected, rtol=1e-12)


def test_an_image_like_none_takes_all_alike():
    np.testing.assert_array_equal(FOUR.probabilities(NEW[:1], np.zeros((1, 2)), 4), [[0.25, 0.25, 0.5, 0]])


def test_no_image_is_its_own_neighbour():
    asked = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = FOUR.probabilities(np.array(["a", "c", "x"], dtype=object), asked, 1)
    np.testing.assert_array_equal(found, [[0, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    whole = FOUR.probabilities(np.array(["a"], dtype=object), asked[:1], 99)
    assert whole[0, 0] == 0


def test_the_mixture():
    prob = np.array([[0.1, 0.2, 0.3, 0.4]])
    expected = (1 - SHARE) * prob + SHARE * np.array([[0, 1, 0, 0]])
    np.testing.assert_allclose(FOUR.blended(prob, NEW[:1], np.array([[-1.0, 0.0]]), 1), expected)


@given(
    arrays.arrays(np.float64, (7, 3), elements=st.integers(-50, 50).map(float)),
    arrays.arrays(np.float64, (4, 3), elements=st.integers(-50, 50).map(float)),
    st.integers(1, 9),
    st.sampled_from((0.25, 2.0, 1024.0)),  # exact in binary: no tie is broken otherwise
)
def test_shares_are_shares_whatever_the_scale(bank, asked, number, scale):
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    found = Bank.of(IDS, bank, labels, 3).probabilities(NEW, asked, number)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    order = np.array([2, 0, 1])
    again = Bank.of(IDS, bank, order[labels], 3).probabilities(NEW, asked, number)
    np.testing.assert_allclose(again[:, order], found)  # what a class is called does not matter
    scaled = Bank.of(IDS, bank * scale, labels, 3).probabilities(NEW, asked * scale, number)
    np.testing.assert_allclose(scaled, found, rtol=1e-9)


def test_predict_mixes_them_in(finished_run, shared_dataset, tmp_path):
    network, config, classes, runtime = load_run(finished_run, shared_dataset)
    samples = {
        split: load_samples(shared_dataset, split, config.cached_side) for split in ("train", "val", "test")
    }
    features = {split: compute_features(network, part, config, runtime) for split, part in samples.items()}
    plain, known = predict(finished_run, shared_dataset), ("train", "val")
    order = np.argsort(samples["test"].image_id.astype(str))
    bank = Bank.of(
        np.concatenate([samples[split].image_id for split in known]),
        np.concatenate([features[split] for split in known]),
        np.concatenate([samples[split].labels for split in known]),
        len(classes),
    )
    expected = bank.blended(plain.y_prob, plain.image_id, features["test"][order], 5)
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
    with pytest.raises(UsageError, match="its train and val are not in"):
        predict(finished_run, make_dataset(tmp_path / "data", per_class=(7, 4, 3)), neighbours=3)


def test_runs_on_folds_ask_all_others(shared_dataset, tmp_path, run, monkeypatch):
    runs = []
    for fold in range(2):
        runs.append(tmp_path / f"f{fold}")
        run(shared_dataset, runs[-1], "epochs=0", "probe_l2=0.1", "folds=2", f"fold={fold}", "selection=last")
    asked, kept = [], Bank.probabilities

    def noted(bank, image_id, *words):
        asked.append(({*bank.image_id}, {*image_id}))
        return kept(bank, image_id, *words)

    monkeypatch.setattr(Bank, "probabilities", noted)
    plain = predict(runs, shared_dataset, split="held-out")
    found = predict(runs, shared_dataset, split="held-out", neighbours=1)
    shift = (found.y_prob - (1 - SHARE) * plain.y_prob) / SHARE  # one neighbour: one class
    np.testing.assert_allclose(np.sort(shift, axis=1), [[0, 0, 1]] * len(found), atol=1e-6)
    predict(runs, shared_dataset, neighbours=1)
    banks, images = zip(*asked, strict=True)
    assert all(bank == {*found.image_id} for bank in banks)
    assert images[0] | images[1] == banks[0]
    assert not images[0] & images[1]
    assert images[2] == images[3] == {*shared_dataset.part("test")["image_id"]}


def test_the_labels_of_an_image_do_not_reach_its_own_prediction(finished_run, shared_dataset):
    before = predict(finished_run, shared_dataset, split="val", neighbours=4)
    rows = shared_dataset.manifest.copy()
    image = rows.loc[rows["split"] == "val", "image_id"].iloc[0]
    rows.loc[rows["image_id"] == image, "label"] = shared_dataset.classes[2]
    changed = dataclasses.replace(shared_dataset, manifest=rows)
    after = predict(finished_run, changed, split="val", neighbours=4)
    own = before.image_id == image
    np.testing.assert_array_equal(before.y_prob[own], after.y_prob[own])


@pytest.mark.parametrize("name", ["hf-hub:some/thing", "timm:resnet18", "model.onnx", "predictions.parquet"])
def test_only_runs_have_neighbours(shared_dataset, name):
    with pytest.raises(UsageError, match="--neighbours is given, but"):
        predict(name, shared_dataset, neighbours=3)


def test_a_mean_has_neighbours_only_where_all_have_them(finished_run, shared_dataset, tmp_path):
    predict(finished_run, shared_dataset, out=tmp_path / "own.parquet")
    with pytest.raises(UsageError, match=r"--neighbours is given, but .*own\.parquet does not take it"):
        predict([finished_run, tmp_path / "own.parquet"], shared_dataset, neighbours=3)


def test_a_control_keeps_its_labels_shuffled(shared_dataset, tmp_path, run):
    run(shared_dataset, tmp_path / "run", "epochs=0", "probe_l2=0.1", "labels=shuffled")
    with pytest.raises(UsageError, match="is a control"):
        predict(tmp_path / "run", shared_dataset, neighbours=3)


def test_what_is_no_run_is_told_as_ever(shared_dataset, tmp_path):
    with pytest.raises(UsageError, match="not a run folder"):
        predict(tmp_path / "none", shared_dataset, neighbours=3)


def test_fewer_than_none_are_refused(finished_run, shared_dataset):
    with pytest.raises(UsageError, match="--neighbours -1 is negative"):
        predict(finished_run, shared_dataset, neighbours=-1)
