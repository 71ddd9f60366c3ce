"""A run that is killed and resumed equals the uninterrupted one, bit for bit."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import RunRecord, read_predictions
from dermbench.errors import UsageError
from dermbench.training import InterruptedRunError
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run import loop
from dermbench.training.run.stopping import Stopper

FULL = (
    "ema_decay=0.9", "dropout=0.3", "drop_path=0.2", "patience=2", "epochs=40", "clip_norm=1.0",
    "freeze_norm=false", "schedule=constant", "learning_rate=2e-3", "method=mixup+group_dro",
    "sampler=class_balanced",
)  # fmt: skip
SAME = ["epoch", "step", "lr", "train_loss", "val_loss", "val_macro_f1", "val_accuracy"]


def assert_same_run(one, two, dataset):
    first, second = (pd.read_csv(out / "history.csv")[SAME] for out in (one, two))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    a, b = (read_tensors(out / "model.safetensors")[0] for out in (one, two))
    assert a.keys() == b.keys()
    assert all(bool((a[k] == b[k]).all()) for k in a)
    digests = [
        read_predictions(o / "predictions" / "val.parquet", dataset.truth("val")).digest for o in (one, two)
    ]
    assert digests[0] == digests[1]
    records = [RunRecord.read(out / "run.json") for out in (one, two)]
    for name in ("status", "best_epoch", "epochs", "stopped", "scores", "selection"):
        assert getattr(records[0], name) == getattr(records[1], name)


def assert_all_time_counts(out):
    """The record has the seconds of every process that trained, not of the last alone."""
    epochs = pd.read_csv(out / "history.csv")["seconds"].sum()
    assert RunRecord.read(out / "run.json").seconds["train"] >= epochs - 0.01


@pytest.fixture(scope="module")
def whole(shared_dataset, tmp_path_factory, run):
    out = tmp_path_factory.mktemp("whole") / "run"
    record = run(shared_dataset, out, *FULL)
    assert "early stopping" in record.stopped
    assert record.epochs >= 4
    return out


@pytest.mark.long
def test_five_kills_at_random_steps_change_no_bit(whole, shared_dataset, tmp_path, start, words):
    steps = int(pd.read_csv(whole / "history.csv")["step"].iloc[-1])
    kills = sorted(np.random.default_rng(9).choice(np.arange(2, steps + 1), size=5, replace=False).tolist())
    out = tmp_path / "run"
    resumed = []
    for number in kills:
        command = words(shared_dataset.root, out, *FULL, "checkpoint_steps=2")
        child = start(*command, *(["--resume"] if resumed or out.exists() else []), kill_at=number)
        assert child.wait() == -signal.SIGKILL, (kills, child.text)
        assert RunRecord.read(out / "run.json").status == "running"
        resumed += re.findall(r"resumed after step (\d+)", child.text)
    child = start("train", "--data", shared_dataset.root, "--out", out, "--resume")
    assert child.wait() == 0, (kills, child.text)
    assert resumed, kills
    assert_same_run(out, whole, shared_dataset)
    assert_all_time_counts(out)


def test_a_signal_saves_the_step_and_ends_the_run(whole, shared_dataset, tmp_path, start, words):
    out = tmp_path / "run"
    resume = []
    for number, kind in enumerate((signal.SIGTERM, signal.SIGINT)):
        child = start(*words(shared_dataset.root, out, *FULL, "checkpoint_steps=1"), *resume)
        last = out / "checkpoint" / "last.safetensors"
        before = last.stat().st_mtime_ns if last.exists() else 0
        while child.process.is_alive() and not (last.exists() and last.stat().st_mtime_ns != before):
            time.sleep(0.01)
        os.kill(child.process.pid, kind)
        assert child.wait() == 130, child.text
        assert child.text.count("error:") == 1
        assert re.search(r"keeps the state after step \d+ \(epoch \d+\)", child.text)
        assert f"--out {out} --resume" in child.text
        assert RunRecord.read(out / "run.json").status == "interrupted", number
        resume = ["--resume"]
    child = start("train", "--data", shared_dataset.root, "--out", out, "--resume")
    assert child.wait() == 0, child.text
    assert_same_run(out, whole, shared_dataset)


@pytest.mark.parametrize("method", ["erm", "group_dro"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stops_after_single_steps_change_no_bit(dataset, tmp_path, monkeypatch, run, method, optimizer):
    options = (f"optimizer={optimizer}", f"method={method}", "epochs=3", "probe_l2=0.1")
    run(dataset, tmp_path / "whole", *options)
    take = loop.Trainer._step

    def stop_after(number):
        def stopping(self, state, index):
            loss = take(self, state, index)
            if state.step == number:
                self.job.stopper.requested = True
            return loss

        return stopping

    for number in (1, 3, 5):  # within an epoch, at its end, within another
        monkeypatch.setattr(loop.Trainer, "_step", stop_after(number))
        with pytest.raises(InterruptedRunError, match=f"after step {number} "):
            run(dataset, tmp_path / "parts", *options, resume=number > 1)
    monkeypatch.setattr(loop.Trainer, "_step", take)
    run(dataset, tmp_path / "parts", *options, resume=True)
    assert_same_run(tmp_path / "parts", tmp_path / "whole", dataset)


def test_weights_of_an_epoch_say_what_they_are_of(dataset, tmp_path, monkeypatch, run):
    take = loop.Trainer._step

    def stopping(self, state, index):
        self.job.stopper.requested = state.step == 3  # the first of the second epoch
        return take(self, state, index)

    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    with pytest.raises(InterruptedRunError, match="after step 4 "):
        run(dataset, tmp_path / "run", "epochs=2")
    tensors, header = read_tensors(tmp_path / "run" / "checkpoint" / "best-1.safetensors")
    assert (header["epoch"], header["classes"]) == (1, list(dataset.classes))
    assert header["model"] == RunRecord.read(tmp_path / "run" / "run.json").config["model"]
    monkeypatch.undo()
    run(dataset, tmp_path / "run", "epochs=2", resume=True)
    assert not list((tmp_path / "run" / "checkpoint").glob("best-*"))  # the chosen ones are model.safetensors
    assert read_tensors(tmp_path / "run" / "model.safetensors")[0].keys() == tensors.keys()


def test_checkpoints_within_an_epoch_come_by_time_too(dataset, tmp_path, monkeypatch, run):
    saved = []
    monkeypatch.setattr(loop, "save_state", lambda path, state, *args: saved.append(state.step))
    run(dataset, tmp_path / "rare", "epochs=2", "checkpoint_minutes=10")
    assert saved == [3, 6]
    saved.clear()
    run(dataset, tmp_path / "often", "epochs=2", "checkpoint_minutes=1e-9")
    assert saved == [1, 2, 3, 3, 4, 5, 6, 6]


def test_how_a_run_computes_may_change_and_what_it_computes_may_not(dataset, tmp_path, monkeypatch, run):
    monkeypatch.setattr(loop.Trainer, "_step", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(InterruptedRunError):
        run(dataset, tmp_path / "run")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="batch_size: 8 -> 4"):
        run(dataset, tmp_path / "run", "batch_size=4", "micro_batch=4", resume=True)
    record = run(dataset, tmp_path / "run", "micro_batch=4", "checkpoint_steps=5", resume=True)
    assert record.config["micro_batch"] == 4
    assert "micro_batch = 4" in (tmp_path / "run" / "config.toml").read_text()


def test_a_signal_is_held_back_and_a_later_one_is_not(monkeypatch):
    stopper = Stopper()
    with stopper.listening():
        with stopper.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)  # a launcher repeats itself
            assert stopper.requested
            monkeypatch.setattr("dermbench.training.run.stopping.FORCE_SECONDS", 0.0)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("launched", [True, False])
def test_a_launcher_cannot_stop_a_process_that_tells_an_error(launched):
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(UsageError), Stopper().listening(launched=launched):
            raise UsageError("lost another process")
        assert signal.getsignal(signal.SIGTERM) == (signal.SIG_IGN if launched else before)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_outside_the_main_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def look():
        with Stopper().listening():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]


@pytest.mark.long
def test_two_processes_compute_the_same_bits(shared_dataset, tmp_path, start, words):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        options = (*FULL, "max_steps=5")
        child = start(*words(shared_dataset.root, tmp_path / name, *options), "--seed", seed, "--deterministic")
        assert child.wait() == 0, child.text
    assert_same_run(tmp_path / "a", tmp_path / "b", shared_dataset)
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "a", tmp_path / "c", shared_dataset)
    record = RunRecord.read(tmp_path / "a" / "run.json")
    assert record.deterministic
    assert record.config["deterministic"]
