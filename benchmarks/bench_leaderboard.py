"""Measure the cost of building and verifying boards with many entries.

``python benchmarks/bench_leaderboard.py`` prints the table; under pytest a small board is timed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth, read_entry, write_entry, write_predictions
from dermbench.leaderboard import Effort, add, build, slugify, verify
from dermbench.leaderboard.index import append_entry, entry_digest

BOARD = """\
schema = "dermbench.board/1"
task = "toy"
sensitive = ["fst", "fst_band"]
store_truth = true
resamples = {resamples}
"""
SIZES = {"small": (190, 5), "synthderm": (542, 10), "ajl-21": (1227, 21)}
"""Test images and classes of the tasks that have boards."""
DISTINCT = 5
"""Number of different predictions on a board; the other entries repeat them."""


def world(n: int, n_classes: int):
    rng = np.random.default_rng(0)
    classes = tuple(f"class {i:02d}" for i in range(n_classes))
    columns = {"image_id": [f"{i:05d}" for i in range(n)], "label": np.array(classes)[np.arange(n) % n_classes]}
    table = pd.DataFrame(columns | {"fst": pd.array(rng.integers(1, 7, n), dtype="Int64")})
    return make_truth(table, classes=classes, task="toy", split="test", sensitive=("fst", "fst_band"))


def fill(folder: Path, truth, n_entries: int, *, resamples: int, distinct: int = DISTINCT) -> Path:
    """Make a board of entries with rising accuracy; after ``distinct`` entries they repeat under other names."""
    board = folder / "toy"
    board.mkdir()
    (board / "board.toml").write_text(BOARD.format(resamples=resamples))
    for seed in range(min(distinct, n_entries)):
        rng = np.random.default_rng(seed)
        prob = rng.dirichlet(np.ones(len(truth.classes)), len(truth))
        hit = rng.random(len(truth)) < 0.2 + 0.6 * seed / distinct
        prob[hit] *= 0.2
        prob[hit, truth.y_true[hit]] += 0.8
        write_predictions(folder / "p.parquet", make_predictions(truth.image_id, prob, truth.classes))
        add(board, folder / "p.parquet", name=f"model {seed:03d}", truth=truth)
    for number in range(distinct, n_entries):
        _repeat(board, f"model {number % distinct:03d}", f"model {number:03d}")
    return board


def _repeat(board: Path, name: str, other: str) -> None:
    """Copy an entry under another name, without the cost of adding; checking it costs as much as any entry."""
    source, target = (board / "entries" / slugify(one) for one in (name, other))
    shutil.copytree(source, target)
    entry = read_entry(target / "entry.toml").model_copy(update={"name": other})
    write_entry(target / "entry.toml", entry)
    append_entry(board, "add", target.name, entry=entry_digest(target), truth=entry.truth_digest)


def seconds(work, board: Path, effort: Effort) -> tuple[float, float]:
    """Return wall seconds, and processor seconds, which do not depend on other users of the machine."""
    start, used = perf_counter(), processor()
    (done,) = work(board, effort=effort)
    assert not done.problems, done.problems[0]
    return perf_counter() - start, processor() - used


def processor() -> float:
    return sum(os.times()[:4])


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("board"), world(*SIZES["small"]), 6, resamples=99)


@pytest.mark.parametrize("quick", [True, False])
def test_verify(benchmark, board, quick):
    build(board)
    (done,) = benchmark.pedantic(verify, (board,), {"effort": Effort(quick=quick)}, rounds=1)
    assert not done.problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--resamples", type=int, default=9999)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--verbs", nargs="+", default=["build", "verify", "verify --quick"])
    options = parser.parse_args()
    print(f"{options.resamples:,} resamples, {options.workers} worker processes; load {os.getloadavg()[0]:.1f}\n")
    print("| test images x classes | entries | verb | clock, s | processor s | processor s an entry |")
    print("|---|--:|---|--:|--:|--:|", flush=True)
    for task, n_entries in product(options.tasks, options.entries):
        with tempfile.TemporaryDirectory() as folder:
            board = fill(Path(folder), world(*SIZES[task]), n_entries, resamples=options.resamples)
            build(board, effort=Effort(quick=True))
            for verb in options.verbs:
                work = {"build": build, "verify": verify}[verb.split()[0]]
                clock, cpu = seconds(work, board, Effort(quick="--quick" in verb, workers=options.workers))
                shape = f"{SIZES[task][0]:,} x {SIZES[task][1]} | {n_entries}"
                print(f"| {shape} | `{verb}` | {clock:.1f} | {cpu:.1f} | {cpu / n_entries:.2f} |", flush=True)


if __name__ == "__main__":
    main()
