"""What does a training step of an EfficientNet cost on a GPU: launched one by one, as graphs, in fewer passes?

    python benchmarks/bench_step_gpu.py --out steps.md
    python benchmarks/bench_step_gpu.py --profile

Each way takes steps of dermbench's own on random images that lie on the device: gathering, augmentation,
network, loss, clipping, optimiser, moving average. "launched" is when Python was done with its part; where that
is the whole step, the processor and not the GPU bounds it. Also compared: the losses of steps by graphs and one
by one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from dermbench.training.config.device import computing, make_runtime
from dermbench.training.data.pixels import Samples
from dermbench.training.methods import TrainingSplit, make_method
from dermbench.training.network.network import build_network
from dermbench.training.run.configure import load_config
from dermbench.training.run.context import Job
from dermbench.training.run.progress import Reporter
from dermbench.training.run.step import Stepper

WAYS = {
    "launched one by one": {"fused": False, "graphs": False},
    "fewer passes": {"fused": True, "graphs": False},
    "graphs": {"fused": False, "graphs": True},
    "graphs, fewer passes (the default)": {"fused": True, "graphs": True},
}
WARM = 12
CLASSES = 21


def make_stepper(chosen, runtime, batch: int, way: dict[str, bool], images: int = 1024) -> Stepper:
    """Return the steps of a run on random images."""
    sets = [f"{name}={str(value).lower()}" for name, value in way.items()]
    sets += [f"model={chosen.model}", f"image_size={chosen.size}", f"batch_size={batch}", "pretrained=false"]
    config = load_config(preset="efficientnet-b4", overrides=sets)
    rng, side = np.random.default_rng(0), config.cached_side
    labels = rng.integers(0, CLASSES, images)
    pixels = torch.from_numpy(rng.integers(0, 255, (images, side, side, 3), dtype=np.uint8))
    pixels = pixels.to(runtime.device) if runtime.device.type == "cuda" else pixels.numpy()
    samples = Samples(np.arange(images).astype(str).astype(object), labels, pixels)
    torch.manual_seed(0)
    network = build_network(config, CLASSES)
    runtime.place(network.module)
    network.module.train()
    split = TrainingSplit(labels, np.zeros(images, dtype=np.int64), ("all",), np.arange(images), CLASSES)
    job = Job(config, runtime, Path(tempfile.gettempdir()), Reporter(quiet=True))
    return Stepper(job, network, samples, make_method(config, split, runtime.device))


def order(steps: int, batch: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.permutation(1024)[:batch] for _ in range(steps)]


def synchronise(runtime) -> None:
    if runtime.device.type == "cuda":
        torch.cuda.synchronize()


def measure(chosen, runtime, batch: int, way: dict[str, bool]) -> str:
    """Return a row of the table: images/s, ms a step, ms until launched, s of the first step, peak GB."""
    stepper = make_stepper(chosen, runtime, batch, way)
    if runtime.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    clock = [time.perf_counter()]
    for step, index in enumerate(stepper.feed.ahead(0, order(WARM + chosen.steps, batch))):
        stepper.take(step, index)
        if step in {0, WARM - 1}:
            synchronise(runtime)
            clock.append(time.perf_counter())
    launched = time.perf_counter() - clock[2]
    synchronise(runtime)
    took = time.perf_counter() - clock[2]
    peak = torch.cuda.max_memory_allocated() / 1e9 if runtime.device.type == "cuda" else float("nan")
    each = 1e3 / chosen.steps
    return (
        f"{chosen.steps * batch / took:,.0f} | {each * took:.1f} | {each * launched:.1f} "
        f"| {clock[1] - clock[0]:.1f} | {peak:.1f} |"
    )


def losses(chosen, runtime, way: dict[str, bool], steps: int = 8) -> list[float]:
    """Return the losses of some steps, of batches of two sizes."""
    stepper = make_stepper(chosen, runtime, 16, way)
    indices = [index[: 16 - number % 2] for number, index in enumerate(order(steps, 16))]
    return [float(stepper.take(step, index)) for step, index in enumerate(indices)]


def profiled(chosen, runtime) -> list[str]:
    """Return where the time of the default way goes on the device, kernel by kernel."""
    batch = chosen.batches[0]
    stepper = make_stepper(chosen, runtime, batch, WAYS["graphs, fewer passes (the default)"])
    indices = order(WARM + 3, batch)
    for step in range(WARM):
        stepper.take(step, indices[step])
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        for step in range(WARM, WARM + 3):
            stepper.take(step, indices[step])
        synchronise(runtime)
    kernels = [event for event in found.key_averages() if not event.key.startswith("_Replay")]
    kernels.sort(key=lambda event: -event.self_device_time_total)
    rows = [f"| {e.key[:60]} | {e.count // 3} | {e.self_device_time_total / 3e3:.2f} |" for e in kernels[:25]]
    return ["", "| kernel | a step | ms a step |", "|---|--:|--:|", *rows]


def main() -> None:
    """Measure every way at every batch size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tf_efficientnet_b4.aa_in1k")
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--profile", action="store_true", help="where the time of a step goes on the device")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    runtime = make_runtime(chosen.device)
    lines = [
        f"{runtime.name}, {runtime.precision}; {chosen.model}, {chosen.size} px; torch {torch.__version__}",
        "",
        "| way | batch | images/s | ms a step | launched, ms | first step, s | peak, GB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    with computing(runtime):
        for batch in chosen.batches:
            for name, way in WAYS.items():
                lines.append(f"| {name} | {batch} | {measure(chosen, runtime, batch, way)}")
                print(lines[-1], file=sys.stderr, flush=True)
        one, two = (losses(chosen, runtime, WAYS[name]) for name in ("launched one by one", "graphs"))
        apart = max(abs(a - b) for a, b in zip(one, two, strict=True))
        lines += ["", f"Largest difference of a loss between steps by graphs and one by one: {apart:g}."]
        lines += profiled(chosen, runtime) if chosen.profile else []
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
