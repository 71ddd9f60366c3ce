"""Boards of many entries: what building and verifying cost, an entry and in all.

``python benchmarks/bench_leaderboard.py`` prints the table; under pytest a small board is timed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth, write_predictions
from dermbench.leaderboard import Effort, add, build, verify

BOARD = """\
schema = "dermbench.board/1"
task = "toy"
sensitive = ["fst", "fst_band"]
store_truth = true
resamples = {resamples}
"""
SIZES = {"synthderm": (190, 5), "ajl-21": (1227, 21)}
"""Test images and classes of the tasks that have boards."""


def world(n: int, n_classes: int):
    rng = np.random.default_rng(0)
    classes = tuple(f"class {i:02d}" for i in range(n_classes))
    columns = {"image_id": [f"{i:05d}" for i in range(n)], "label": np.array(classes)[np.arange(n) % n_classes]}
    table = pd.DataFrame(columns | {"fst": pd.array(rng.integers(1, 7, n), dtype="Int64")})
    return make_truth(table, classes=classes, task="toy", split="test", sensitive=("fst", "fst_band"))


def fill(folder: Path, truth, n_entries: int, *, resamples: int) -> Path:
    """Make a board of entries of rising accuracy."""
    board = folder / "toy"
    board.mkdir()
    (board / "board.toml").write_text(BOARD.format(resamples=resamples))
    for seed in range(n_entries):
        rng = np.random.default_rng(seed)
        prob = rng.dirichlet(np.ones(len(truth.classes)), len(truth))
        hit = rng.random(len(truth)) < 0.2 + 0.6 * seed / n_entries
        prob[hit] *= 0.2
        prob[hit, truth.y_true[hit]] += 0.8
        write_predictions(folder / "p.parquet", make_predictions(truth.image_id, prob, truth.classes))
        add(board, folder / "p.parquet", name=f"model {seed:03d}", truth=truth)
    return board


def seconds(work, board: Path, effort: Effort) -> tuple[float, float]:
    """Seconds of the clock, and of the processors: what other users of the machine do not change."""
    start, used = perf_counter(), processor()
    (done,) = work(board, effort=effort)
    assert not done.problems, done.problems[0]
    return perf_counter() - start, processor() - used


def processor() -> float:
    return sum(os.times()[:4])


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("board"), world(*SIZES["synthderm"]), 6, resamples=99)


@pytest.mark.parametrize("quick", [True, False])
def test_verify(benchmark, board, quick):
    build(board)
    (done,) = benchmark.pedantic(verify, (board,), {"effort": Effort(quick=quick)}, rounds=1)
    assert not done.problems


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--resamples", type=int, default=9999)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=list(SIZES))
    options = parser.parse_args()
    print(f"{options.resamples:,} resamples, {options.workers} processes; load {os.getloadavg()[0]:.1f}")
    print("images x classes, entries: clock / processor seconds; processor seconds an entry")
    for task in options.tasks:
        truth = world(*SIZES[task])
        for n_entries in options.entries:
            with tempfile.TemporaryDirectory() as folder:
                board = fill(Path(folder), truth, n_entries, resamples=options.resamples)
                for quick, work in product((False, True), (build, verify)):
                    clock, cpu = seconds(work, board, Effort(quick=quick, workers=options.workers))
                    name = f"{work.__name__}{' --quick' * quick}"
                    shape = f"{SIZES[task][0]} x {SIZES[task][1]}, {n_entries}"
                    print(f"{shape} | {name} | {clock:.1f} / {cpu:.1f} | {cpu / n_entries:.2f}", flush=True)


if __name__ == "__main__":
    main()
