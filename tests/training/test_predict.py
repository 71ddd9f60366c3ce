from __future__ import annotations

import json
import sys
import types

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm

from dermbench.artifacts import read_predictions
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.network_headers import HEADER
from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training import predict
from dermbench.training.run.checkpoint import write_tensors


def test_predict_gives_the_bits_that_training_wrote(finished_run, shared_dataset):
    written = read_predictions(finished_run / "predictions" / "val.parquet", shared_dataset.truth("val"))
    assert predict(finished_run, shared_dataset, split="val").digest == written.digest


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_predictions_file_reads_back(finished_run, shared_dataset, tmp_path, suffix):
    out = tmp_path / f"test.{suffix}"
    predictions = predict(finished_run, shared_dataset.root, out=out)
    assert read_predictions(out, shared_dataset.truth("test")).digest == predictions.digest


def test_the_batch_size_does_not_matter_beyond_rounding(finished_run, shared_dataset):
    one, many = (predict(finished_run, shared_dataset, batch_size=b).y_prob for b in (1, 64))
    np.testing.assert_allclose(one, many, atol=1e-5)


def test_other_classes_are_refused(finished_run, tmp_path, make_dataset):
    other = make_dataset(tmp_path / "data", classes=("macule", "nodule", "wheal"), per_class=(1, 1, 1))
    with pytest.raises(UsageError) as caught:
        predict(finished_run, other)
    assert "plaque" in str(caught.value)
    assert "wheal" in str(caught.value)


def test_the_order_of_classes_does_not_matter(finished_run, shared_dataset, tmp_path, make_dataset):
    other = make_dataset(tmp_path / "data", classes=("plaque", "nodule", "macule"), per_class=(1, 1, 3))
    out = tmp_path / "p.parquet"
    predict(finished_run, other, out=out)
    assert read_predictions(out, other.truth("test")).classes == ("plaque", "nodule", "macule")


def test_what_is_no_finished_run_is_refused(finished_run, shared_dataset, tmp_path):
    with pytest.raises(UsageError, match="not a run folder"):
        predict(tmp_path, shared_dataset)
    record = json.loads((finished_run / "run.json").read_text()) | {"status": "interrupted"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="--resume"):
        predict(tmp_path, shared_dataset)
    with pytest.raises(UsageError, match="no image has split 'dev'"):
        predict(finished_run, shared_dataset, split="dev")


