"""Compare parts of training with what they replace, on one thread: ratios within one run.

    OMP_NUM_THREADS=1 pytest benchmarks/bench_training_parts.py --benchmark-enable
    OMP_NUM_THREADS=1 python benchmarks/bench_training_parts.py --out benchmarks/results/training_parts.md

A batch has 32 images of 128 px, from JPEGs of 640 x 480 px with gradients and noise if files are read.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import io
import tempfile
import time
import zlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from dermbench.artifacts.files import write_text
from dermbench.artifacts.images import decode_square
from dermbench.training.config.seeding import torch_generator
from dermbench.training.data.augment import augment_batch
from dermbench.training.data.pixels import Samples
from dermbench.training.run.configure import load_config

if TYPE_CHECKING:
    from collections.abc import Callable

torch.set_num_threads(1)
N, SIZE, SIDE = 32, 128, 146
CPU = torch.device("cpu")
AUGMENT = load_config(preset="cpu-small").augment


def photograph(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    rng = np.random.default_rng(seed)
    base = np.linspace(60, 200, width)[None, :, None] + np.linspace(-30, 30, height)[:, None, None]
    noise = rng.normal(0, 12, (height // 4, width // 4, 3)).repeat(4, 0).repeat(4, 1)
    return Image.fromarray((base + noise).clip(0, 255).astype(np.uint8))


def write_photographs(folder: Path) -> list[Path]:
    paths = [folder / f"{i}.jpg" for i in range(N)]
    for i, path in enumerate(paths):
        photograph(i).save(path, quality=90)
    return paths


def cached(paths: list[Path]) -> Samples:
    pixels = np.stack([decode_square(path, SIDE) for path in paths])
    return Samples(np.arange(N).astype(object), np.zeros(N, dtype=np.int64), pixels)


RATIO = (1 / AUGMENT.crop_ratio, AUGMENT.crop_ratio)
V2 = v2.Compose([
    v2.RandomResizedCrop(SIZE, scale=(AUGMENT.crop_scale, 1.0), ratio=RATIO),
    v2.RandomHorizontalFlip(),
    v2.RandomVerticalFlip(),
    v2.RandomRotation(AUGMENT.rotation, interpolation=InterpolationMode.BILINEAR),
    v2.ColorJitter(AUGMENT.brightness, AUGMENT.contrast, AUGMENT.saturation, AUGMENT.hue),
    v2.ToDtype(torch.float32, scale=True),
])  # fmt: skip


def ours(samples: Samples) -> torch.Tensor:
    """Gather from the cache and augment, with new parameters for every image."""
    return augment_batch(samples.batch(np.arange(N), CPU), AUGMENT, SIZE, torch_generator(0))


def torchvision_v2(samples: Samples) -> torch.Tensor:
    """Augment cached uint8 images by torchvision v2, one by one: on a batch it would draw only once."""
    images = torch.from_numpy(samples.pixels).permute(0, 3, 1, 2)
    return torch.stack([V2(image) for image in images])


def gather(samples: Samples) -> torch.Tensor:
    return samples.batch(np.arange(N), CPU)


def decode_plainly(paths: list[Path]) -> np.ndarray:
    """Decode at full size, then scale, as a loop without a cache does for every batch."""
    resize, crop = v2.Resize(SIDE), v2.CenterCrop(SIDE)
    return np.stack([np.asarray(crop(resize(Image.open(path).convert("RGB")))) for path in paths])


def decode_with_draft(paths: list[Path]) -> np.ndarray:
    """Decode the JPEG at a reduced size, then scale with a reducing gap, as the cache is built."""
    return np.stack([decode_square(path, SIDE) for path in paths])


def checksum(samples: Samples) -> list[int]:
    return [zlib.crc32(image.tobytes()) for image in samples.pixels]


PARTS: dict[str, tuple[Callable, str]] = {
    "augment: dermbench, a batch": (ours, "samples"),
    "augment: torchvision v2, one by one": (torchvision_v2, "samples"),
    "read: gather from the cache": (gather, "samples"),
    "read: check a cache's sums": (checksum, "samples"),
    "read: decode at reduced size (cache build)": (decode_with_draft, "paths"),
    "read: decode at full size (no cache)": (decode_plainly, "paths"),
}


def compare(repeats: int = 7) -> dict[str, float]:
    """Return CPU milliseconds for each image, the best of interleaved repeats."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(Path(folder))
        given = {"paths": paths, "samples": cached(paths)}
        for _ in range(repeats):
            for name, (function, argument) in PARTS.items():
                started = time.process_time()
                function(given[argument])
                best[name] = min(best.get(name, np.inf), (time.process_time() - started) / N * 1e3)
    return best


def pools(workers: int = 2, repeats: int = 3) -> dict[str, float]:
    """Return wall milliseconds for decoding an image on threads and on processes, including the pool's start."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(Path(folder)) * 8
        for _ in range(repeats):
            for name, pool in (("threads", ThreadPoolExecutor), ("processes", ProcessPoolExecutor)):
                started = time.perf_counter()
                with pool(workers) as running:
                    list(running.map(decode_square, paths, [SIDE] * len(paths), chunksize=8))
                took = (time.perf_counter() - started) / len(paths) * 1e3
                best[name] = min(best.get(name, np.inf), took)
    return best


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    paths = write_photographs(tmp_path_factory.mktemp("photographs"))
    return {"paths": paths, "samples": cached(paths)}


@pytest.mark.parametrize("name", PARTS)
def test_part(benchmark, given, name):
    function, argument = PARTS[name]
    benchmark(function, given[argument])


def test_gathering_is_ten_times_cheaper_than_decoding():
    best = compare(repeats=5)
    assert best["read: decode at full size (no cache)"] > 10 * best["read: gather from the cache"]


def test_augmenting_a_batch_is_cheaper_than_one_by_one():
    best = compare(repeats=5)
    assert best["augment: torchvision v2, one by one"] > best["augment: dermbench, a batch"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="markdown file")
    chosen = parser.parse_args()
    buffer = io.BytesIO()
    photograph(0).save(buffer, "jpeg", quality=90)
    lines = ["# Parts of training", "", "Made by `OMP_NUM_THREADS=1 python benchmarks/bench_training_parts.py`:"]
    lines += [
        f"{SIZE} px from a cache of {SIDE} px, photographs of {buffer.tell() / 1e3:.0f} kB; best of repeats.",
        "",
    ]
    lines += ["| part | CPU ms an image |", "|---|--:|"]
    lines += [f"| {name} | {took:.2f} |" for name, took in compare().items()]
    lines += ["", "Decoding on two workers of a busy machine, start of the pool included, wall ms an image:"]
    lines += [", ".join(f"{name} {took:.2f}" for name, took in pools().items()) + ".", ""]
    print("\n".join(lines))
    if chosen.out:
        write_text(chosen.out, "\n".join(lines))


if __name__ == "__main__":
    main()
