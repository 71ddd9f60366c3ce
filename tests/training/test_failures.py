"""What goes wrong is told once, with exit code 2, and nothing is lost; through the command line."""

from __future__ import annotations

import errno
import pickle
import resource
import sys
from contextlib import contextmanager

import pytest
import torch

from dermbench.artifacts import RunRecord
from dermbench.artifacts.files import atomic_path
from dermbench.cli import main
from dermbench.training.config.device import CUBLAS, Runtime, computing, make_runtime
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run import loop, step
from dermbench.training.run.checkpoint import LAST
from dermbench.training.run.configure import load_config
from dermbench.training.run.failures import explained


class Harmful:
    def __reduce__(self):
        return (open, ("harmed", "w"))


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run the command line; it must end with one message and exit code 2. Return the message."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["dermbench", *map(str, words)])
        with pytest.raises(SystemExit) as done:
            main()
        shown = capsys.readouterr()
        assert done.value.code == 2, shown.err
        assert [line.startswith("error: ") for line in shown.err.splitlines()].count(True) == 1
        assert "Traceback" not in shown.err
        assert shown.out == ""
        return shown.err.partition("error: ")[2]

    return call


def status(out):
    return RunRecord.read(out / "run.json").status


@contextmanager
def files_of_at_most(size):
    """Let the system refuse larger files, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_disk_from(number, monkeypatch, module, name):
    """Let the file that ``module.name`` writes for the ``number``-th time not fit on the disk."""
    real, calls = getattr(module, name), []

    def write(*args):
        calls.append(1)
        with files_of_at_most(50_000 if len(calls) >= number else resource.RLIM_INFINITY):
            return real(*args)

    monkeypatch.setattr(module, name, write)


def test_an_unreadable_image(dataset, tmp_path, refused, words):
    dataset.paths(dataset.part("val"))[1].write_bytes(b"broken")
    text = refused(*words(dataset.root, tmp_path / "run"))
    assert "val-macule-1" in text
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_class_without_training_images(make_dataset, tmp_path, refused, words):
    from dermbench.artifacts import write_dataset

    made = make_dataset(tmp_path / "data", per_class=(3, 2, 2))
    keep = (made.manifest["label"] != "nodule") | (made.manifest["split"] != "train")
    write_dataset(made.root, made.info, made.manifest[keep])
    text = refused(*words(made.root, tmp_path / "run"))
    assert "no training image of class 'nodule'" in text
    assert "allow_missing_classes=true" in text


def test_a_loss_that_is_not_finite(dataset, tmp_path, refused, words):
    out = tmp_path / "run"
    options = ("optimizer=sgd", "learning_rate=100", "clip_norm=0", "epochs=30", "checkpoint_steps=1")
    text = refused(*words(dataset.root, out, *options))
    assert "not finite" in text
    assert "learning_rate" in text
    assert status(out) == "interrupted"
    tensors, _ = read_tensors(out / "checkpoint" / LAST)
    assert "keeps its last checkpoint" in text
    assert tensors


def test_out_of_memory_can_be_resumed_in_smaller_parts(dataset, tmp_path, monkeypatch, refused, words, run):
    out, take = tmp_path / "run", step.Stepper.take

    def fail(self, number, index):
        if number == 4 and not self.job.config.micro_batch:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return take(self, number, index)

    monkeypatch.setattr(step.Stepper, "take", fail)
    text = refused(*words(dataset.root, out, "checkpoint_steps=1"))
    assert "ran out of memory at batch_size 8" in text
    assert "--resume --set micro_batch=4" in text
    assert "--set batch_size=4" in text
    assert status(out) == "interrupted"
    record = run(dataset, out, "micro_batch=4", "checkpoint_steps=1", resume=True)
    assert (record.status, record.epochs, record.config["micro_batch"]) == ("finished", 3, 4)


@pytest.mark.parametrize("writer", ["save_state", "write_tensors"])
def test_a_full_disk_keeps_the_checkpoint_before(dataset, tmp_path, monkeypatch, refused, words, run, writer):
    out = tmp_path / "run"
    full_disk_from(2, monkeypatch, loop, writer)
    options = ("selection=loss", "learning_rate=1e-5", "freeze_norm=true")  # each epoch is better than the last
    text = refused(*words(dataset.root, out, *options))
    assert "cannot write (File too large)" in text
    assert "The last checkpoint is intact" in text
    assert status(out) == "interrupted"
    assert not list(out.rglob(".*-*"))  # no half a file
    monkeypatch.undo()
    run(dataset, out, *options, resume=True)
    run(dataset, tmp_path / "whole", *options)
    one, two = (read_tensors(o / "model.safetensors")[0] for o in (out, tmp_path / "whole"))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_a_disk_that_is_full_from_the_start(dataset, tmp_path, monkeypatch, refused, words):
    def fail(path, text):
        with atomic_path(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dermbench.training.run.folder.write_text", fail)
    text = refused(*words(dataset.root, tmp_path / "run"))
    assert "config.toml: cannot write (No space left on device)" in text


def test_a_disk_too_small_for_the_decoded_images(dataset, tmp_path, refused, words):
    with files_of_at_most(20_000):
        text = refused(*words(dataset.root, tmp_path / "run"))
    assert "cache" in text
    assert not list((dataset.root / "cache").glob("*.npy"))


@pytest.mark.parametrize("place", ["run", "cache"])
def test_a_folder_that_cannot_be_written(dataset, tmp_path, refused, words, place):
    (tmp_path / "file").write_text("")
    out = tmp_path / "run"
    if place == "run":
        out = tmp_path / "file" / "run"
    else:
        (dataset.root / "cache").write_text("")
    text = refused(*words(dataset.root, out))
    assert "cannot write there" in text
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.fixture
def stopped(dataset, tmp_path, monkeypatch, run):
    """Return a run that was stopped after its second step."""
    take = loop.Trainer._step

    def stopping(self, state, index):
        self.job.stopper.requested = state.step == 1
        return take(self, state, index)

    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    from dermbench.training import InterruptedRunError

    with pytest.raises(InterruptedRunError):
        run(dataset, tmp_path / "stopped")
    monkeypatch.undo()
    return tmp_path / "stopped"


def damaged(kind, last, make_dataset, root, run):
    """Put something else in the place of a checkpoint."""
    if kind == "truncated":
        last.write_bytes(last.read_bytes()[:-1000])
    elif kind == "pickle":
        last.write_bytes(pickle.dumps(Harmful()))
    elif kind == "empty":
        last.write_bytes(b"")
    else:
        classes = ("macule", "nodule", "wheal") if kind == "other classes" else ("macule", "nodule")
        other = make_dataset(root / "other", classes=classes)
        run(other, root / "other-run", "epochs=1")
        last.write_bytes((root / "other-run" / "checkpoint" / LAST).read_bytes())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("truncated", "file not fully covered"),
        ("empty", "cut off: its header is incomplete"),
        ("pickle", "cut off: its header is incomplete"),
        ("other classes", "is of another run (classes: ['macule', 'nodule', 'wheal'] instead of ["),
        ("fewer classes", "(classes: ['macule', 'nodule'] instead of ['macule', 'nodule', 'plaque'])"),
    ],
)
def test_a_checkpoint_that_is_not_of_this_run(
    dataset, stopped, tmp_path, refused, make_dataset, run, kind, expected
):
    last = stopped / "checkpoint" / LAST
    damaged(kind, last, make_dataset, tmp_path, run)
    found = last.read_bytes()
    text = refused("train", "--data", dataset.root, "--out", stopped, "--resume")
    assert str(last) in text
    assert expected in text
    assert last.read_bytes() == found
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_pickle_disguised_as_weights(dataset, tmp_path, refused, words, name):
    (tmp_path / name).write_bytes(pickle.dumps({"conv_stem.weight": Harmful()}))
    text = refused(*words(dataset.root, tmp_path / "run", f"weights={tmp_path / name}"))
    assert name in text
    assert not (tmp_path / "harmed").exists()


def test_other_data_than_the_run_started_on(stopped, make_dataset, tmp_path, refused):
    other = make_dataset(tmp_path / "other", per_class=(3, 3, 3))
    text = refused("train", "--data", other.root, "--out", stopped, "--resume")
    assert "other data" in text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RuntimeError("CUDA error: an illegal memory access was encountered\nmore"),
            "cpu failed: CUDA error: an ill",
        ),
        (
            RuntimeError("put_ does not have a deterministic implementation, but"),
            "trained deterministically on cpu",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "ran out of memory at batch_size 8"),
        (MemoryError(), "ran out of memory at batch_size 8"),
    ],
)
def test_what_a_machine_does_is_told_as_what_it_means(
    dataset, tmp_path, monkeypatch, refused, words, error, expected
):
    def fail(self, number, index):
        raise error

    monkeypatch.setattr(step.Stepper, "take", fail)
    assert expected in refused(*words(dataset.root, tmp_path / "run"))


def test_a_defect_of_the_program_is_not_explained_away(tiny):
    config = load_config(preset="cpu-small", overrides=tiny)
    with pytest.raises(RuntimeError, match="shapes"), explained(config, make_runtime("cpu")):
        raise RuntimeError("shapes cannot be multiplied")


def test_the_deterministic_mode_of_a_gpu(monkeypatch):
    monkeypatch.delenv(CUBLAS, raising=False)
    gpu, cudnn = Runtime(torch.device("cuda")), torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic
    with computing(gpu, deterministic=False):
        assert (torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic) == before
    with computing(gpu, deterministic=True):
        assert (torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic) == (
            True,
            False,
            True,
        )
        import os

        assert os.environ[CUBLAS] == ":4096:8"
    assert (torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic) == before
