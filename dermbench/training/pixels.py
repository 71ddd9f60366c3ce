"""Decoded images: one uint8 array a split and size, made once, shared by all runs.

An image is scaled so that its shorter side is the cache's, with an antialiasing filter, and the centre
square is kept. Each split has a file of its own, so training never opens the test images.
"""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from dermbench.artifacts.files import atomic_path, locked
from dermbench.artifacts.images import decode_rgb
from dermbench.errors import InputError, UsageError
from dermbench.training.device import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

CACHE = "cache"
LOCK_SECONDS = 3600.0
DEVICE_SHARE = 0.4
"""Share of a GPU's free memory that the images of a split may take."""


@dataclass
class Samples:
    """Images and labels of one split.

    Attributes
    ----------
    image_id
        Ids, shape (n_samples,).
    labels
        Class indices, shape (n_samples,).
    pixels
        uint8, shape (n_samples, side, side, 3): mapped from the cache file, or a tensor on the GPU.
    """

    image_id: NDArray[np.object_]
    labels: NDArray[np.int64]
    pixels: Any

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """Return images in [0, 1], shape (n, 3, side, side), channels lying last in memory."""
        if isinstance(self.pixels, torch.Tensor):
            chosen = self.pixels[torch.from_numpy(index).to(self.pixels.device)]
        else:
            chosen = torch.from_numpy(self.pixels[index])
            if device.type == "cuda":
                chosen = chosen.pin_memory().to(device, non_blocking=True)
        return chosen.to(device).permute(0, 3, 1, 2).float().div_(255)

    def to(self, device: torch.device) -> Samples:
        """Return the samples with their images on the GPU when they fit there, else as they are."""
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        if self.pixels.nbytes > DEVICE_SHARE * free:
            return self
        return Samples(self.image_id, self.labels, torch.from_numpy(np.array(self.pixels)).to(device))


def load_samples(
    dataset: Dataset, split: str, side: int, *, progress: Callable[[int, int], None] | None = None
) -> Samples:
    """Return the images of a split at ``side`` pixels, decoding them on the first call.

    Parameters
    ----------
    dataset
        Prepared dataset.
    split
        ``train``, ``val`` or ``test``.
    side
        Side of the square in pixels.
    progress
        Called with images done and images in all while decoding.

    Raises
    ------
    InputError
        With every image that cannot be decoded.
    UsageError
        When the split is empty, or the cache folder cannot be written to.
    """
    rows = dataset.part(split)
    paths = dataset.paths(rows)
    target = dataset.root / CACHE / f"{split}-{side}-{_fingerprint(rows, paths)[:16]}.npy"
    if not target.is_file():
        with locked(target.with_suffix(".lock"), seconds=LOCK_SECONDS):
            if not target.is_file():
                _build(target, paths, side, progress)
    codes = {name: i for i, name in enumerate(dataset.classes)}
    labels = np.array([codes[label] for label in rows["label"]], dtype=np.int64)
    return Samples(rows["image_id"].to_numpy(dtype=object), labels, np.load(target, mmap_mode="r"))


def decode_square(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode one image: shorter side scaled to ``side`` (bicubic, antialiased), centre square kept."""
    image = decode_rgb(path, draft=side)
    scale = side / min(image.size)
    size = tuple(max(side, round(length * scale)) for length in image.size)
    image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)  # type: ignore[arg-type]
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)), dtype=np.uint8)


def _fingerprint(rows: pd.DataFrame, paths: list[Path]) -> str:
    digest = hashlib.sha256(b"dermbench.pixels/1")
    known = rows["sha256"] if "sha256" in rows else [None] * len(rows)
    for image_id, path, content in zip(rows["image_id"], paths, known, strict=True):
        version = content if isinstance(content, str) else _stamp(path)
        digest.update(f"{image_id}\x1f{version}\x1e".encode())
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _build(target: Path, paths: list[Path], side: int, progress: Callable[[int, int], None] | None) -> None:
    problems: list[str] = []
    shape = (len(paths), side, side, 3)
    _make_room(target, int(np.prod(shape)))
    with atomic_path(target) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)

        def decode(row: int) -> str | None:
            try:
                array[row] = decode_square(paths[row], side)
            except InputError as error:
                return f"{paths[row]}: {error.problems[0]}"
            return None

        with ThreadPoolExecutor(available_cores()) as pool:
            for done, problem in enumerate(pool.map(decode, range(len(paths))), start=1):
                if problem is not None:
                    problems.append(problem)
                if progress is not None:
                    progress(done, len(paths))
        array.flush()
        if problems:
            raise InputError(
                target.parent.parent,
                problems,
                remedy="Repair or remove these images, or prepare the dataset again without them.",
            )


def _make_room(target: Path, size: int) -> None:
    """Remove what a killed process left behind, and refuse to start on a disk that is too full.

    Writing to a mapped file on a full disk kills the process instead of raising.
    """
    for stale in target.parent.glob(f".{target.stem}-*.npy"):
        stale.unlink(missing_ok=True)
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise UsageError(f"{target}: needs {size / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free")
