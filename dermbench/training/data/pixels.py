"""Decoded images: one uint8 array for each split and size, made once and shared by all runs.

Each split has its own file, so that training never opens test images; runs on folds share that of ``train+val``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dermbench.artifacts.columns import JOINED, SPLITS
from dermbench.artifacts.image_cache import Originals, open_cache
from dermbench.artifacts.images import CROP_MODES
from dermbench.training.config.device import to_device
from dermbench.training.data.augment import resize_batch
from dermbench.training.data.folds import POOL, FoldedData

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

CACHE = "cache"
DEVICE_SHARE = 0.4
"""Largest share of a GPU's free memory for the images of a split."""


@dataclass
class Samples:
    """Images and labels of one split; ``image_id`` and class indices ``labels`` have shape (n_samples,).

    Attributes
    ----------
    pixels
        uint8, shape (n_samples, side, side, 3): from the cache file (:class:`CachedImages`), or a GPU tensor.
    digest
        ``sha256:<hex>`` of ids and pixels.
    folder
        Cache folder of the dataset.
    rows
        Row of ``pixels`` of each sample, shape (n_samples,); None for all rows in order.
    """

    image_id: NDArray[np.object_]
    labels: NDArray[np.int64]
    pixels: Any
    digest: str = ""
    folder: Path | None = None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: NDArray[np.int64], device: torch.device, side: int = 0) -> torch.Tensor:
        """Return images in [0, 1], shape (n, 3, side, side), channels last in memory; ``side`` 0: as cached.

        A CPU resizes in 8 bits, which is five times as fast with an error below one of 255 levels.
        """
        index = index if self.rows is None else self.rows[index]
        if isinstance(self.pixels, torch.Tensor):
            chosen = self.pixels[to_device(torch.from_numpy(index), self.pixels.device)]
        else:
            chosen = to_device(torch.from_numpy(self.pixels[index]), device)
        images = chosen.permute(0, 3, 1, 2)
        if not side:
            return images.float().div_(255)
        if device.type == "cpu":
            return resize_batch(images, side).float().div_(255)
        return resize_batch(images.float().div_(255), side)

    def to(self, device: torch.device) -> Samples:
        """Return the samples, with the images on the GPU if they fit into its free memory."""
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        if self.pixels.nbytes > DEVICE_SHARE * free:
            return self
        return replace(self, pixels=torch.from_numpy(np.array(self.pixels)).to(device))


def load_samples(
    dataset: Dataset,
    split: str,
    side: int,
    crop_mode: str = "center",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Samples:
    """Return the images of a split, or of several such as ``train+val``; decode them on the first call.

    ``crop_mode`` is a key of :data:`CROP_MODES`; ``progress`` is called with the numbers of images, done and all.

    Raises
    ------
    InputError
        When images cannot be decoded or have changed since they were prepared; names them all.
    UsageError
        When the split is empty, or the cache folder cannot be written to.
    """
    if isinstance(dataset, FoldedData) and dataset.pool is not None:
        return _fold(dataset, split, load_samples(dataset.pool, POOL, side, crop_mode, progress=progress))
    rows = dataset.part(split)
    digests = rows["sha256"] if "sha256" in rows else [None] * len(rows)
    originals = Originals(
        list(rows["image_id"]), dataset.paths(rows), [d if isinstance(d, str) else None for d in digests]
    )
    names = JOINED.join(name for name in SPLITS if name in split.split(JOINED))
    suffix = "" if crop_mode == "center" else f"-{crop_mode}"
    target = dataset.root / CACHE / f"{names}-{side}{suffix}-{originals.fingerprint()[:16]}.npy"
    pixels, digest = open_cache(target, originals, side, CROP_MODES[crop_mode], progress)
    codes = {name: i for i, name in enumerate(dataset.classes)}
    labels = np.array([codes[label] for label in rows["label"]], dtype=np.int64)
    return Samples(rows["image_id"].to_numpy(dtype=object), labels, pixels, digest, target.parent)


def _fold(dataset: FoldedData, split: str, pool: Samples) -> Samples:
    """Return the samples of one split of folded data, as rows of the pool."""
    ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
    row_of = {image: row for row, image in enumerate(pool.image_id)}
    rows = np.array([row_of[image] for image in ids], dtype=np.int64)
    digest = hashlib.sha256(json.dumps([pool.digest, *ids]).encode()).hexdigest()
    return replace(pool, image_id=ids, labels=pool.labels[rows], digest=f"sha256:{digest}", rows=rows)
