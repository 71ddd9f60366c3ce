"""Randomness as a function of the seed and of where the run stands, never of what ran before.

Every draw comes from a generator made for its purpose, epoch and step. A run that goes on after a stop
therefore repeats exactly what it would have drawn without the stop, and no generator state needs saving.
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
