"""Compare the training speed of dermbench with a plain loop, a tuned loop and the limits of the hardware.

    OMP_NUM_THREADS=1 python benchmarks/bench_training.py --data DATASET --out benchmarks/results/training.md
    python benchmarks/bench_training.py --data DATASET --model tf_efficientnet_b4.aa_in1k --size 380 \
        --preset efficientnet-b4 --batch 64 --epochs 30 --workers 16 --seeds 1 --set pretrained=false

All loops train the same network from the same weights with the same recipe (optimiser, schedule, loss, class
weights, augmentation, validation every epoch), from image files to the best epoch; dermbench starts with an empty
cache each time. Repeats are interleaved, each in its own process, whose start does not count. Only ratios within
one call are meaningful.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import pandas as pd
import torch
from timm.utils.model_ema import ModelEmaV3
from training_floor import Floor, measure_floor, synchronise
from training_peers import Loop, Outcome, write_folders

from dermbench.artifacts import read_dataset
from dermbench.artifacts.files import write_text
from dermbench.artifacts.provenance import environment
from dermbench.training import train
from dermbench.training.config.device import computing, make_runtime
from dermbench.training.data import pixels
from dermbench.training.run import loop, step
from dermbench.training.run.configure import load_config

PEERS = ("plain loop", "tuned loop", "dermbench")
ORDER = ("dermbench", "plain loop", "tuned loop")


class Clock:
    """Adds up the seconds of each phase by wrapping functions; a phase inside another counts as the outer one."""

    def __init__(self, runtime) -> None:
        self.seconds: dict[str, float] = {}
        self.runtime, self.inside = runtime, False

    def wrap(self, owner: object, name: str, phase: str) -> None:
        function = getattr(owner, name)

        @wraps(function)
        def timed(*args, **kwargs):
            if self.inside:
                return function(*args, **kwargs)
            self.inside = True
            synchronise(self.runtime)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                synchronise(self.runtime)
                self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started
                self.inside = False

        setattr(owner, name, timed)


def overrides_of(chosen, seed: int) -> list[str]:
    """Return the shared recipe, without the probe, which only dermbench has."""
    fixed = [
        f"model={chosen.model}", f"image_size={chosen.size}", f"batch_size={chosen.batch}",
        f"epochs={chosen.epochs}", f"device={chosen.device}", "probe_l2=0", "patience=0", f"seed={seed}",
    ]  # fmt: skip
    return [*fixed, *chosen.set]


@contextmanager
def empty_cache():
    """Use a temporary folder for the pixel cache in the block; an absolute name replaces the dataset's."""
    with tempfile.TemporaryDirectory() as folder:
        before, pixels.CACHE = pixels.CACHE, folder
        try:
            yield
        finally:
            pixels.CACHE = before


