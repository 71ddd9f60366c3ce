"""Compare the kernels of a training step with plain copies: milliseconds and bytes of all layers of a network.

    python benchmarks/bench_kernels_gpu.py --out kernels.md
    python benchmarks/bench_kernels_gpu.py --variants STAGES=1 STAGES=3,PROGRAMS=2112 --choose

Each layer that the kernels compute (normalisation with activation, squeeze-and-excitation) is run on random images
of its shape; times are medians of the device's clock. A variant sets constants of
``dermbench.training.speed.kernels`` and has its own process. Variants are compiled in parallel and timed one after
another. The constant ``kernels=FILE`` uses the kernels of another file. The error is the largest relative error of
any result or gradient in bf16, against PyTorch in double precision.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import timm
import torch
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch.nn import functional as F  # noqa: N812 - the usual name

REPEATS = 10
PARTS = ("norm", "norm, backward", "squeeze", "squeeze, backward")
PASSES = {"norm": 3, "norm, backward": 5, "squeeze": 3, "squeeze, backward": 4}
"""Number of times that a part reads or writes the images of its layer."""


def layers(model: str, size: int) -> Counter[tuple[str, int, int, str]]:
    """Count the layers of a network by kind, channels, side and activation."""
    network, found = timm.create_model(model).eval(), Counter()

    def note(layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        kind = "norm" if isinstance(layer, BatchNormAct2d) else "squeeze"
        act = type(layer.act).__name__ if kind == "norm" else ""
        found[kind, inputs[0].shape[1], inputs[0].shape[2], act] += 1

    for layer in network.modules():
        if type(layer) in {BatchNormAct2d, SqueezeExcite}:
            layer.register_forward_pre_hook(note)
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    return found


def milliseconds(function) -> float:
    """Return the median time of a call, by the device's clock."""
    times = []
    for _ in range(REPEATS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        function()
        end.record()
        times.append((begin, end))
    torch.cuda.synchronize()
    return statistics.median(begin.elapsed_time(end) for begin, end in times)


def images(batch: int, channels: int, side: int) -> torch.Tensor:
    shape = (batch, channels, side, side)
    return torch.randn(shape, device="cuda", dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)


def calls(kernels, kind: str, act: str, x: torch.Tensor, g: torch.Tensor) -> list:
    """Return the parts of a layer as functions."""
    c = x.shape[1]
    if kind == "norm":
        weight, bias, mean, var = (torch.ones(c, device="cuda") for _ in range(4))
        number = kernels.ACTIVATIONS[act]
        found = kernels.normalised(x, weight, bias, (mean, var), 1e-3, 0.1, number)[1]
        return [
            lambda: kernels.normalised(x, weight, bias, (mean, var), 1e-3, 0.1, number),
            lambda: kernels.normalised_backward(x, g, found, number),
        ]
    gate = torch.rand(len(x), c, 1, 1, device="cuda", dtype=torch.bfloat16)
    add = gate.float()
    return [
        lambda: (kernels.image_sums(x), kernels.gated(x, gate)),
        lambda: (kernels.image_sums(g, x), kernels.gated(g, gate, add)),
    ]


def error_of(kernels, kind: str, channels: int, side: int, act: str) -> float:
    """Return the largest relative error of a layer's results and gradients on three random images."""
    torch.manual_seed(0)
    x, g = images(3, channels, side) + 1, images(3, channels, side)
    exact = x.double().requires_grad_()
    if kind == "norm":
        weight, bias = torch.rand(channels, device="cuda") + 0.5, torch.randn(channels, device="cuda")
        running = (torch.zeros(channels, device="cuda"), torch.ones(channels, device="cuda"))
        y, found = kernels.normalised(x, weight, bias, running, 1e-3, 0.1, kernels.ACTIVATIONS[act])
        of_x, of_weight, of_bias = kernels.normalised_backward(x, g, found, kernels.ACTIVATIONS[act])
        w, b = (t.double().requires_grad_() for t in (weight, bias))
        wanted = F.batch_norm(exact, None, None, w, b, training=True, eps=1e-3)
        wanted = F.silu(wanted) if act == "SiLU" else wanted
        wanted.backward(g.double())
        pairs = [(y, wanted), (of_x, exact.grad), (of_weight, w.grad), (of_bias, b.grad)]
    else:
        gate = torch.rand(3, channels, 1, 1, device="cuda", dtype=torch.bfloat16)
        sums = (exact * g.double()).sum((2, 3), keepdim=True)
        pairs = [
            (kernels.image_sums(x), exact.sum((2, 3), keepdim=True)),
            (kernels.image_sums(x, g), sums),
            (kernels.gated(x, gate, gate.float()), exact * gate.double() + gate.double()),
        ]
    return max(float((a.double() - b).norm() / b.norm()) for a, b in pairs)


def module(constants: dict[str, str]):
    """Return the kernels with other constants."""
    file = constants.pop("kernels", None)
    if file:
        spec = importlib.util.spec_from_file_location("other_kernels", file)
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    else:
        from dermbench.training.speed import kernels as found
    for name, value in constants.items():
        assert hasattr(found, name), name
        setattr(found, name, int(value))
    return found


def measure(chosen) -> dict[str, float]:
    """Return the milliseconds of each part over all layers, and the bytes per second of a copy."""
    kernels = module(dict(pair.split("=") for pair in chosen.of.split(",") if pair))
    table = layers(chosen.model, chosen.size)
    error = max(error_of(kernels, *layer) for layer in table)
    for kind, channels, side, act in table:  # compiles what is left to compile
        x = images(chosen.batch, channels, side)
        for call in calls(kernels, kind, act, x, x):
            call()
    torch.cuda.synchronize()
    found = dict.fromkeys(PARTS, 0.0) | {f"bytes of {part}": 0.0 for part in PARTS}
    found["error"] = error
    with Path(chosen.lock).open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        source = torch.ones(1 << 28, device="cuda")
        target = torch.empty_like(source)
        found["copy"] = 2 * source.nbytes / milliseconds(lambda: target.copy_(source)) * 1e3
        for (kind, channels, side, act), times in table.items():
            x, g = images(chosen.batch, channels, side), images(chosen.batch, channels, side)
            parts = [part for part in PARTS if part.startswith(kind)]
            for part, call in zip(parts, calls(kernels, kind, act, x, g), strict=True):
                found[part] += times * milliseconds(call)
                found[f"bytes of {part}"] += times * PASSES[part] * x.nbytes
    return found


def main() -> None:
    """Measure every variant and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tf_efficientnet_b4.aa_in1k")
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--variants", nargs="+", default=[""], help="constants, NAME=VALUE,...; '' changes none")
    parser.add_argument("--choose", action="store_true", help="print the constants of the fastest last")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--of", help=argparse.SUPPRESS)
    parser.add_argument("--lock", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.of is not None:
        print(json.dumps(measure(chosen)))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, *sys.argv[1:], "--lock", f"{folder}/lock", "--of"]
        started = [subprocess.Popen([*command, v], stdout=subprocess.PIPE, text=True) for v in chosen.variants]
        outputs = [process.communicate()[0] for process in started]
    where = f"{torch.cuda.get_device_name()}; {chosen.model}, {chosen.size} px, batch {chosen.batch}, bf16"
    lines = [
        f"{where}; torch {torch.__version__}; milliseconds a step, share of the bytes that copies move",
        "",
        f"| variant | {' | '.join(PARTS)} | all | error |",
        "|---|" + "--:|" * (len(PARTS) + 2),
    ]
    totals = {}
    for variant, output in zip(chosen.variants, outputs, strict=True):
        if not output.strip():
            lines.append(f"| {variant} | failed |")
            continue
        found = json.loads(output.splitlines()[-1])
        totals[variant] = sum(found[part] for part in PARTS)
        shares = [
            f"{found[part]:.2f} ({found[f'bytes of {part}'] / found[part] * 1e3 / found['copy']:.0%})"
            for part in PARTS
        ]
        words = variant or "as they are"
        lines.append(f"| {words} | {' | '.join(shares)} | {totals[variant]:.2f} | {found['error']:.1e} |")
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
    if chosen.choose:
        print(min(totals, key=totals.get))


if __name__ == "__main__":
    main()
