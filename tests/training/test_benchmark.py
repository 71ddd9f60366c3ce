"""The training benchmark runs from end to end, so that its loops keep up with what they are compared with."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

pytestmark = pytest.mark.scripts

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bench_training.py"
OPTIONS = {
    "model": "test_efficientnet",
    "size": 32,
    "batch": 8,
    "epochs": 1,
    "seeds": 1,
    "workers": 0,
    "memory": 8,
}


def test_all_three_loops_are_timed_and_tabled(shared_dataset, tmp_path):
    out = tmp_path / "training.md"
    words = chain.from_iterable((f"--{name}", str(value)) for name, value in OPTIONS.items())
    command = [sys.executable, SCRIPT, "--data", shared_dataset.root, *words, "--set", "pretrained=false"]
    subprocess.run([*command, "--out", out], check=True, cwd=tmp_path)
    page = out.read_text(encoding="utf-8")
    assert all(f"\n| {name} | " in page for name in ("plain loop", "tuned loop", "dermbench"))
    assert "\n| 8 | " in page
