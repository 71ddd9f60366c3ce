"""Check that dermbench's loop and the two peers of the speed test reach the same macro-F1 with the same recipe.

    OMP_NUM_THREADS=1 python benchmarks/bench_training_quality.py --data DATASET --kept RUNS.jsonl \
        --out benchmarks/results/training-quality.md

Speed means nothing if quality is lost. The loops of ``bench_training.py`` train with several seeds. The page shows
the difference of the means with Welch's 95 % interval over seeds, whether dermbench is no worse by a margin fixed
beforehand (a one-sided test at .025), and whether it is within the margin on both sides. Runs in RUNS.jsonl are
not repeated. Nothing is timed, so several jobs may share a machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from bench_training import PEERS
from scipy import stats
from training_peers import write_folders

from dermbench.artifacts import read_dataset
from dermbench.artifacts.files import write_text
from dermbench.artifacts.provenance import environment
from dermbench.training.config.device import make_runtime

SCRIPT = Path(__file__).with_name("bench_training.py")


def one(chosen: argparse.Namespace, folders: str, peer: str, seed: int) -> dict:
    """Train one loop with one seed."""
    recipe = ["--size", chosen.size, "--epochs", chosen.epochs]
    recipe += ["--batch", chosen.batch, "--workers", chosen.workers]
    recipe += [word for text in chosen.set for word in ("--set", text)]
    hidden = ["--run-of", peer, "--seed", seed, "--folders", folders]
    command = [sys.executable, SCRIPT, "--data", chosen.data, *recipe, *hidden]
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    return {"peer": peer, "seed": seed, "macro_f1": json.loads(done.stdout.splitlines()[-1])["macro_f1"]}


def kept(chosen: argparse.Namespace) -> list[dict]:
    """Return the runs of this recipe in the file."""
    if not chosen.kept.is_file():
        return []
    rows = [json.loads(line) for line in chosen.kept.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["recipe"] == recipe_of(chosen) and row["seed"] < chosen.seeds]


def recipe_of(chosen: argparse.Namespace) -> list:
    """Return the values that comparable runs share."""
    return [chosen.digest, chosen.size, chosen.epochs, chosen.batch, *chosen.set]


def run(chosen: argparse.Namespace, dataset) -> list[dict]:
    rows = kept(chosen)
    there = {(row["peer"], row["seed"]) for row in rows}
    todo = [(p, s) for s in range(chosen.seeds) for p in PEERS if (p, s) not in there]
    with tempfile.TemporaryDirectory() as folders, ThreadPoolExecutor(chosen.jobs) as pool:
        write_folders(dataset, Path(folders))
        for future in as_completed([pool.submit(one, chosen, folders, *job) for job in todo]):
            row = future.result()
            print(row, file=sys.stderr, flush=True)
            with chosen.kept.open("a", encoding="utf-8") as out:
                out.write(json.dumps({**row, "recipe": recipe_of(chosen)}) + "\n")
            rows.append(row)
    return rows


def difference(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the difference of the means and its 95 % interval by Welch's t."""
    found = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    return float(np.mean(ours) - np.mean(theirs)), float(found.low), float(found.high)


def page(chosen: argparse.Namespace, dataset, rows: list[dict]) -> str:
    values = {p: [row["macro_f1"] for row in rows if row["peer"] == p] for p in PEERS}
    versions = ", ".join(f"{k} {v}" for k, v in environment("torch", "torchvision", "timm").items())
    given = " ".join(Path(a).name if a.startswith("/") else a for a in sys.argv[1:])
    threads = os.environ.get("OMP_NUM_THREADS", "")
    n_train, n_val = (len(dataset.part(split)) for split in ("train", "val"))
    lines = [
        "# Equal recipe, equal quality?",
        "",
        f"Made by `OMP_NUM_THREADS={threads} python benchmarks/{Path(__file__).name} {given}`.",
        f"{make_runtime('auto').name}, fp32; {versions}.",
        f"{dataset.info.task}: {n_train:,} images to train on, {n_val:,} to validate; tf_efficientnet_lite0 from",
        f"ImageNet weights at {chosen.size} px, batch {chosen.batch}, {chosen.epochs} epochs, the recipe of",
        "`cpu-small` without its probe; macro-F1 of the best epoch on `val`.",
        "",
        "| loop | seeds | macro-F1 of each | mean | SD |",
        "|---|--:|---|--:|--:|",
    ]
    for peer, found in values.items():
        each = ", ".join(f"{v:.3f}" for v in found)
        lines.append(f"| {peer} | {len(found)} | {each} | {np.mean(found):.3f} | {np.std(found, ddof=1):.3f} |")
    head = f"| dermbench less | difference (95 %) | no worse by {chosen.margin} | within ± {chosen.margin} |"
    lines += ["", head, "|---|--:|---|---|"]
    for peer in PEERS[:2]:
        d, low, high = difference(values["dermbench"], values[peer])
        no_worse = low > -chosen.margin
        words = ["yes" if shown else "not shown" for shown in (no_worse, no_worse and high < chosen.margin)]
        lines.append(f"| {peer} | {d:+.3f} [{low:+.3f}, {high:+.3f}] | {' | '.join(words)} |")
    return "\n".join([*lines, ""])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared dataset")
    parser.add_argument("--kept", type=Path, required=True, help="JSON lines of finished runs")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="of the DataLoaders")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--margin", type=float, default=0.03, help="of macro-F1 that counts as no difference")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the configuration")
    parser.add_argument("--out", type=Path, help="markdown file")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    if any(text.startswith("crop_mode") for text in chosen.set):
        sys.exit("the other loops cut squares out of the centre; leave crop_mode as it is")
    dataset = read_dataset(chosen.data)
    chosen.digest = dataset.info.digest
    text = page(chosen, dataset, run(chosen, dataset))
    print(text)
    if chosen.out:
        write_text(chosen.out, text)


if __name__ == "__main__":
    main()
