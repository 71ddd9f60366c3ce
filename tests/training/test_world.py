"""Several processes give the result of one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the usual name

from dermbench.artifacts import RunRecord, read_predictions
from dermbench.errors import DermbenchError, ResumableError, UsageError
from dermbench.training.config.distributed import ElsewhereError, World, _sharing_cores, share
from dermbench.training.network.scoring import batch_bounds
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run.batch_parts import PartOfBatch
from dermbench.training.run.step import split_rows

RECIPE = (
    "ema_decay=0.9", "dropout=0.3", "drop_path=0.2", "clip_norm=1.0", "freeze_norm=false", "label_smoothing=0.1",
    "probe_l2=0.1", "optimizer=sgd", "learning_rate=0.05", "epochs=2",
)  # fmt: skip
"""Everything that could notice that a batch is split; the tests' training set has unequal classes."""

TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}


@pytest.fixture(scope="module")
def uneven(make_dataset, tmp_path_factory):
    """Classes of 8, 8 and 5 images: batches of 7, so that no number of processes divides them."""
    from dermbench.artifacts import write_dataset

    dataset = make_dataset(tmp_path_factory.mktemp("uneven") / "data", per_class=(8, 5, 1))
    keep = ~dataset.manifest["image_id"].isin([f"train-plaque-{i}" for i in range(5, 8)])
    return write_dataset(dataset.root, dataset.info, dataset.manifest[keep])


def assert_close_runs(one, two, dataset):
    names = ["train_loss", "val_loss"]
    first, second = (pd.read_csv(out / "history.csv")[names] for out in (one, two))
    np.testing.assert_allclose(first, second, **TOLERANCE)
    a, b = (read_tensors(out / "model.safetensors")[0] for out in (one, two))
    for key in a:
        torch.testing.assert_close(a[key].double(), b[key].double(), **TOLERANCE)
    prob = [read_predictions(o / "predictions" / "val.parquet", dataset.truth("val")).y_prob for o in (one, two)]
    np.testing.assert_allclose(prob[0], prob[1], **TOLERANCE)


@pytest.fixture(scope="module")
def alone(uneven, tmp_path_factory, run):
    out = tmp_path_factory.mktemp("alone") / "run"
    run(uneven, out, *RECIPE)
    return out


@pytest.mark.parametrize("size", [2, 3])
def test_processes_give_the_result_of_one(alone, uneven, tmp_path, start_job, words, size):
    out = tmp_path / "run"
    job = start_job(size, *words(uneven.root, out, *RECIPE))
    assert [child.wait() for child in job] == [0] * size, [child.text for child in job]
    assert job[0].text.count("Finished after") == 1
    assert [child.text for child in job[1:]] == [""] * (size - 1)  # one process speaks
    assert RunRecord.read(out / "run.json").processes == size
    assert_close_runs(out, alone, uneven)


@pytest.mark.parametrize("method", ["erm", "mixup+group_dro"])
def test_micro_batches_give_the_result_of_whole_ones(uneven, tmp_path, run, method):
    options = (*RECIPE, "freeze_norm=true", f"method={method}")
    run(uneven, tmp_path / "whole", *options)
    for size in (1, 3):
        run(uneven, tmp_path / str(size), *options, f"micro_batch={size}")
        assert_close_runs(tmp_path / str(size), tmp_path / "whole", uneven)


def test_processes_and_micro_batches_together(uneven, tmp_path, run, start_job, words):
    options = (*RECIPE, "freeze_norm=true", "method=mixup+group_dro")
    run(uneven, tmp_path / "one", *options)
    job = start_job(2, *words(uneven.root, tmp_path / "two", *options, "micro_batch=2"))
    assert [child.wait() for child in job] == [0, 0], [child.text for child in job]
    assert_close_runs(tmp_path / "two", tmp_path / "one", uneven)


