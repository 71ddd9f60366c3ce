"""Measure the cost of intervals and disparities by rows, classes, resamples and models: a table and a plot.

    OMP_NUM_THREADS=1 python benchmarks/bench_scale.py --out benchmarks/results/scale

Each line is measured in its own process, so that peak memory is separate.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

LINES = [
    # rows, classes, resamples, models, what
    (1_700, 21, 999, 1, "intervals"),
    (1_700, 21, 9_999, 1, "intervals"),
    (1_700, 21, 9_999, 10, "models"),
    (1_700, 21, 9_999, 1, "gaps"),
    (1_700, 114, 9_999, 1, "intervals"),
    (17_000, 21, 9_999, 1, "intervals"),
    (17_000, 114, 9_999, 1, "intervals"),
    (17_000, 114, 9_999, 1, "gaps"),
    (100_000, 21, 9_999, 1, "intervals"),
    (100_000, 114, 9_999, 1, "intervals"),
    (1_000_000, 21, 9_999, 1, "intervals"),
    (1_000_000, 114, 999, 1, "intervals"),
    (1_000_000, 114, 9_999, 1, "intervals"),
    (1_000_000, 21, 9_999, 1, "gaps"),
    (1_700, 21, 9_999, 1, "probabilities"),
    (17_000, 114, 9_999, 1, "probabilities"),
    (100_000, 21, 9_999, 1, "probabilities"),
    (1_000_000, 21, 9_999, 1, "probabilities"),
]
SCORES = ("log_loss", "brier", "auroc_ovr", "average_precision")
NAMES = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "mcc")


def measure(rows: int, classes: int, resamples: int, models: int, what: str, workers: int) -> dict[str, float]:
    """Time one line: ``intervals`` has six metrics, overall and for 7 groups; ``probabilities`` has ten."""
    import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import METRICS
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.contrasts import gap_tests
    from dermbench.evaluation.intervals.every_metric import estimates
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.resampling.resample import as_tally, replicate, tally_cells

    rng = np.random.default_rng(0)
    y_true = rng.choice(classes, rows, p=rng.dirichlet(np.full(classes, 4.0)))
    predictions = [
        np.where(rng.random(rows) < 0.62, y_true, rng.integers(0, classes, rows)) for _ in range(models)
    ]
    codes = rng.choice(7, rows, p=rng.dirichlet(np.full(7, 4.0)))
    y_prob = probabilities(rng, y_true, classes) if what == "probabilities" else None
    predictions = predictions if y_prob is None else [y_prob.argmax(axis=1)]
    sample = Sample(y_true, predictions[0], classes, y_prob=y_prob)
    grouping = Grouping("fst", codes, tuple("ABCDEFG"), ordered=True)
    metrics = [METRICS.get(name) for name in (*NAMES, *(SCORES if y_prob is not None else ()))]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    if what in {"intervals", "probabilities"}:
        for groups in (None, grouping):
            for estimate in estimates(sample, metrics, groups, Plan(0, resamples, workers)).values():
                estimate.cell()
    elif what == "gaps":
        gap_tests(sample, grouping, metrics, Plan(n_resamples=resamples, workers=workers))
    else:
        cells = tally_cells(sample, codes, 7, models=predictions)

        def score(sums: np.ndarray) -> np.ndarray:
            tally = as_tally(sums, classes, steps=False)
            return np.stack([m.score(tally) for m in metrics], axis=-1)

        replicate(cells, score, Plan(n_resamples=resamples, workers=workers), stream="bench")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "data_mb": before / 1024,
        "peak_mb": peak / 1024,
    }


def probabilities(rng: np.random.Generator, y_true: np.ndarray, classes: int) -> np.ndarray:
    """Draw probabilities that favour the true class, shape (rows, classes), without a second copy in memory."""
    prob = rng.standard_exponential((len(y_true), classes))
    prob[np.arange(len(y_true)), y_true] += rng.exponential(6.0, len(y_true))
    prob /= prob.sum(axis=1, keepdims=True)
    return prob


def run(line: tuple[int, int, int, int, str], workers: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--line", json.dumps([*line, workers])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def plot(found: list[tuple[tuple[int, int, int, int, str], dict[str, float]]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for classes, marker in ((21, "o"), (114, "s")):
        kept = [(k[0], v["cpu"]) for k, v in found if k[1:] == (classes, 9_999, 1, "intervals")]
        axes.loglog(*zip(*kept, strict=True), marker=marker, label=f"{classes} classes")
    axes.set(xlabel="rows", ylabel="seconds of one core", title="Six metrics, overall + 7 groups, 9,999 resamples")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--line", help="measure only this line; used by the script's own processes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", help="measure the lines of one kind")
    parser.add_argument("--out", type=Path, help="writes OUT.md and OUT.png")
    args = parser.parse_args()
    if args.line:
        print(json.dumps(measure(*json.loads(args.line))))
        return
    rows = [
        f"Made by `OMP_NUM_THREADS=1 python benchmarks/bench_scale.py --workers {args.workers}`.",
        "Six metrics (accuracy, balanced accuracy, macro-F1, weighted F1, kappa, MCC), overall and for 7 groups;",
        "with probabilities also log loss, Brier score, AUROC and average precision.",
        "",
        "| rows | classes | resamples | models | what | wall s | CPU s | peak memory MB |",
        "|---:|---:|---:|---:|---|---:|---:|---:|",
    ]
    print("\n".join(rows))
    found = []
    for line in (line for line in LINES if args.only in {None, line[-1]}):
        result = run(line, args.workers)
        found.append((line, result))
        n, classes, resamples, models, what = line
        rows.append(
            f"| {n:,} | {classes} | {resamples:,} | {models} | {what} | {result['wall']:.2f} "
            f"| {result['cpu']:.2f} | {result['peak_mb']:,.0f} |"
        )
        print(rows[-1], flush=True)
    if args.out:
        args.out.with_suffix(".md").write_text(
            "# Cost against size\n\n" + "\n".join(rows) + "\n", encoding="utf-8"
        )
        plot(found, args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