def run_dermbench(chosen, dataset, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, empty_cache():
        out = chosen.keep / f"s{seed}" if chosen.keep and chosen.run_of else Path(folder) / "run"
        record = train(dataset, out, preset=chosen.preset, overrides=overrides_of(chosen, seed), quiet=True)
        history = pd.read_csv(out / "history.csv")
    print({"seconds": record.seconds, "first epochs": history["seconds"].head(4).tolist()}, file=sys.stderr)
    history = history[history["images_per_second"].notna()]
    rate = history["images_per_second"].iloc[min(1, len(history) - 1) :].median()
    return Outcome(record.scores["val_macro_f1"], float(rate), history["seconds"].tolist())


def run_peer(name: str, chosen, dataset, folders: Path, seed: int) -> Outcome:
    if name == "dermbench":
        return run_dermbench(chosen, dataset, seed)
    config = load_config(preset=chosen.preset, overrides=overrides_of(chosen, seed))
    device = make_runtime(config.device).device
    loop = Loop(config, folders, device, workers=chosen.workers, tuned=name == "tuned loop")
    return loop.run(chosen.peer_epochs)


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of its finished workers."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def compare(chosen, dataset) -> dict[str, list[tuple[Outcome, float, float]]]:
    """Return outcome, wall and CPU seconds of each run; the order of the peers rotates with the seed."""
    found: dict[str, list] = {name: [] for name in PEERS if name not in chosen.without}
    with tempfile.TemporaryDirectory() as folder:
        write_folders(dataset, Path(folder))
        for seed in range(chosen.seeds):
            for name in (*ORDER[seed % 3 :], *ORDER[: seed % 3]):
                if name not in found:
                    continue
                run = json.loads(call_again("--run-of", name, "--seed", str(seed), "--folders", folder))
                print(f"seed {seed} {name}: {run}", file=sys.stderr, flush=True)
                wall, cpu = run.pop("wall"), run.pop("cpu")
                outcome = Outcome(**run)
                left = chosen.epochs - len(outcome.epoch_seconds)  # for a peer that stopped early
                share = outcome.epoch_seconds[-1] / wall
                found[name].append((outcome, wall * (1 + left * share), cpu * (1 + left * share)))
    return found


def call_again(*words: str) -> str:
    """Call this script again with further arguments, and return the last line it prints."""
    command = [sys.executable, __file__, *sys.argv[1:], *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


def timed_run(chosen, dataset) -> str:
    """Run one peer once; return its outcome and times as JSON."""
    runtime = make_runtime(chosen.device)
    torch.zeros(1, device=runtime.device)  # wakes a GPU up
    synchronise(runtime)
    wall, cpu = time.perf_counter(), cpu_seconds()
    outcome = run_peer(chosen.run_of, chosen, dataset, chosen.folders, chosen.seed)
    synchronise(runtime)
    wall = time.perf_counter() - wall
    gc.collect()  # ends the workers, so that their CPU seconds count
    return json.dumps({**vars(outcome), "wall": wall, "cpu": cpu_seconds() - cpu})


def profile(chosen, dataset, runtime) -> tuple[dict[str, float], float]:
    """Return the seconds of each phase of a dermbench run, and its total."""
    clock = Clock(runtime)
    module = sys.modules[train.__module__]
    for owner, name, phase in (
        (module, "_load", "decode and load"),
        (module, "build_network", "make the network"),
        (step.Feed, "images", "gather and augment"),
        (step.Normaliser, "__call__", "normalise"),
        (loop, "predict_logits", "validate"),
        (module, "predict_logits", "validate"),
        (torch.Tensor, "backward", "backward"),
        (torch.nn.utils, "clip_grad_norm_", "clip the gradient"),
        ({"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[chosen.optimizer], "step", "optimiser"),
        (ModelEmaV3, "update", "moving average"),
        (loop, "write_tensors", "checkpoint"),
        (loop.Trainer, "save", "checkpoint"),
    ):
        clock.wrap(owner, name, phase)
    make = step.Stepper.__init__

    def timed_forward(self, *args, **kwargs):
        make(self, *args, **kwargs)
        clock.wrap(self, "forward", "forward")

    step.Stepper.__init__ = timed_forward
    started = time.perf_counter()
    run_dermbench(chosen, dataset, 0)
    return clock.seconds, time.perf_counter() - started


def memory(chosen) -> list[tuple[int, float | None]]:
    """Return peak memory in bytes by batch size, each in its own process; None where memory ran out."""
    found = []
    for batch in chosen.memory:
        try:
            found.append((batch, float(call_again("--peak-of", str(batch)))))
        except subprocess.CalledProcessError:
            found.append((batch, None))
    return found


def peak_of(chosen, dataset, batch: int) -> None:
    """Train three steps at a batch size and print the peak memory of the process, or of the GPU."""
    chosen.batch = batch
    with tempfile.TemporaryDirectory() as folder:
        overrides = [*overrides_of(chosen, 0), "max_steps=3", "epochs=1"]
        record = train(dataset, Path(folder) / "run", preset=chosen.preset, overrides=overrides, quiet=True)
    print(record.peak_memory_bytes)


def compare_table(found: dict) -> list[str]:
    lines = [
        "| loop | wall s | CPU s | images/s | plain / this: wall, CPU | tuned / this: wall, CPU | val macro-F1 |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    median = {
        name: [statistics.median(run[column] for run in runs) for column in (1, 2)] for name, runs in found.items()
    }
    for name, runs in found.items():
        scores = [outcome.macro_f1 for outcome, _, _ in runs]
        spread = f" ± {statistics.stdev(scores):.3f}" if len(scores) > 1 else ""
        ratios = [
            ", ".join(f"{a / b:.2f}" for a, b in zip(median[p], median[name], strict=True)) if p in median else "-"
            for p in PEERS[:2]
        ]
        rate = statistics.median(outcome.images_per_second for outcome, _, _ in runs)
        lines.append(
            f"| {name} | {median[name][0]:.1f} | {median[name][1]:.1f} | {rate:.1f} | {' | '.join(ratios)} "
            f"| {statistics.mean(scores):.3f}{spread} |"
        )
    seeds = len(found["dermbench"])
    words = [f"Medians of {seeds} interleaved runs; macro-F1 of the best epoch, mean ± SD over {seeds} seeds."]
    short = {name: len(runs[0][0].epoch_seconds) for name, runs in found.items()}
    words += [
        f"The {name} was stopped after {count} epochs; the rest is counted as long as the last of them."
        for name, count in short.items()
        if count < max(short.values())
    ]
    return [*lines, "", *words]


def floor_lines(floor: Floor, rate: float) -> list[str]:
    by_bytes, by_operations = floor.bandwidth / floor.bytes_per_image, floor.arithmetic / floor.flops_per_image
    return [
        f"Measured: copies {floor.bandwidth / 1e9:.1f} GB/s, products {floor.arithmetic / 1e9:.0f} GFLOP/s.",
        f"An image of an eager step: {floor.bytes_per_image / 1e6:.0f} MB that its operators read and write,",
        f"{floor.flops_per_image / 1e9:.2f} GFLOP. Bytes allow {by_bytes:.1f} images/s, operations",
        f"{by_operations:.1f}; dermbench reaches {rate / min(by_bytes, by_operations):.0%} of the lower one.",
    ]


def profile_lines(chosen, dataset, runtime) -> list[str]:
    chosen.epochs = min(chosen.epochs, 3)
    seconds, whole = profile(chosen, dataset, runtime)
    title = f"## Where the time goes (one run of dermbench, {chosen.epochs} epochs, each phase waited for)"
    lines = ["", title, "", "| phase | s | share |", "|---|--:|--:|"]
    rest = {"everything else": whole - sum(seconds.values())}
    for phase, took in [*sorted(seconds.items(), key=lambda item: -item[1]), *rest.items()]:
        lines.append(f"| {phase} | {took:.1f} | {took / whole:.1%} |")
    return lines


def heading(config, runtime, dataset) -> list[str]:
    given = " ".join(Path(a).name if a.startswith("/") else a for a in sys.argv[1:])
    versions = ", ".join(f"{k} {v}" for k, v in environment("torch", "torchvision", "timm").items())
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return [
        "# Training speed",
        "",
        f"Made by `python benchmarks/bench_training.py {given}` (threads a process: {threads}).",
        f"{runtime.name}, {runtime.precision}; {versions}.",
        f"{len(dataset.part('train')):,} images to train on, {len(dataset.part('val')):,} to validate;",
        f"{config.model} at {config.image_size} px, batch {config.batch_size}, {config.epochs} epochs.",
        "",
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared dataset")
    parser.add_argument("--preset", default="cpu-small")
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoaders")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the configuration")
    parser.add_argument("--memory", type=int, nargs="*", default=[8, 16, 32, 64], help="batch sizes")
    parser.add_argument("--out", type=Path, help="markdown file")
    parser.add_argument(
        "--peer-epochs", type=int, default=0, help="stop the other loops after this number of epochs"
    )
    parser.add_argument("--without", nargs="*", default=[], choices=PEERS[:2], help="loops to leave out")
    parser.add_argument("--no-profile", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the runs of dermbench")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--run-of", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folders", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    dataset = read_dataset(chosen.data)
    if chosen.peak_of:
        peak_of(chosen, dataset, chosen.peak_of)
        return
    if chosen.run_of:
        print(timed_run(chosen, dataset))
        return
    config = load_config(preset=chosen.preset, overrides=overrides_of(chosen, 0))
    chosen.optimizer = config.optimizer
    runtime = make_runtime(config.device, precision=config.precision)
    with computing(runtime):
        floor = measure_floor(config, runtime, batch=chosen.batch, n_classes=len(dataset.classes))
    found = compare(chosen, dataset)
    rate = statistics.median(o.images_per_second for o, _, _ in found["dermbench"])
    lines = [*heading(config, runtime, dataset), *compare_table(found), ""]
    lines += ["## Floor", "", *floor_lines(floor, rate)]
    if chosen.memory:
        lines += ["", "## Peak memory", "", "| batch | MB |", "|--:|--:|"]
        lines += [f"| {batch} | {f'{peak / 1e6:,.0f}' if peak else 'ran out'} |" for batch, peak in memory(chosen)]
    if not chosen.no_profile:
        lines += profile_lines(chosen, dataset, runtime)
    print("\n".join(lines))
    if chosen.out:
        write_text(chosen.out, "\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