def test_sharded_evaluation_merges_exactly(uneven, tmp_path, run, start_job, words):
    options = ("epochs=0", "probe_l2=0.1", "batch_size=5")  # features and predictions, no gradient
    run(uneven, tmp_path / "one", *options)
    job = start_job(2, *words(uneven.root, tmp_path / "two", *options))
    assert [child.wait() for child in job] == [0, 0], [child.text for child in job]
    history = [pd.read_csv(tmp_path / name / "history.csv")["val_loss"].to_numpy() for name in ("one", "two")]
    assert history[0].tobytes() == history[1].tobytes()
    weights = [read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("one", "two")]
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_job_and_any_number_resumes(
    alone, uneven, tmp_path, start, start_job, words, victim
):
    out = tmp_path / "run"
    command = words(uneven.root, out, *RECIPE, "checkpoint_steps=1")
    job = start_job(2, *command, kill={victim: 5})
    codes = [child.wait() for child in job]
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] == DermbenchError.exit_code, job[1 - victim].text
    text = job[1 - victim].text
    assert text.count("error:") == 1
    assert "another process of the job was killed" in text
    assert "--resume" in text
    assert "Traceback" not in text
    assert RunRecord.read(out / "run.json").status == ("running" if victim == 0 else "interrupted")
    rest = start("train", "--data", uneven.root, "--out", out, "--resume")
    assert rest.wait() == 0, rest.text
    assert "resumed after step 4" in rest.text
    assert_close_runs(out, alone, uneven)


HELD = """
import os, time
from pathlib import Path
from dermbench.training.methods import Method


class Held(Method):
    '''Rank 1 of a job waits in its fifth step, after a first exchange with rank 0, until it is killed.'''

    step = 0

    def after_step(self, network, step):
        self.step = step

    def numerators(self, logits, targets):
        here = Path("held.pid")
        if (self.step, os.environ.get("RANK")) == (4, "1") and not here.exists():
            Path("held.new").write_text(str(os.getpid()))
            Path("held.new").rename(here)
            time.sleep(600)
        return super().numerators(logits, targets)
"""


@pytest.fixture
def plugin(tmp_path):
    """Folder with a method ``held`` as an installed package leaves it."""
    about = tmp_path / "site" / "held-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: held\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[dermbench.methods]\nheld = held:Held\n")
    (about.parent / "held.py").write_text(HELD)
    return about.parent


@pytest.fixture
def torchrun(tmp_path):
    """Start two processes by the real launcher; its output goes to a file that is returned beside it."""
    launchers = []

    def begin(*command, path=None):
        output = tmp_path / "torchrun.txt"
        folders = [str(path)] if path else []
        folders += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        launcher = [Path(sys.executable).with_name("torchrun"), "--standalone", "--nproc-per-node", "2"]
        with output.open("w") as file:
            started = subprocess.Popen(
                [*launcher, "-m", "dermbench", *command],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": "1",
                    "COLUMNS": "500",
                    "PYTHONPATH": os.pathsep.join(folders),
                },
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        launchers.append(started)
        return started, output

    yield begin
    for started in launchers:
        started.terminate()  # it ends its processes, too
        started.wait(60)


@pytest.mark.long
def test_torchrun_gives_the_result_of_one_process(alone, uneven, tmp_path, torchrun, words):
    job, output = torchrun(*words(uneven.root, tmp_path / "run", *RECIPE))
    assert job.wait(180) == 0, output.read_text()
    assert output.read_text().count("Finished after") == 1
    assert RunRecord.read(tmp_path / "run" / "run.json").processes == 2
    assert_close_runs(tmp_path / "run", alone, uneven)


@pytest.mark.long
def test_torchrun_ends_with_one_message_when_a_process_is_killed(
    alone, uneven, tmp_path, torchrun, plugin, words, start
):
    out, held = tmp_path / "run", tmp_path / "held.pid"
    job, output = torchrun(*words(uneven.root, out, *RECIPE, "method=held", "checkpoint_steps=1"), path=plugin)
    while not held.exists():
        assert job.poll() is None, output.read_text()
        time.sleep(0.05)
    os.kill(int(held.read_text()), signal.SIGKILL)
    assert job.wait(120) != 0
    text = output.read_text()
    assert [line for line in text.splitlines() if line.startswith("error: ")] == [
        "error: another process of the job was killed, or ended with its own message"
    ], text
    assert "go on with --resume" in text
    assert RunRecord.read(out / "run.json").status == "interrupted"
    rest = start("train", "--data", uneven.root, "--out", out, "--resume", path=plugin)
    assert rest.wait() == 0, rest.text
    assert "resumed after step 4 (epoch 2)" in rest.text
    assert RunRecord.read(out / "run.json").status == "finished"
    assert_close_runs(out, alone, uneven)


def test_one_process_tells_what_all_of_them_met(uneven, tmp_path, start_job, words):
    broken = uneven.root / "images" / "train-macule-0.png"
    content = broken.read_bytes()
    broken.write_bytes(b"broken")
    try:
        job = start_job(2, *words(uneven.root, tmp_path / "run", "cache_size=36"))
        assert [child.wait() for child in job] == [2, 2]
    finally:
        broken.write_bytes(content)
    assert job[0].text.count("error:") == 1
    assert "train-macule-0" in job[0].text
    assert job[1].text == ""
    assert not (tmp_path / "run" / "run.json").exists()


