"""The speed scripts keep up with the code that they time, and their tables follow from what was measured."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TINY = ("model=test_efficientnet", "image_size=32", "batch_size=8", "epochs=2", "pretrained=false", "probe_l2=0")


@pytest.fixture
def scripts(monkeypatch):
    """Modules ``speed`` and ``speed_study``."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("speed"), importlib.import_module("speed_study")


@pytest.fixture
def study(scripts):
    speed, _ = scripts
    ways = (
        speed.Way("eager", "fp32"),
        speed.Way("compiled", "fp32", "compile"),
        speed.Way("own", "fp32", "auto"),
        speed.Way("bf16", "bf16"),
    )
    return speed.Study("Title", ways, {"b0": ("cpu-small", ("image_size=32",))}, ("cpu-small", ()), (), warm=1)


def measured(speed, part, way, seconds, cache="cold", **more):
    return speed.Measured(part, way, cache, seconds, 2 * seconds, 0.5, 3e6, 10.0, **more)


def test_a_step_is_told_with_its_share_of_the_first_way_and_the_loss_apart(scripts, study):
    speed, pages = scripts
    found = [
        measured(speed, "b0", "eager", 1.0, losses=(2.0, 1.5)),
        measured(speed, "b0", "eager", 3.0, losses=(2.0, 1.5)),
        measured(speed, "b0", "compiled", 1.0, losses=(2.0, 1.25)),
        measured(speed, "b0", "compiled", 1.0, cache="warm", losses=(2.0, 1.25)),
    ]
    rows = pages.step_rows(study, found, on_gpu=False)[2:]
    assert rows == [
        "| eager | 2.00 (1.00 to 3.00) | 1.00 | 0.5 |  |  | 3 | 0 |",
        "| compiled | 1.00 (1.00 to 1.00) | 0.50 | 0.5 |  |  | 3 | 0.2 |",
    ]


def test_a_run_is_compared_with_the_fastest_cold_way_of_the_library(scripts, study):
    speed, pages = scripts
    found = [
        measured(speed, "run", "eager", 60.0, score=0.5),
        measured(speed, "run", "compiled", 80.0, score=0.5),
        measured(speed, "run", "compiled", 40.0, cache="warm", score=0.5),
        measured(speed, "run", "own", 50.0, score=0.5),
    ]
    rows = pages.run_rows(study, found, on_gpu=False)[2:]
    assert rows == [
        "| eager |  | 60 | 120 |  | 1.00 | 0.500 |",
        "| compiled | cold | 80 | 160 |  | 0.75 | 0.500 |",
        "| compiled | warm | 40 | 80 |  | 1.50 | 0.500 |",
        "| own | cold | 50 | 100 |  | 1.20 | 0.500 |",
    ]


def test_a_way_is_not_run_whose_step_takes_three_times_as_long(scripts, study):
    speed, pages = scripts
    found = [measured(speed, "b0", "eager", 1.0), measured(speed, "b0", "compiled", 2.9)]
    assert study.slow(found) == []
    found.append(measured(speed, "b0", "bf16", 3.0))
    assert study.slow(found) == ["bf16"]
    chosen = argparse.Namespace(device="cpu", data=None, set=[])
    assert "Not run, since a step takes at least 3 times as long as the first way's: bf16." in pages.page(
        study, found, chosen
    )


def test_compiled_code_is_warm_only_after_a_process_has_ended_well(scripts, study, tmp_path):
    speed, _ = scripts
    way, folder = study.way("compiled"), tmp_path / "code"
    (folder / "inductor").mkdir(parents=True)  # left by a process that did not end well
    with speed.compiling_in(folder, way, on_gpu=False) as (cache, environment):
        assert cache == "cold"
        assert environment["TORCHINDUCTOR_CACHE_DIR"] == str(folder / "inductor")
        assert not folder.exists()
    with speed.compiling_in(folder, way, on_gpu=False) as (cache, _):
        assert cache == "warm"


def test_measurements_are_read_as_they_were_kept(scripts, tmp_path):
    speed, _ = scripts
    one = measured(speed, "b0", "eager", 1.0, score=0.5, launched=0.25, losses=(1.0, 2.0))
    speed.keep(tmp_path / "kept.jsonl", one)
    speed.keep(tmp_path / "kept.jsonl", one)
    assert speed.kept(tmp_path / "kept.jsonl") == [one, one]


def test_a_way_without_kernels_takes_them_out_of_its_process(scripts, monkeypatch):
    speed, _ = scripts
    from dermbench.training.speed import fused

    before = fused.fuse
    monkeypatch.setattr(fused, "fuse", before)  # puts it back afterwards
    speed.Way("all", "fp32", "auto").prepare()
    assert fused.fuse is before
    speed.Way("graphs", "fp32", "auto", kernels=False).prepare()
    assert fused.fuse(None, None, None) == 0


@pytest.mark.scripts
def test_steps_and_runs_are_timed_from_end_to_end(shared_dataset, tmp_path):
    """On a CPU eager and graphs compute the same; what compiles takes minutes and is left out."""
    words = ["--device", "cpu", "--steps", "1", "--rounds", "1", "--data", shared_dataset.root]
    words += ["--kept", tmp_path / "kept.jsonl", "--ways", "eager, fp32", "graphs, fp32"]
    words += [word for value in TINY for word in ("--set", value)]
    command = [sys.executable, BENCHMARKS / "speed_gpu.py", *words]
    page = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    steps, runs = (part.splitlines() for part in page.split("\n## A ")[1:])
    steps = [row.split(" | ") for row in steps if row.startswith(("| eager", "| graphs"))]
    runs = [row.split(" | ") for row in runs if row.startswith(("| eager", "| graphs"))]
    assert [row[0] for row in steps] == [row[0] for row in runs] == ["| eager, fp32", "| graphs, fp32"]
    assert [row[-1] for row in steps] == ["0 |", "0 |"]
    assert runs[0][-1] == runs[1][-1]
    assert "nan" not in page


@pytest.mark.scripts
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_script_says_so(tmp_path):
    command = [sys.executable, BENCHMARKS / "speed_gpu.py"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: this script times a CUDA device, and torch finds none here\n"
    assert list(tmp_path.iterdir()) == []
