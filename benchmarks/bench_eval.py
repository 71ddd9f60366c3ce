"""Measure the cost of a whole ``dermbench eval --json``, each run in its own process.

    OMP_NUM_THREADS=1 python benchmarks/bench_eval.py --out benchmarks/results/eval.md

It evaluates probabilities for 1,227 images of 21 classes, with the skin types of a Fitzpatrick test set.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from dermbench.artifacts.files import write_text

SIZES = {1: 238, 2: 397, 3: 243, 4: 186, 5: 83, 6: 44, -1: 36}
"""Number of images by skin type; -1 is unknown."""
N_CLASSES = 21
HEAD = """\
# Cost of a whole evaluation

Made by `OMP_NUM_THREADS=1 python benchmarks/bench_eval.py{arguments}`: `dermbench eval --json` of predictions with
probabilities as a process of its own, {n:,} images, {n_classes} classes, features fst and fst_band, one worker,
imports included; {rounds} rounds of all settings. The machine was shared: read CPU seconds.

| resamples | CPU s, least | CPU s, median | wall s, least | peak memory MB |
|---:|---:|---:|---:|---:|
"""


def write_files(folder: Path, seed: int) -> list[str]:
    """Write predictions and truth; return the arguments of ``dermbench`` for their evaluation."""
    rng = np.random.default_rng(seed)
    fst = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    n = len(fst)
    classes = [f"c{k:02d}" for k in range(N_CLASSES)]
    y_true = rng.choice(N_CLASSES, n, p=rng.dirichlet(np.full(N_CLASSES, 8.0)))
    logits = rng.normal(size=(n, N_CLASSES))
    logits[np.arange(n), y_true] += 2.2
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = [f"i{k:05d}" for k in range(n)]
    truth = pd.DataFrame({"image_id": ids, "label": [classes[c] for c in y_true], "fst": fst})
    truth.to_csv(folder / "truth.csv", index=False)
    named = {f"prob_{name}": y_prob[:, k] for k, name in enumerate(classes)}
    pd.DataFrame({"image_id": ids, **named}).to_csv(folder / "predictions.csv", index=False)
    truth_given = ["--truth", str(folder / "truth.csv"), "--classes", ",".join(classes)]
    return ["eval", str(folder / "predictions.csv"), *truth_given, "--json"]


def measure(arguments: list[str]) -> tuple[float, float, float]:
    """Run ``dermbench``; return wall seconds, CPU seconds and peak resident MB of its process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "dermbench", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode} of {' '.join(command)}")
    per_mb = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mb


def main() -> None:
    """Print the table, and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resamples", type=int, nargs="+", default=[99, 9_999])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="seed of predictions and truth")
    parser.add_argument("--out", type=Path, help="markdown file")
    chosen = parser.parse_args()
    given = "".join(f" {argument}" for argument in sys.argv[1:])
    text = HEAD.format(arguments=given, n=sum(SIZES.values()), n_classes=N_CLASSES, rounds=chosen.rounds)
    found: dict[int, list[tuple[float, float, float]]] = {resamples: [] for resamples in chosen.resamples}
    with tempfile.TemporaryDirectory() as folder:
        arguments = write_files(Path(folder), chosen.seed)
        for _ in range(chosen.rounds):
            for resamples, taken in found.items():
                taken.append(measure([*arguments, "--resamples", str(resamples)]))
    for resamples, taken in found.items():
        wall, cpu, peak = np.array(taken).T
        text += (
            f"| {resamples:,} | {cpu.min():.1f} | {np.median(cpu):.1f} | {wall.min():.1f} | {peak.max():.0f} |\n"
        )
    print(text)
    if chosen.out is not None:
        write_text(chosen.out, text)


if __name__ == "__main__":
    main()
