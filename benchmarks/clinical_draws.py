"""Draws that the clinical populations share: patients, correlated numbers, ids, skin types, wrong classes."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Six: TypeAlias = tuple[float, float, float, float, float, float]
Shares: TypeAlias = tuple[float, ...]
CLASSES = ("NV", "MEL", "BCC", "AK", "SCC", "DF", "VASC")


def deal(rng: np.random.Generator, n: int, most: int, first: int = 0) -> Ints:
    """Deal n images to patients with 1 to ``most`` images each (uniform; the last patient gets the rest).

    Patients are numbered from ``first``.
    """
    sizes = rng.integers(1, most + 1, n)
    return first + np.repeat(np.arange(n), sizes)[:n]


def correlated(rng: np.random.Generator, unit: Ints, load: float) -> Floats:
    """Draw standard normal numbers; those of one patient have correlation ``load`` squared."""
    shared = rng.standard_normal(unit.max() + 1)[unit]
    return load * shared + math.sqrt(1 - load**2) * rng.standard_normal(len(unit))


def types(fst: Ints, hidden: NDArray[np.bool_]) -> pd.Series[int]:
    """Return skin types as a column of whole numbers with hidden ones missing."""
    return pd.Series(fst, dtype="Int64").mask(hidden)


def names(prefix: str, codes: Ints) -> list[str]:
    """Return ids such as p00012."""
    return [f"{prefix}{code:05d}" for code in codes]


def other(rng: np.random.Generator, label: Ints, n_classes: int) -> Ints:
    """Draw a class other than the true one."""
    return (label + rng.integers(1, n_classes, len(label))) % n_classes
