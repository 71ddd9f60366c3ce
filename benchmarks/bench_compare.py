"""Time rank bands and whole comparisons; OMP_NUM_THREADS=1.

python benchmarks/bench_compare.py [--models 2 20 100] [--whole 2 5]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from dermbench.artifacts import make_truth
from dermbench.artifacts.predictions import Predictions
from dermbench.evaluation import compare, rank_bands

N, N_CLASSES, SWAPS = 1227, 21, 9999


def entries(n_models: int, *, clustered: bool = False, n: int = N, n_classes: int = N_CLASSES, seed: int = 0):
    """Return predictions of models with accuracies from .50 to .70 and many shared errors, and the truth."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 8.0)))
    classes = tuple(f"c{k:02d}" for k in range(n_classes))
    ids = np.array([f"i{k:06d}" for k in range(n)], dtype=object)
    table = {"image_id": ids, "label": [classes[c] for c in y_true]}
    table["fst"] = rng.choice(6, n, p=[0.2, 0.33, 0.2, 0.16, 0.07, 0.04]) + 1
    if clustered:
        table["patient_id"] = [f"p{k // 3}" for k in range(n)]
    truth = make_truth(pd.DataFrame(table), classes=classes)
    shared, found = rng.random(n), {}
    for k in range(n_models):
        hit = 0.6 * shared + 0.4 * rng.random(n) < 0.5 + 0.2 * k / n_models
        found[f"m{k:03d}"] = Predictions(ids, classes, np.where(hit, y_true, rng.integers(0, n_classes, n)))
    return found, truth


def seconds(call, repeats: int = 3) -> str:
    """Return elapsed and processor time of the fastest of a few calls."""
    best = (np.inf, np.inf)
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        call()
        best = min(best, (time.perf_counter() - start, time.process_time() - used))
    return f"{best[0]:.2f} | {best[1]:.2f}"


def main(models: list[int], whole: list[int]) -> None:
    print(f"{N:,} images, {N_CLASSES} classes, {SWAPS:,} label swaps, one core\n")
    print("| models | pairs | units | metric | rank bands, s | processor s |\n|--:|--:|:--|:--|--:|--:|")
    for count in models:
        for clustered in (False, True):
            predictions, truth = entries(count, clustered=clustered)
            for metric in ("macro_f1", "accuracy", "balanced_accuracy", "cohen_kappa"):
                took = seconds(
                    lambda p=predictions, t=truth, m=metric: rank_bands(p, t, metric=m), 3 if count < 50 else 1
                )
                units = "patients" if clustered else "images"
                print(f"| {count} | {count * (count - 1) // 2} | {units} | {metric} | {took} |", flush=True)
    print("\n| models | features | whole comparison, s | processor s |\n|--:|:--|--:|--:|")
    for count in whole:
        predictions, truth = entries(count)
        took = seconds(lambda p=predictions, t=truth: compare(p, t, sensitive=["fst"], margin=0.05), 1)
        print(f"| {count} | fst | {took} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="*", default=[2, 20, 100])
    parser.add_argument("--whole", type=int, nargs="*", default=[2, 5, 20])
    options = parser.parse_args()
    main(options.models, options.whole)
