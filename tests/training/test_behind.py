"""Files written by a thread while training goes on: the same files, and no failure goes unheard."""

from __future__ import annotations

import threading

import pytest
import torch

from dermbench.errors import ResumableError
from dermbench.training import InterruptedRunError, loop
from dermbench.training.behind import Writer
from dermbench.training.tensor_files import read_tensors


@pytest.fixture
def _behind(monkeypatch):
    """Write as on a GPU."""
    monkeypatch.setattr(loop, "Writer", lambda behind: Writer(behind=not behind))


def test_jobs_are_done_in_order_by_a_thread():
    writer, begin, done = Writer(behind=True), threading.Event(), []
    writer.do(begin.wait)
    for number in range(5):
        writer.do(lambda number=number: done.append((number, threading.current_thread().name)))
    assert not done  # the first waits, and so do the others
    begin.set()
    writer.close()
    assert done == [(number, "writer_0") for number in range(5)]
    assert not any(thread.name == "writer_0" for thread in threading.enumerate())


def test_without_a_thread_each_job_is_done_when_it_is_given():
    writer, done = Writer(behind=False), []
    writer.do(lambda: done.append(threading.current_thread()))
    assert done == [threading.main_thread()]
    tensor = torch.zeros(3)
    assert writer.kept({"a": tensor})["a"] is tensor
    writer.close()


def test_after_a_job_that_failed_none_is_begun_and_its_error_is_told_once():
    def fail():
        raise OSError("disk full")

    writer, done = Writer(behind=True), []
    writer.do(fail)
    writer.do(lambda: done.append(1))
    writer.do(lambda: done.append(2))
    with pytest.raises(OSError, match="disk full"):
        writer.wait()
    assert not done
    writer.do(lambda: done.append(3))
    writer.close()
    assert done == [3]


def test_what_is_kept_does_not_change_with_the_network():
    weight = torch.ones(4, requires_grad=True)
    kept = Writer(behind=True).kept({"weight": weight})
    with torch.no_grad():
        weight.add_(1)
    assert kept["weight"].tolist() == [1, 1, 1, 1]
    assert not kept["weight"].requires_grad


@pytest.mark.usefixtures("_behind")
def test_a_run_written_behind_is_the_run_written_at_once(dataset, tmp_path, monkeypatch, run):
    options = ("epochs=4", "ema_decay=0.9", "selection=loss", "checkpoint_steps=1", "learning_rate=1e-4")
    run(dataset, tmp_path / "behind", *options)
    take = loop.Trainer._step

    def stopping(self, state, index):
        self.job.stopper.requested = state.step == 4
        return take(self, state, index)

    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    with pytest.raises(InterruptedRunError, match="after step 5 "):
        run(dataset, tmp_path / "parts", *options)
    monkeypatch.setattr(loop.Trainer, "_step", take)
    run(dataset, tmp_path / "parts", *options, resume=True)
    monkeypatch.undo()
    run(dataset, tmp_path / "at-once", *options)
    for name in ("behind", "parts"):
        for file in ("model.safetensors", "checkpoint/last.safetensors"):
            one, two = (read_tensors(tmp_path / out / file)[0] for out in (name, "at-once"))
            assert one.keys() == two.keys()
            assert all(torch.equal(one[key], two[key]) for key in one)
        assert not list((tmp_path / name / "checkpoint").glob("best-*"))


@pytest.mark.usefixtures("_behind")
@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_failure_behind_ends_the_run_and_the_checkpoint_before_stands(
    dataset, tmp_path, monkeypatch, run, number
):
    from dermbench.errors import UsageError
    from dermbench.training import checkpoint

    real, calls = checkpoint.write_tensors, []

    def fail(path, tensors, header):
        calls.append(path)
        if len(calls) == number:
            raise UsageError(f"{path}: cannot write (No space left on device)")
        real(path, tensors, header)

    monkeypatch.setattr(checkpoint, "write_tensors", fail)
    options = ("epochs=5",)
    with pytest.raises(ResumableError, match="No space left") as caught:
        run(dataset, tmp_path / "run", *options)
    assert "The last checkpoint stands" in caught.value.remedy
    monkeypatch.undo()
    record = run(dataset, tmp_path / "run", *options, resume=True)
    assert (record.status, record.epochs) == ("finished", 5)
    run(dataset, tmp_path / "whole", *options)
    one, two = (read_tensors(tmp_path / out / "model.safetensors")[0] for out in ("run", "whole"))
    assert all(torch.equal(one[key], two[key]) for key in one)