def test_damaged_weights_of_a_run_are_named(finished_run, shared_dataset, tmp_path):
    (tmp_path / "run.json").write_bytes((finished_run / "run.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes((finished_run / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(InputError, match=r"model\.safetensors"):
        predict(tmp_path, shared_dataset)


def test_a_timm_model_needs_weights_of_the_task(shared_dataset, tmp_path):
    with pytest.raises(UsageError, match="ImageNet"):
        predict("timm:test_efficientnet", shared_dataset)
    with pytest.raises(UsageError, match="unknown model"):
        predict("timm:test_eficientnet", shared_dataset)
    for n_classes in (3, 4):
        model = timm.create_model("test_efficientnet", num_classes=n_classes)
        safetensors.torch.save_file(model.state_dict(), tmp_path / f"{n_classes}.safetensors")
    assert len(predict("timm:test_efficientnet", shared_dataset, weights=tmp_path / "3.safetensors")) == 9
    with pytest.raises(UsageError, match="4 classes"):
        predict("timm:test_efficientnet", shared_dataset, weights=tmp_path / "4.safetensors")


def test_a_timm_model_predicts_the_classes_that_its_weights_name(shared_dataset, tmp_path):
    tensors = timm.create_model("test_efficientnet", num_classes=3).state_dict()
    found = {}
    for names in (("macule", "nodule", "plaque"), ("plaque", "macule", "nodule"), ("macule", "nodule", "wheal")):
        write_tensors(tmp_path / f"{names[0]}{names[2]}.safetensors", tensors, {"classes": names})
    for file in ("maculeplaque", "plaquenodule"):
        found[file] = predict("timm:test_efficientnet", shared_dataset, weights=tmp_path / f"{file}.safetensors")
    first, second = (p.y_prob for p in found.values())
    assert found["maculeplaque"].classes == ("macule", "nodule", "plaque")
    # the same outputs, of the classes the file says; softmax sums them in another order
    np.testing.assert_allclose(first, second[:, [2, 0, 1]], rtol=1e-13)
    with pytest.raises(UsageError, match="predicts other classes"):
        predict("timm:test_efficientnet", shared_dataset, weights=tmp_path / "maculewheal.safetensors")


def test_weights_go_with_timm_only(finished_run, shared_dataset):
    with pytest.raises(UsageError, match=r"--weights is given, but .* does not take it"):
        predict(finished_run, shared_dataset, weights="x.safetensors")


def fake_onnxruntime(about):
    """Stands in for onnxruntime: logits are the mean of each colour channel."""

    class Session:
        def __init__(self, path, options, providers):
            pass

        def get_modelmeta(self):
            return types.SimpleNamespace(custom_metadata_map={HEADER: json.dumps(about)})

        def get_inputs(self):
            return [types.SimpleNamespace(name="images")]

        def run(self, outputs, feeds):
            assert feeds["images"].dtype == np.float32
            return [feeds["images"].mean(axis=(2, 3))]

    return types.SimpleNamespace(
        InferenceSession=Session, SessionOptions=types.SimpleNamespace, get_available_providers=list
    )


ABOUT = {"image_size": 32, "cache_size": 36, "mean": [0.5] * 3, "std": [0.5] * 3}


def test_an_onnx_model_is_fed_normalised_images(shared_dataset, tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_bytes(b"x")
    about = ABOUT | {"classes": ["macule", "nodule", "plaque"]}
    monkeypatch.setitem(sys.modules, "onnxruntime", fake_onnxruntime(about))
    predictions = predict(str(tmp_path / "m.onnx"), shared_dataset)
    # the brightest channel of each class's colour is red, green, blue
    np.testing.assert_array_equal(predictions.y_pred, shared_dataset.truth("test").y_true)


@pytest.mark.parametrize(
    ("about", "error", "text"),
    [(ABOUT, InputError, "no 'classes'"), (ABOUT | {"classes": ["a", "b"]}, UsageError, "other classes")],
)
def test_an_onnx_model_must_say_what_it_predicts(shared_dataset, tmp_path, monkeypatch, about, error, text):
    (tmp_path / "m.onnx").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "onnxruntime", fake_onnxruntime(about))
    with pytest.raises(error, match=text):
        predict(str(tmp_path / "m.onnx"), shared_dataset)


def test_onnxruntime_missing_is_told(shared_dataset, tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"dermbench\[onnx\]"):
        predict(str(tmp_path / "m.onnx"), shared_dataset)
    with pytest.raises(UsageError, match="no such file"):
        predict(str(tmp_path / "absent.onnx"), shared_dataset)


def test_files_are_averaged_with_runs(finished_run, shared_dataset, tmp_path):
    """Ids in any order, classes in any order, images of other splits beside them."""
    own = predict(finished_run, shared_dataset, out=tmp_path / "own.parquet")
    other = predict(finished_run, shared_dataset, tta="flips")
    val = predict(finished_run, shared_dataset, split="val", tta="flips")
    table = pd.concat([other.table(), val.table()]).sample(frac=1, random_state=0)
    table[["image_id", *sorted(set(table.columns) - {"image_id"}, reverse=True)]].to_csv(
        tmp_path / "other.csv", index=False
    )
    for name in (str(finished_run), str(tmp_path / "own.parquet")):
        out = tmp_path / "mean.parquet"
        mean = predict([name, str(tmp_path / "other.csv")], shared_dataset, out=out)
        np.testing.assert_allclose(mean.y_prob, (own.y_prob + other.y_prob) / 2, atol=1e-12)
        about = json.loads((tmp_path / "mean.parquet.predict.json").read_text())
        assert about["candidates"][1] == {
            "name": "other.csv",
            "digest": file_digest(tmp_path / "other.csv"),
        }
    calibrated = predict(str(tmp_path / "other.csv"), shared_dataset, calibrate=True)
    np.testing.assert_array_equal(calibrated.y_pred, other.y_pred)
    assert np.abs(calibrated.y_prob - other.y_prob).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tta": "flips"}, "no views of images to average"),
        ({"split": "held-out"}, "does not say what it was trained on"),
    ],
)
def test_what_a_file_cannot_give(finished_run, shared_dataset, tmp_path, options, words):
    predict(finished_run, shared_dataset, out=tmp_path / "own.parquet")
    with pytest.raises(UsageError, match=words):
        predict(str(tmp_path / "own.parquet"), shared_dataset, **options)


def test_a_file_needs_the_images_and_probabilities(finished_run, shared_dataset, tmp_path):
    own = predict(finished_run, shared_dataset).table()
    own.iloc[1:].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(InputError, match=own["image_id"][0]):
        predict(str(tmp_path / "short.csv"), shared_dataset)
    labels = own[["image_id"]].assign(pred=shared_dataset.classes[0])
    labels.to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(UsageError, match="only predicted classes"):
        predict(str(tmp_path / "labels.csv"), shared_dataset)
    with pytest.raises(UsageError, match=r"none\.csv: no such file"):
        predict(str(tmp_path / "none.csv"), shared_dataset)