def test_too_many_processes_for_a_batch_are_refused(uneven, tmp_path, start_job, words):
    job = start_job(2, *words(uneven.root, tmp_path / "run", "batch_size=3"))
    assert [child.wait() for child in job] == [2, 2]
    assert "2 processes need at least 4 images a step" in job[0].text


def test_rows_are_shared_in_pairs_and_none_is_lost():
    for total in range(4, 40):
        for size in (1, 2, 3):
            if total < 2 * size:
                continue
            slices = [share(total, rank, size) for rank in range(size)]
            assert np.concatenate([np.arange(total)[s] for s in slices]).tolist() == list(range(total))
            assert all(s.start % 2 == 0 for s in slices)
            for micro in (0, 1, 2, 5):
                parts = [split_rows(total, size, rows, micro) for rows in slices]
                assert len({len(p) for p in parts}) == 1
                for rows, own in zip(slices, parts, strict=True):
                    assert [own[0].start, own[-1].stop] == [rows.start, rows.stop]
                    assert all(a.stop == b.start for a, b in pairwise(own))
                    assert all(a.stop > a.start for a in own)
                if size == 1 and micro:
                    assert max(p.stop - p.start for p in parts[0]) <= micro


def test_batches_of_an_evaluation_are_dealt_out_whole():
    found = sorted(bound for rank in range(3) for bound in batch_bounds(10, 4, World(rank, 3)))
    assert found == [(0, 4), (4, 8), (8, 10)]


def test_masks_of_parts_are_those_of_the_whole():
    from timm.layers import drop_path

    x = torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) + 1

    def masked(rows):
        torch.manual_seed(7)
        with PartOfBatch(rows, 6, shared_norm=False):
            dropped = F.dropout(x[rows], 0.5)
            return drop_path(dropped, 0.5, training=True)

    torch.manual_seed(7)
    whole = drop_path(F.dropout(x, 0.5), 0.5, training=True)
    assert 0 < (whole == 0).float().mean() < 1
    assert torch.equal(torch.cat([masked(slice(0, 2)), masked(slice(2, 6))]), whole)
    with PartOfBatch(slice(0, 2), 6, shared_norm=False):  # a tensor that is not the batch's is left alone
        assert F.dropout(torch.ones(4, 3), 0.5).shape == (4, 3)
        assert torch.equal(F.dropout(x[:2], 0.5, training=False), x[:2])


def test_the_launcher_names_the_processes(monkeypatch):
    assert World.of_environment() == World(0, 1, 0)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    world = World.of_environment()
    assert (world.rank, world.size, world.local_rank, world.first) == (3, 4, 1, False)
    assert world.device("cpu") == "cpu"
    with pytest.raises(UsageError, match="one each"):
        world.device("cuda:0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert world.device("auto") == "cuda:1"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="1 GPUs"):
        world.device("cuda")


def test_processes_of_a_machine_share_its_cores(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr("dermbench.training.config.distributed.available_cores", lambda: 8)
    try:
        for set_by_launcher, size, wanted in (("", 2, 4), ("4", 16, 2), ("", 16, 1)):
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
            monkeypatch.setenv("LOCAL_WORLD_SIZE", set_by_launcher)
            with _sharing_cores(size):
                assert os.environ["OMP_NUM_THREADS"] == str(wanted)  # what accelerate sees: it does not warn
            assert "OMP_NUM_THREADS" not in os.environ
            assert torch.get_num_threads() == wanted
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        with _sharing_cores(2):
            assert torch.get_num_threads() == 1  # of the case before: what the user says is left alone
        assert os.environ["OMP_NUM_THREADS"] == "3"
    finally:
        torch.set_num_threads(threads)


def test_what_one_process_does_alone_is_refused_to_several():
    World().refuse_several("a probe on embeddings")
    with pytest.raises(UsageError, match="by one process, not 2"):
        World(1, 2, 1).refuse_several("a probe on embeddings")


def test_only_what_happened_to_one_process_is_told_by_it():
    second = World(1, 2, 1)
    with pytest.raises(ElsewhereError) as silent, second.reporting_once():
        raise UsageError("no such preset")
    assert str(silent.value) == ""
    with pytest.raises(ResumableError, match="process 1: out of memory"), second.reporting_once():
        raise ResumableError("out of memory")
