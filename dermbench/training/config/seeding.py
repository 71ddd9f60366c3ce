"""Random numbers that depend only on the seed and on their purpose, epoch and step.

A resumed run therefore draws what it would have drawn without the stop, and no generator state is saved.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive(seed: int, *words: str | int) -> int:
    """Return a seed in [0, 2**63) for one purpose, such as ``derive(seed, "augment", epoch, step)``."""
    text = "\x1f".join(map(str, (seed, *words)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(seed: int, *words: str | int) -> torch.Generator:
    """Return a CPU generator of torch for one purpose."""
    return torch.Generator().manual_seed(derive(seed, *words))


def numpy_generator(seed: int, *words: str | int) -> np.random.Generator:
    """Return a generator of numpy for one purpose."""
    return np.random.default_rng(derive(seed, *words))
