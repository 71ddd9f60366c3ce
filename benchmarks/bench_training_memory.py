"""Check that the memory of a training run does not grow over epochs.

    OMP_NUM_THREADS=1 python benchmarks/bench_training_memory.py --out benchmarks/results/training-memory.md

It prints resident memory after each epoch of a tiny network, with the parts that could grow switched on: moving
average, early stopping state, checkpoints every third step. The slope is that of the second half, when allocators
have settled. ``bench_training.py --memory`` measures the peak by batch size.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from dermbench.data import prepare
from dermbench.training import train
from dermbench.training.run.progress import Reporter

TINY = ("model=test_efficientnet", "pretrained=false", "image_size=32", "cache_size=36", "probe_l2=0")
GROWING = ("ema_decay=0.9", "patience=0", "checkpoint_steps=3", "freeze_norm=false")


def resident_by_epoch(data: Path, out: Path, epochs: int) -> list[float]:
    """Return resident memory in MB after each epoch."""
    found, process, report = [], psutil.Process(), Reporter.epoch

    def watch(self, *args, **kwargs):
        found.append(process.memory_info().rss / 1e6)
        report(self, *args, **kwargs)

    Reporter.epoch = watch
    try:
        options = (*TINY, *GROWING, f"epochs={epochs}", "batch_size=16")
        train(data, out, preset="cpu-small", overrides=options, quiet=True)
    finally:
        Reporter.epoch = report
    return found


def table(found: list[float], command: str) -> str:
    """Return the results as markdown."""
    half = len(found) // 2
    slope = np.polyfit(np.arange(len(found) - half), found[half:], 1)[0]
    marks = sorted({1, 2, 5, 10, len(found) // 2, len(found)})
    lines = ["# Memory of training", "", f"`{command}`", "", "| epoch | resident, MB |", "|--:|--:|"]
    lines += [f"| {n} | {found[n - 1]:.1f} |" for n in marks if n <= len(found)]
    lines += ["", f"Slope over the second half: {slope * 1000:+.1f} kB an epoch."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print, or write with ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = prepare("synthderm", out=folder / "data", options={"images": "240"}).root
        found = resident_by_epoch(data, folder / "run", chosen.epochs)
        text = table(found, " ".join(["python", *sys.argv]))
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
