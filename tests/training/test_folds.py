"""Folds of train and val: what is held out, by whom it is predicted, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dermbench.artifacts import Dataset, DatasetInfo, read_predictions, write_dataset
from dermbench.artifacts.records import validated
from dermbench.artifacts.splitting import fold_codes
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.training import export, predict
from dermbench.training.data.folds import POOL, FoldedData
from dermbench.training.data.pixels import load_samples
from dermbench.training.data.training_data import TrainingData
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.predictor import Request
from dermbench.training.predicting.registry import find_predictor
from dermbench.training.predicting.temperature import fit_temperature

FOLDS = 3
GOLDEN = [2, 2, 2, 1, 0, 2, 2, 1, 0, 2, 1, 0]


@pytest.fixture(scope="module")
def runs(shared_dataset, tmp_path_factory, run):
    """One run a fold."""
    folder = tmp_path_factory.mktemp("folds")
    for fold in range(FOLDS):
        run(shared_dataset, folder / f"f{fold}", f"folds={FOLDS}", f"fold={fold}", "epochs=0", "probe_l2=0.1")
    return [folder / f"f{fold}" for fold in range(FOLDS)]


def unseen(dataset, fold):
    return FoldedData.cut(dataset, FOLDS, fold).part("val")["image_id"]


def test_each_image_but_those_of_test_is_held_out_once(shared_dataset):
    held_out = [image for fold in range(FOLDS) for image in unseen(shared_dataset, fold)]
    assert sorted(held_out) == sorted(shared_dataset.part(POOL)["image_id"])
    assert len(held_out) == 36
    for fold in range(FOLDS):
        data = FoldedData.cut(shared_dataset, FOLDS, fold)
        assert not set(data.part("train")["image_id"]) & set(data.part("val")["image_id"])
        assert set(data.part("val")["label"].value_counts()) <= {3, 4, 5}  # skin types are spread as well
        assert len(data.part("val")) == 12


@settings(max_examples=25)
@given(
    units=st.lists(st.integers(0, 8), min_size=12, max_size=40),
    labels=st.randoms(use_true_random=False),
    folds=st.integers(2, 4),
)
def test_no_patient_is_in_two_folds(tmp_path_factory, units, labels, folds):
    table = {
        "image_id": [f"i{k}" for k in range(len(units))],
        "path": [f"{k}.png" for k in range(len(units))],
        "label": [labels.choice("abc") for _ in units],
        "split": ["train" if k % 3 else "val" for k in range(len(units))],
        "patient_id": [str(u) for u in units],
    }
    info = DatasetInfo(task="t", source="table", classes=("a", "b", "c"), image_root=".")
    dataset = write_dataset(tmp_path_factory.mktemp("units"), info, pd.DataFrame(table))
    try:
        codes = fold_codes(dataset, folds)
    except UsageError as error:
        assert "Choose a lower --set folds=N." in str(error)  # noqa: PT017 - either outcome is right
        return
    of = {}
    for patient, code in zip(dataset.manifest["patient_id"], codes, strict=True):
        assert of.setdefault(patient, code) == code
    assert set(codes) <= set(range(folds))


def cut(ids, labels, units, folds):
    rows = pd.DataFrame({"image_id": ids, "label": labels, "patient_id": [f"p{unit}" for unit in units]})
    info = DatasetInfo(task="t", source="table", classes=tuple("abcd"), image_root=".")
    return fold_codes(Dataset(Path(), info, rows), folds)


def test_folds_are_these_whatever_the_order_of_the_rows():
    """Folds of years ago must be those of today: a changed line here breaks every run on folds there is."""
    ids, labels = [f"i{k}" for k in range(12)], list("aaaaabbbbccc")
    units = [0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 2]
    codes = cut(ids, labels, units, 3)
    assert codes.tolist() == GOLDEN
    rng = np.random.default_rng(0)
    for _ in range(5):
        order = rng.permutation(12)
        renamed = rng.permutation(8)  # the numbers of units mean nothing
        shuffled = cut([ids[k] for k in order], [labels[k] for k in order], renamed[units][order], 3)
        assert shuffled.tolist() == codes[order].tolist()


@settings(max_examples=50)
@given(labels=st.lists(st.sampled_from("abcd"), min_size=6, max_size=60), folds=st.integers(2, 5))
def test_single_images_are_spread_as_evenly_as_can_be(labels, folds):
    assume(max(Counter(labels).values()) >= folds)
    codes = cut([f"{k}" for k in range(len(labels))], labels, range(len(labels)), folds)
    for label, count in Counter(labels).items():
        here = [int(((np.array(labels) == label) & (codes == k)).sum()) for k in range(folds)]
        assert max(here) - min(here) == (count % folds > 0)
    assert np.ptp(np.bincount(codes, minlength=folds)) <= 2


def test_lesions_and_duplicates_stay_together_beside_patients(tmp_path):
    """Patients alone would let duplicate group d join two folds."""
    n = 24
    table = {
        "image_id": [f"i{k:02}" for k in range(n)],
        "path": [f"{k}.png" for k in range(n)],
        "label": ["ab"[k % 2] for k in range(n)],
        "split": ["train" if k % 3 else "val" for k in range(n)],
        "patient_id": [f"p{k // 2}" if k < 20 else None for k in range(n)],
        "duplicate_group": ["d" if k in {1, 9, 17, 22} else None for k in range(n)],
    }
    info = DatasetInfo(task="t", source="table", classes=("a", "b"), image_root=".")
    dataset = write_dataset(tmp_path, info, pd.DataFrame(table))
    codes = fold_codes(dataset, 4)
    assert len({int(codes[k]) for k in (0, 1, 8, 9, 16, 17, 22)}) == 1
    assert all(codes[k] == codes[k + 1] for k in range(0, 20, 2))


def test_a_run_of_other_folds_than_today_is_refused(shared_dataset, runs, tmp_path, run):
    import shutil

    folder = tmp_path / "old"
    shutil.copytree(runs[0], folder)
    record = json.loads((folder / "run.json").read_text())
    assert record["held_out"] == FoldedData.cut(shared_dataset, FOLDS, 0).held_out
    (folder / "run.json").write_text(
        json.dumps({**record, "held_out": "sha256:" + 64 * "0", "status": "interrupted"})
    )
    for options in ({"split": "held-out"}, {"calibrate": True}):
        with pytest.raises(UsageError, match="holds out other images here than when it was trained"):
            predict([folder, *runs[1:]], shared_dataset, **options)
    with pytest.raises(UsageError, match="held out other images when the run started"):
        run(shared_dataset, folder, f"folds={FOLDS}", "fold=0", "epochs=0", "probe_l2=0.1", resume=True)
    (folder / "run.json").write_text(json.dumps({k: v for k, v in record.items() if k != "held_out"}))
    predict([folder, *runs[1:]], shared_dataset, split="held-out")  # a record that says nothing


def test_who_may_have_seen_images_is_not_asked_for_what_was_held_out(finished_run, tmp_path, make_dataset):
    other = make_dataset(tmp_path / "data", per_class=(9, 4, 3))
    with pytest.raises(UsageError, match="was trained on another dataset"):
        predict(finished_run, other, split="held-out")
    with pytest.raises(UsageError, match="timm:test_vit does not say what it was trained on"):
        predict("timm:test_vit", other, split="held-out")


def test_no_explanation_of_images_that_a_fold_was_trained_on(shared_dataset, runs, tmp_path):
    from dermbench.training import explain

    with pytest.raises(UsageError, match="has trained on images of 'val'"):
        explain(runs[0], shared_dataset, tmp_path, split="val")


@pytest.mark.parametrize("split", ["train+vla", "train+train", "", "train+", "../train+val"])
def test_names_of_splits_that_are_none(shared_dataset, split):
    with pytest.raises(UsageError, match="no image has split"):
        shared_dataset.part(split)
    with pytest.raises(UsageError):
        load_samples(shared_dataset, split, 24)


def test_the_order_of_joined_splits_means_nothing(shared_dataset):
    one, two = (load_samples(shared_dataset, split, 24) for split in ("train+val", "val+train"))
    assert one.digest == two.digest
    assert one.pixels.file == two.pixels.file


def test_folds_share_one_cache_and_hold_its_images(shared_dataset):
    pool = load_samples(TrainingData.of(shared_dataset), POOL, 24)
    digests = {pool.digest}
    for fold in range(FOLDS):
        data = FoldedData.cut(shared_dataset, FOLDS, fold)
        for split in ("train", "val"):
            samples = load_samples(data, split, 24)
            direct = load_samples(shared_dataset, POOL, 24)
            assert list(samples.image_id) == list(data.part(split)["image_id"])
            names = [shared_dataset.classes[k] for k in samples.labels]
            assert names == list(data.part(split)["label"])
            rows = [list(direct.image_id).index(image) for image in samples.image_id]
            own = samples.batch(np.arange(len(samples)), torch.device("cpu"))
            np.testing.assert_allclose(own.permute(0, 2, 3, 1) * 255, direct.pixels[rows], atol=1e-4)
            digests.add(samples.digest)
    assert len(digests) == 1 + 2 * FOLDS  # features of one fold are never taken for those of another
    made = [path.name for path in (shared_dataset.root / "cache").glob("*-24-*.npy")]
    assert len(made) == 1
    assert made[0].startswith("train+val-24-")


def test_a_run_says_what_it_was_validated_on(shared_dataset, runs):
    record = json.loads((runs[1] / "run.json").read_text())
    assert record["selection"] == "best macro-F1 on fold 1 of 3 of train+val"
    written = read_predictions(
        runs[1] / "predictions" / "val.parquet", FoldedData.cut(shared_dataset, FOLDS, 1).truth("val")
    )
    assert sorted(written.image_id) == sorted(unseen(shared_dataset, 1))


def test_held_out_images_are_predicted_by_the_run_that_has_not_seen_them(shared_dataset, runs, tmp_path):
    whole = predict(runs, shared_dataset, split="held-out", out=tmp_path / "p.parquet")
    assert sorted(whole.image_id) == sorted(shared_dataset.part(POOL)["image_id"])
    prob = dict(zip(whole.image_id, whole.y_prob, strict=True))
    for fold, folder in enumerate(runs):
        own = read_predictions(
            folder / "predictions" / "val.parquet", FoldedData.cut(shared_dataset, FOLDS, fold).truth("val")
        )
        np.testing.assert_array_equal([prob[image] for image in own.image_id], own.y_prob)
    about = json.loads((tmp_path / "p.parquet.predict.json").read_text())
    assert about["split"] == "held-out"
    assert [c["selection"][-24:] for c in about["candidates"]] == [f"fold {k} of 3 of train+val" for k in range(3)]
    twice = predict([*runs, runs[0]], shared_dataset, split="held-out")
    np.testing.assert_allclose(twice.y_prob, whole.y_prob, atol=1e-15)


def test_held_out_of_a_run_without_folds_is_val(finished_run, shared_dataset):
    held_out = predict(finished_run, shared_dataset, split="held-out")
    assert held_out.digest == predict(finished_run, shared_dataset, split="val").digest


def test_runs_of_all_folds_are_needed(shared_dataset, runs):
    with pytest.raises(UsageError, match="hold out 24 of the 36 images of train\\+val"):
        predict(runs[:2], shared_dataset, split="held-out")


@pytest.mark.parametrize("split", ["train", "val", "train+val"])
def test_splits_of_which_a_fold_has_seen_a_part_are_refused(shared_dataset, finished_run, runs, split):
    for names in (runs[0], [finished_run, runs[0]]):
        with pytest.raises(UsageError, match="--split held-out"):
            predict(names, shared_dataset, split=split)


def test_what_a_run_was_trained_on_is_predicted_for_a_student(shared_dataset, runs, tmp_path):
    held_out = set(unseen(shared_dataset, 1))
    taught = predict(runs[1], shared_dataset, split="trained", out=tmp_path / "teacher.parquet")
    assert set(taught.image_id) == set(shared_dataset.part(POOL)["image_id"]) - held_out
    assert not (tmp_path / "teacher.parquet.predict.json").exists()
    data = FoldedData.cut(shared_dataset, FOLDS, 1)
    direct = find_predictor(str(runs[1]), Request()).predict(data, "train")
    expected = dict(zip(direct[0], direct[1], strict=True))
    np.testing.assert_allclose(taught.y_prob, [expected[image] for image in taught.image_id], atol=1e-6)
    assert predict([runs[1], runs[1]], shared_dataset, split="trained").y_prob == pytest.approx(taught.y_prob)


def test_what_a_run_without_folds_was_trained_on_is_train(finished_run, shared_dataset):
    trained = predict(finished_run, shared_dataset, split="trained")
    assert trained.digest == predict(finished_run, shared_dataset, split="train").digest


@pytest.mark.parametrize("options", [{"calibrate": True}, {"neighbours": 3}])
def test_a_teacher_tells_nothing_of_the_labels_a_student_is_validated_on(shared_dataset, runs, tmp_path, options):
    with pytest.raises(UsageError, match="uses labels of val, which leak into the student"):
        predict(runs[1], shared_dataset, split="trained", out=tmp_path / "teacher.parquet", **options)
    assert not (tmp_path / "teacher.parquet").exists()


def test_runs_that_were_trained_on_different_images_teach_nothing_together(shared_dataset, finished_run, runs):
    for names in (runs[:2], [finished_run, runs[0]]):
        with pytest.raises(UsageError, match="trained on different images"):
            predict(names, shared_dataset, split="trained")
    with pytest.raises(UsageError, match="does not say what it was trained on"):
        predict("timm:test_vit", shared_dataset, split="trained")


def test_a_temperature_of_folds_is_fitted_on_what_each_holds_out(shared_dataset, runs, tmp_path):
    predict(runs, shared_dataset, out=tmp_path / "p.parquet", calibrate=True)
    found = json.loads((tmp_path / "p.parquet.predict.json").read_text())["temperature"]
    prob, truth = [], []
    for fold in range(FOLDS):
        part = FoldedData.cut(shared_dataset, FOLDS, fold).truth("val")
        prob.append(read_predictions(runs[fold] / "predictions" / "val.parquet", part).y_prob)
        truth.append(part.y_true)
    expected = fit_temperature(np.log(np.concatenate(prob)), np.concatenate(truth))
    assert 0.06 < found["value"] < 19
    assert found["value"] == pytest.approx(expected.value, rel=1e-4)
    assert (found["n"], found["split"], found["truth"]) == (36, "held-out", shared_dataset.truth(POOL).digest)
    scaled = read_predictions(tmp_path / "p.parquet", shared_dataset.truth("test"))
    each = [predict(folder, shared_dataset) for folder in runs]
    mean = np.mean([softmax(np.log(p.y_prob) / expected.value) for p in each], axis=0)
    np.testing.assert_allclose(scaled.y_prob, mean, rtol=1e-3)
    for split in ("held-out", "val", "train+val"):
        with pytest.raises(UsageError, match="cannot be predicted with it"):
            predict(runs, shared_dataset, split=split, calibrate=True)


def test_seeds_of_one_fold_are_calibrated_as_their_mean(shared_dataset, runs, tmp_path):
    predict([runs[0], runs[0]], shared_dataset, out=tmp_path / "two.parquet", calibrate=True)
    predict(runs[0], shared_dataset, out=tmp_path / "one.parquet", calibrate=True)
    one, two = (
        json.loads((tmp_path / f"{name}.parquet.predict.json").read_text())["temperature"]
        for name in ("one", "two")
    )
    assert one == two
    assert one["n"] == 12


def test_folds_of_another_dataset_are_unknown(runs, tmp_path, make_dataset):
    other = make_dataset(tmp_path / "data", per_class=(9, 4, 3))
    assert len(predict(runs, other)) == 9  # the test split needs no folds
    for options in ({"split": "held-out"}, {"split": "trained"}, {"split": "val"}, {"calibrate": True}):
        with pytest.raises(UsageError, match="folds of another dataset"):
            predict(runs, other, **options)


@pytest.mark.long
def test_an_exported_fold_knows_what_it_has_seen(shared_dataset, runs, tmp_path):
    pytest.importorskip("onnxruntime", reason="export needs the [onnx] extra")
    pytest.importorskip("onnxscript", reason="export needs the [onnx] extra")
    names = []
    for fold, folder in enumerate(runs):
        export(folder, tmp_path / f"{fold}.onnx")
        names.append(str(tmp_path / f"{fold}.onnx"))
    files, networks = (predict(of, shared_dataset, split="held-out") for of in (names, runs))
    np.testing.assert_allclose(files.y_prob, networks.y_prob, atol=1e-5)
    with pytest.raises(UsageError, match="--split held-out"):
        predict(names[0], shared_dataset, split="val")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("folds=1",), "one fold leaves nothing to train on"),
        (("folds=3", "fold=3"), "counted from 0 to folds - 1"),
        (("fold=1",), "counted from 0 to folds - 1"),
        (("folds=99",), "99 folds of 36 patients, lesions or images"),
        (("folds=20",), "Choose a lower --set folds=N"),
    ],
)
def test_folds_that_cannot_be_are_refused(shared_dataset, tmp_path, run, options, text):
    with pytest.raises(DermbenchError) as caught:
        run(shared_dataset, tmp_path / "run", *options)
    assert text in str(caught.value)


def test_another_fold_is_no_resumed_run(shared_dataset, runs, run):
    with pytest.raises(UsageError, match="holds a run with another configuration"):
        run(shared_dataset, runs[0], f"folds={FOLDS}", "fold=1", "epochs=0", "probe_l2=0.1", resume=True)


def test_weights_that_have_seen_the_fold_are_refused(
    shared_dataset, runs, finished_run, tmp_path, run, make_dataset
):
    probe, fold = ("epochs=0", "probe_l2=0.1"), (f"folds={FOLDS}", "fold=0")
    weights = {
        name: f"weights={folder / 'model.safetensors'}"
        for name, folder in (("same", runs[0]), ("other fold", runs[1]), ("no fold", finished_run))
    }
    for options in (
        (*fold, *probe, weights["other fold"]),
        (*fold, *probe, weights["no fold"]),
        (*probe, weights["other fold"]),
    ):
        with pytest.raises(UsageError, match="trained on validation images of this run"):
            run(shared_dataset, tmp_path / "run", *options)
    run(shared_dataset, tmp_path / "same", *fold, *probe, weights["same"])
    other = make_dataset(tmp_path / "data", per_class=(9, 4, 3))
    run(other, tmp_path / "other", *probe, weights["same"])


@pytest.mark.parametrize(
    "changed",
    [
        {"folds": "x"},
        {"folds": 1},
        {"folds": True},
        {"folds": 3, "fold": 3},
        {"folds": 3, "fold": -1},
        {"folds": 3.0},
        {"crop_mode": ["center"]},
        {"held_out": 7},
    ],
)
def test_malformed_metadata_of_onnx_is_one_message(changed):
    from dermbench.artifacts.network_headers import OnnxHeader

    network = {"classes": ["a", "b"], "image_size": 8, "cache_size": 9, "mean": [0.5] * 3, "std": [0.2] * 3}
    sound = {"folds": 3, "fold": 2, "crop_mode": "squash", "dataset": "sha256:0", "held_out": ""}
    assert validated("x.onnx", OnnxHeader, network).folds == 0
    assert validated("x.onnx", OnnxHeader, network | sound).fold == 2
    with pytest.raises(InputError) as caught:
        validated("x.onnx", OnnxHeader, network | sound | changed)
    assert len(caught.value.problems) == 1
