from __future__ import annotations

import json
import sys

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the [onnx] extra")
pytest.importorskip("onnxruntime", reason="needs the [onnx] extra")
pytest.importorskip("onnxscript", reason="needs the [onnx] extra")

import onnx

from dermbench.artifacts.network_headers import HEADER
from dermbench.errors import DermbenchError, InputError, MissingDependencyError, UsageError
from dermbench.training import export, predict
from dermbench.training.predicting.predictors.onnx import KEYS


@pytest.fixture(scope="module")
def exported(finished_run, shared_dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return export(finished_run, out, data=shared_dataset)


def test_the_file_gives_the_probabilities_of_the_run(exported, finished_run, shared_dataset):
    assert exported.images == 12
    assert exported.difference < 1e-5
    one, other = (predict(name, shared_dataset) for name in (finished_run, exported.path))
    np.testing.assert_allclose(one.y_prob, other.y_prob, atol=1e-5)
    np.testing.assert_array_equal(one.image_id, other.image_id)


def test_the_file_says_what_predict_must_know(exported, shared_dataset):
    model = onnx.load(str(exported.path))
    onnx.checker.check_model(model)
    about = json.loads({p.key: p.value for p in model.metadata_props}[HEADER])
    assert set(KEYS) <= about.keys()
    assert about["classes"] == list(shared_dataset.classes)
    assert about["dataset"] == shared_dataset.info.digest
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:] == [3, 32, 32]


def test_a_file_that_computes_something_else_is_not_kept(finished_run, tmp_path, monkeypatch, exported):
    module = sys.modules["dermbench.training.predicting.export"]
    monkeypatch.setattr(module, "write_onnx", lambda n, c, a, path: path.write_bytes(exported.path.read_bytes()))
    monkeypatch.setattr(module, "_compare", lambda *a: (64, 0.2))
    with pytest.raises(DermbenchError, match=r"other probabilities \(largest difference 0.2\)"):
        export(finished_run, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_noise_is_compared_without_a_dataset(finished_run, tmp_path, monkeypatch, exported):
    module = sys.modules["dermbench.training.predicting.export"]
    monkeypatch.setattr(module, "write_onnx", lambda n, c, a, path: path.write_bytes(exported.path.read_bytes()))
    done = export(finished_run, tmp_path / "model.onnx")
    assert done.images == 64
    assert 0 < done.difference < 1e-5


def test_bad_calls(finished_run, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"written as \.onnx"):
        export(finished_run, tmp_path / "model.pt")
    with pytest.raises(UsageError, match="not a run folder"):
        export(tmp_path, tmp_path / "model.onnx")
    module = sys.modules["dermbench.training.predicting.export"]
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="onnxscript"):
        export(finished_run, tmp_path / "model.onnx")


def test_a_broken_file_is_named(shared_dataset, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"m\.onnx"):
        predict(tmp_path / "m.onnx", shared_dataset)
