"""Run folders, weights and checkpoints that are damaged or hostile: one message that names the file."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch

from dermbench.artifacts.network_headers import HEADER, WeightsHeader, read_header
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.training import predict, train
from dermbench.training.config.distributed import World
from dermbench.training.network.weights import read_weights
from dermbench.training.predicting import network_predictor
from dermbench.training.run import loop
from dermbench.training.run.stopping import InterruptedRunError


def change_header(path, change):
    """Rewrite what dermbench says in the header of a file; its tensors stay as they are."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    outer = json.loads(data[8 : 8 + length])
    text = change(json.loads(outer["__metadata__"][HEADER]))
    outer["__metadata__"] = {HEADER: text if isinstance(text, str) else json.dumps(text)}
    new = json.dumps(outer).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + data[8 + length :])


@pytest.fixture
def damaged(finished_run, tmp_path):
    """A copy of a finished run that a test may damage."""
    return shutil.copytree(finished_run, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: "[]", "its header: Input should be"),
        (lambda _: "[" * 3000, "more than 64 levels deep"),
        (lambda _: "{", "its header: not JSON"),
        (lambda _: "null", "its header"),
        (lambda h: h | {"mean": [0.5, 0.5]}, "its header: mean"),
        (lambda h: h | {"mean": "x"}, "its header: mean"),
        (lambda h: json.dumps(h | {"mean": [1e999] * 3}), "NaN or infinity"),
        (lambda h: h | {"std": [0, 1, 1]}, "its header: std"),
        (lambda h: h | {"std": None}, "has no normalisation of images"),
        (lambda h: {"classes": h["classes"]}, "has no normalisation of images"),
        (lambda h: h | {"classes": ["a", "a"]}, "named twice"),
        (lambda h: h | {"classes": 3}, "its header: classes"),
        (lambda h: h | {"classes": h["classes"][::-1]}, "for other classes than run.json"),
        (lambda h: h | {"origin": [1]}, "its header: origin"),
        (
            lambda h: h | {"origin": {"architecture": "x", "args": {"checkpoint_path": "/etc/passwd"}}},
            "may not hold",
        ),
    ],
)
def test_a_header_of_weights_that_cannot_be(damaged, shared_dataset, change, message):
    change_header(damaged / "model.safetensors", change)
    with pytest.raises(InputError, match=message) as caught:
        predict(damaged, shared_dataset)
    assert "model.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: dict(list(t.items())[1:]), "are only in the network or only in the file"),
        (lambda t: {k: v.long() if v.is_floating_point() else v for k, v in t.items()}, "kind of numbers"),
        (lambda t: {k: v.flatten() for k, v in t.items()}, "have another shape"),
        (
            lambda t: {k: v * float("nan") if v.is_floating_point() else v for k, v in t.items()},
            "hold NaN or infinity",
        ),
    ],
)
def test_tensors_that_do_not_fit_a_run(damaged, shared_dataset, tmp_path, change, message):
    path = damaged / "model.safetensors"
    header = read_header(path, WeightsHeader)
    tensors = change(safetensors.torch.load_file(path))
    safetensors.torch.save_file(tensors, path, metadata={HEADER: header.model_dump_json()})
    with pytest.raises(InputError, match=message):
        predict(damaged, shared_dataset, out=tmp_path / "o.parquet")
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_gives_nan_is_refused(damaged, shared_dataset, tmp_path, monkeypatch, value):
    collect = network_predictor.collect
    monkeypatch.setattr(network_predictor, "collect", lambda *given: collect(*given) + value)
    with pytest.raises(InputError, match="NaN or infinity instead of probabilities for 9 images: 'test-"):
        predict(damaged, shared_dataset, out=tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("name", ["config.toml", "model.safetensors", "run.json"])
def test_a_pipe_in_a_run_is_refused(damaged, shared_dataset, name):
    (damaged / name).unlink()
    os.mkfifo(damaged / name)
    with pytest.raises(UsageError):
        predict(damaged, shared_dataset)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 5000,
        '{"seed": ' + "9" * 5000 + "}",
        '{"config": {"model": 3}}',
        "[]",
        "\ufeff{}",
    ],
)
def test_a_record_of_a_run_that_cannot_be(damaged, shared_dataset, content):
    (damaged / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json"):
        predict(damaged, shared_dataset)


def test_a_record_without_a_model_is_told(damaged, shared_dataset):
    record = json.loads((damaged / "run.json").read_text())
    (damaged / "config.toml").unlink()
    for config in ({}, {"model": 3}, {"model": [[]]}):
        (damaged / "run.json").write_text(json.dumps(record | {"config": config}))
        with pytest.raises(InputError, match="model"):
            predict(damaged, shared_dataset)


@pytest.fixture(scope="module")
def stopped_run(shared_dataset, tmp_path_factory, run):
    """A run that was stopped within its second epoch."""
    out, take = tmp_path_factory.mktemp("stopped") / "run", loop.Trainer._step

    def stopping(self, state, index):
        self.job.stopper.requested = state.step == 3
        return take(self, state, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Trainer, "_step", stopping)
        with pytest.raises(InterruptedRunError):
            run(shared_dataset, out)
    return out


CHECKPOINTS = [
    (lambda _: "[]", "Input should be"),
    (lambda _: "[" * 3000, "more than 64 levels deep"),
    (lambda h: h | {"epoch": -1}, "epoch: "),
    (lambda h: h | {"epoch": 10**6}, "epochs have"),
    (lambda h: h | {"step": 10**6}, "epochs have"),
    (lambda h: h | {"step": "x"}, "step: "),
    (lambda h: h | {"best_epoch": "../x"}, "best_epoch: "),
    (lambda h: h | {"new": 1}, "new: "),
    (lambda h: h | {"optimizer": {"x/step": 1}}, "optimizer"),
    (lambda h: h | {"optimizer": {"99999/step": 1}}, "optimiser"),
    (lambda h: h | {"optimizer": {"0/odd": 1}}, "optimiser"),
    (lambda h: h | {"history": [{}]}, "history"),
    (lambda h: h | {"history": [{"epoch": "x"}]}, "history"),
    (lambda h: h | {"identity": {}}, "is of another run"),
    (lambda h: h | {"identity": [1]}, "identity: "),
    (lambda h: h | {"method": {"a": 1}}, "method"),
]


@pytest.mark.parametrize(("change", "message"), CHECKPOINTS, ids=[str(i) for i in range(len(CHECKPOINTS))])
def test_a_checkpoint_that_cannot_be_is_not_resumed(stopped_run, shared_dataset, tmp_path, change, message):
    out = shutil.copytree(stopped_run, tmp_path / "run")
    change_header(out / "checkpoint" / "last.safetensors", change)
    with pytest.raises(InputError, match=message) as caught:
        train(shared_dataset, out, resume=True, quiet=True)
    assert "last.safetensors" in str(caught.value)
    assert "Start the run again" in str(caught.value)


def zipped(*parts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts:
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02J", "not a file of weights"),
        (pickle.dumps({"w": b"x"})[:-3], "not a file of weights|could run code"),
        (b"\x80\x02]" + b"(" * 100_000, "not a file of weights|could run code"),
        (zipped(("x/data.pkl", b"")), "not a file of weights|could run code"),
        (zipped(("x/data/0", b"\0" * (70 << 20))), "when unpacked"),
    ],
)
def test_damaged_pickles_are_no_weights(tmp_path, content, message):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("cut", range(0, 10_000, 1237))
def test_a_pth_file_that_is_cut_off_is_no_weights(tmp_path, cut):
    torch.save({"weight": torch.zeros(40, 60)}, tmp_path / "x.pth")
    data = bytearray((tmp_path / "x.pth").read_bytes())
    (tmp_path / "cut.pth").write_bytes(data[:cut])
    data[-22:-12] = b"\xff" * 10
    (tmp_path / "end.pth").write_bytes(data)
    for name in ("cut.pth", "end.pth"):
        with pytest.raises(InputError, match=name):
            read_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE='abc'"),
        ({"WORLD_SIZE": "2.0"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "-1"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "9" * 5000}, "WORLD_SIZE"),
        ({"RANK": "x"}, "RANK"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK"),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "\x1b[31m"}, "LOCAL_RANK"),
    ],
)
def test_numbers_of_a_launcher_that_are_none(monkeypatch, environment, name):
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(DermbenchError, match=f"the environment variable {name}") as caught:
        World.of_environment()
    assert len(str(caught.value)) < 300
