"""What does a step of fine-tuning cost on a CPU: memory reused, stages frozen, compiled, smaller images, bf16?

    OMP_NUM_THREADS=1 python benchmarks/bench_step.py --out benchmarks/results/training-steps.md

Each way is timed in a process of its own, since how memory is asked for is a matter of the whole process; rounds
alternate between the ways. CPU seconds of forward, backward and optimiser on random images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from dermbench.training.depthwise import quicken
from torch.nn.functional import cross_entropy

from dermbench.allocator import memory_reused
from dermbench.training import native
from dermbench.training.config.device import MEMORY_FORMAT, make_runtime, peak_memory
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import build_network, compiled, freeze_norm, freeze_stages
from dermbench.training.run.optim import make_optimizer
from dermbench.training.speed.fused import fuse

WAYS = {
    "as PyTorch alone does": {"reused": False, "frozen": 0, "precision": "fp32"},
    "memory reused": {"reused": True, "frozen": 0, "precision": "fp32"},
    "memory reused, compiled": {"reused": True, "frozen": 0, "precision": "fp32", "compile": True},
    "memory reused, 3/5 of the size (start of a progressive run)": {
        "reused": True,
        "frozen": 0,
        "precision": "fp32",
        "share": 0.6,
    },
    "first 4 stages frozen": {"reused": False, "frozen": 4, "precision": "fp32"},
    "memory reused, first 4 stages frozen": {"reused": True, "frozen": 4, "precision": "fp32"},
    "memory reused, bf16 by torch alone": {"reused": True, "frozen": 0, "precision": "bf16"},
    "memory reused, bf16, no compiler": {"reused": True, "frozen": 0, "precision": "bf16", "kernels": False},
    "memory reused, bf16": {"reused": True, "frozen": 0, "precision": "bf16", "kernels": True},
    "memory reused, statistics learnt": {"reused": True, "frozen": 0, "precision": "fp32", "learnt": True},
    "memory reused, statistics learnt, bf16": {
        "reused": True,
        "frozen": 0,
        "precision": "bf16",
        "learnt": True,
        "kernels": True,
    },
    "memory reused, first 4 stages frozen, bf16 by torch alone": {
        "reused": True,
        "frozen": 4,
        "precision": "bf16",
    },
    "memory reused, first 4 stages frozen, bf16": {
        "reused": True,
        "frozen": 4,
        "precision": "bf16",
        "kernels": True,
    },
}


def measure(way: dict, model: str, size: int, batch: int) -> dict[str, float]:
    """Return CPU seconds of a step, the median of four after two, and the peak memory in MB."""
    size = 32 * round(way.get("share", 1) * size / 32)
    config = TrainConfig(
        model=model, image_size=size, pretrained=False, frozen_stages=way["frozen"], freeze_norm=True
    )
    runtime = make_runtime("cpu", precision=way["precision"])
    torch.manual_seed(0)
    network = build_network(config, 21)
    freeze_stages(network, config.frozen_stages)
    runtime.place(network.module)
    if "kernels" in way:
        if not way["kernels"]:
            native.available = lambda: False
        fuse(network.module, runtime, lambda why: print(why, file=sys.stderr))
        quicken(network.module, runtime)
    network.module.train()
    freeze_norm(network.module, every=not way.get("learnt"))
    optimizer = make_optimizer(config, network.module, network.head)
    images = torch.randn(batch, 3, size, size).contiguous(memory_format=MEMORY_FORMAT)
    labels = torch.randint(0, 21, (batch,))
    forward = compiled(network.module, runtime) if way.get("compile") else network.module
    seconds, walls = [], []
    with memory_reused() if way["reused"] else nullcontext():
        for _ in range(6):
            started, clock = time.process_time(), time.perf_counter()
            with runtime.autocast():
                loss = cross_entropy(forward(images).float(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            seconds.append(time.process_time() - started)
            walls.append(time.perf_counter() - clock)
        first = walls[0] - median(walls[2:])
        return {"seconds": median(seconds[2:]), "first": first, "memory": peak_memory(runtime) / 1e6}


def main() -> None:
    """Time every way in each round and write the medians and their range over rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="time this one alone, as JSON")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    if chosen.way:
        print(json.dumps(measure(WAYS[chosen.way], chosen.model, chosen.size, chosen.batch)))
        return
    options = ["--model", chosen.model, "--size", str(chosen.size), "--batch", str(chosen.batch)]
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(chosen.rounds):
        for way, rounds in found.items():
            command = [sys.executable, __file__, *options, "--way", way]
            rounds.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    lines = [
        "# A step of fine-tuning on a CPU",
        "",
        (
            f"`{chosen.model}`, {chosen.size} px, batches of {chosen.batch}, statistics of normalisation kept "
            "where nothing else is said; "
            f"torch {version('torch')}; {torch.backends.cpu.get_cpu_capability()}; "
            f"{torch.get_num_threads()} thread; {chosen.rounds} rounds, each way in a new process."
        ),
        "",
        "| way | CPU s a step, median (range) | share of the first | first step longer by, s | peak memory, MB |",
        "|---|--:|--:|--:|--:|",
    ]
    first = median(r["seconds"] for r in next(iter(found.values())))
    for way, rounds in found.items():
        s = [r["seconds"] for r in rounds]
        memory = max(r["memory"] for r in rounds)
        start = median(r["first"] for r in rounds)
        row = f"{median(s):.2f} ({min(s):.2f} to {max(s):.2f}) | {median(s) / first:.2f}"
        lines.append(f"| {way} | {row} | {start:.1f} | {memory:,.0f} |")
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
