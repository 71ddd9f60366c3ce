"""Compare ONNX with eager PyTorch on this CPU: probabilities and speed; OMP_NUM_THREADS=1.

python benchmarks/bench_onnx.py [--models tf_efficientnet_lite0 ...] [--size 224] [--out results/onnx.md]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from dermbench.training.config.device import MEMORY_FORMAT, make_runtime
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import build_network
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.export import write_onnx
from dermbench.training.predicting.predictors.onnx import open_session

HEAD = (
    "| network | batch | eager, images/s | onnxruntime, images/s | ratio | largest difference of a probability |"
)
RULE = "|---|--:|--:|--:|--:|--:|"


def rates(calls, images: int, *, rounds: int = 12) -> list[float]:
    """Return images per CPU second of each call, the best of rounds that alternate between calls."""
    best = [float("inf")] * len(calls)
    for number in range(rounds + 1):
        for k, call in enumerate(calls):
            started = time.process_time()
            call()
            if number:  # the first is a warm-up
                best[k] = min(best[k], time.process_time() - started)
    return [images / seconds for seconds in best]


def rows(name: str, size: int, batches: list[int], *, pretrained: bool):
    """Yield the table rows of one network."""
    config = TrainConfig(model=name, image_size=size, pretrained=pretrained, device="cpu")
    torch.manual_seed(0)
    network = build_network(config, 21)
    runtime = make_runtime("cpu")
    runtime.place(network.module)
    network.module.eval()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "model.onnx"
        write_onnx(network, config, {}, path)
        session = open_session(path)
        for n in batches:
            images = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(n))
            laid = images.contiguous(memory_format=MEMORY_FORMAT)
            plain = np.ascontiguousarray(images)
            eager = softmax(network.module(laid).double().numpy())
            other = softmax(session.run(None, {"images": plain})[0].astype(np.float64))
            calls = [
                lambda laid=laid: network.module(laid),
                lambda plain=plain: session.run(None, {"images": plain}),
            ]
            one, two = rates(calls, n)
            worst = np.abs(eager - other).max()
            yield f"| `{name}` | {n} | {one:.1f} | {two:.1f} | {two / one:.2f} | {worst:.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["tf_efficientnet_lite0", "tf_efficientnet_lite2"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--random", action="store_true", help="random weights, for networks without local ones")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    versions = {name: version(name) for name in ("torch", "onnx", "onnxruntime")}
    lines = [
        "# ONNX beside eager PyTorch",
        "",
        f"{chosen.size} px, float32, one thread, 21 classes, random images; CPU time; {json.dumps(versions)}",
        "Eager in channels_last, as `predict` runs it. Best of 12 rounds that alternate between the two.",
        "",
        HEAD,
        RULE,
    ]
    print("\n".join(lines), flush=True)
    for name in chosen.models:
        for line in rows(name, chosen.size, chosen.batches, pretrained=not chosen.random):
            lines.append(line)
            print(line, flush=True)
    if chosen.out:
        chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
