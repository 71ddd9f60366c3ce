"""Every method is trained for a few steps."""

from __future__ import annotations

import pytest

from dermbench.training import InterruptedRunError, predict, train
from dermbench.training.methods import METHODS
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run import loop


def weights(out):
    return read_tensors(out / "model.safetensors")[0]


def same(first, second):
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(bool((one[k] == two[k]).all()) for k in one)


@pytest.fixture(scope="module")
def plain(shared_dataset, tmp_path_factory, run):
    out = tmp_path_factory.mktemp("plain") / "run"
    run(shared_dataset, out)
    return out


@pytest.fixture(scope="module")
def options(plain, shared_dataset, tmp_path_factory):
    """What a method cannot do without."""
    teacher = tmp_path_factory.mktemp("teacher") / "train.parquet"
    predict(plain, shared_dataset, split="train", out=teacher)
    return {"distill": (f'method_options.distill_teacher="{teacher}"',)}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "erm"])
def test_a_method_changes_the_network_and_resumes_exactly(
    name, plain, options, shared_dataset, tmp_path, monkeypatch, run
):
    words = (f"method={name}", *options.get(name, ()))
    run(shared_dataset, tmp_path / "whole", *words)
    assert not same(tmp_path / "whole", plain)
    step = loop.Trainer._step

    def stopping(self, state, *rest):
        if state.step == 7:
            raise KeyboardInterrupt
        return step(self, state, *rest)

    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    with pytest.raises(InterruptedRunError):
        run(shared_dataset, tmp_path / "parts", *words)
    monkeypatch.setattr(loop.Trainer, "_step", step)
    record = train(shared_dataset, tmp_path / "parts", resume=True, quiet=True)
    assert record.config["method"] == name
    assert same(tmp_path / "whole", tmp_path / "parts")
