from __future__ import annotations

import shutil
import sys
import threading
from functools import partial

import numpy as np
import pytest
import torch

from dermbench.errors import InputError, UsageError
from dermbench.training.config.device import make_runtime
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run.configure import load_config
from dermbench.training.run.feed import AHEAD, Feed
from dermbench.training.run.schedule import size_at
from dermbench.training.speed import compiled

CPU = make_runtime("cpu")
STAGES = "progressive=[[0.0, 16], [0.5, 24], [0.75, 32]]"


@pytest.fixture
def beside(monkeypatch):
    """A thread makes batches ahead, as beside a GPU."""
    monkeypatch.setattr("dermbench.training.run.feed.makes_ahead", lambda device: True)


def feed_of(dataset, tiny, *extra):
    config = load_config(preset="cpu-small", overrides=[*tiny, *extra])
    return Feed(load_samples(dataset, "train", 32), config, CPU, total=8)


def batches():
    return np.array_split(np.random.default_rng(0).permutation(24), 8)


def made(feed):
    return [feed.images(step, index) for step, index in enumerate(feed.ahead(0, batches()))]


def test_making_ahead_changes_no_bit(shared_dataset, tiny, monkeypatch):
    threads = torch.get_num_threads()
    alone = made(feed_of(shared_dataset, tiny, STAGES))
    monkeypatch.setattr("dermbench.training.run.feed.makes_ahead", lambda device: True)
    together = made(feed_of(shared_dataset, tiny, STAGES))
    assert torch.get_num_threads() == threads
    assert [i.shape[-1] for i in alone] == [16] * 4 + [24] * 2 + [32] * 2
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_the_number_of_threads_changes_no_bit(shared_dataset, tiny):
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(made(feed_of(shared_dataset, tiny)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.usefixtures("beside")
def test_images_are_made_ahead_and_no_further_than_allowed(shared_dataset, tiny):
    feed = feed_of(shared_dataset, tiny)
    drawn = []

    def watched():
        for index in batches():
            drawn.append(index)
            yield index

    stream = feed.ahead(0, watched())
    next(stream)
    assert len(drawn) == len(feed._made) == AHEAD + 1
    stream.close()
    assert not feed._made
    assert not [t for t in threading.enumerate() if t.name.startswith("feed")]


@pytest.mark.usefixtures("beside")
def test_what_fails_ahead_fails_in_the_step(shared_dataset, tiny, monkeypatch):
    feed = feed_of(shared_dataset, tiny)
    monkeypatch.setattr(feed.samples, "pixels", feed.samples.pixels[:4])
    with pytest.raises(IndexError):
        made(feed)


def test_a_run_has_the_same_bits_made_ahead(dataset, tmp_path, run, monkeypatch):
    for ahead in (False, True):
        monkeypatch.setattr("dermbench.training.run.feed.makes_ahead", lambda device, ahead=ahead: ahead)
        run(dataset, tmp_path / str(ahead), STAGES, "epochs=2")
    one, two = (read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("False", "True"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_size_follows_the_stages():
    stages = ((0.0, 16), (0.5, 24))
    assert [size_at(stages, step, total=4) for step in range(5)] == [16, 16, 24, 24, 24]
    assert size_at((), 3, total=4) == 0


@pytest.mark.parametrize(
    "stages", ["[[0.1, 16], [0.5, 32]]", "[[0, 16], [0.5, 24]]", "[[0, 24], [0.3, 16], [0.5, 32]]", "[[0, 8]]",
               "[[0, 16], [1.0, 32]]", "[[0, 16], [0, 32]]"],
)  # fmt: skip
def test_stages_that_make_no_sense_are_refused(tiny, stages):
    with pytest.raises(InputError, match="progressive"):
        load_config(preset="cpu-small", overrides=[*tiny, f"progressive={stages}"])


def small_network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())


def test_without_a_compiler_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match="no-such-compiler") as caught:
        compiled(small_network(), CPU, "compile")
    assert "acceleration=eager" in caught.value.remedy


def test_a_network_that_cannot_be_compiled_is_said_to_be(monkeypatch):
    def broken(graph, inputs):
        raise RuntimeError("no such instruction")

    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    with torch.no_grad(), pytest.raises(UsageError, match="no such instruction"):
        compiled(small_network(), CPU, "compile")(torch.zeros(1, 3, 8, 8))


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_is_the_same_network():
    module = small_network()
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(compiled(module, CPU, "compile")(images), module(images), atol=1e-5, rtol=1e-4)
