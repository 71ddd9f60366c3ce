"""Class weights of the loss, sampling order of images, and labels to learn from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Weights = NDArray[np.float64]
    Codes = NDArray[np.int64]

BETA = 0.999
"""Parameter of ``effective_number``: 0 weighs all classes equally; the limit 1 is ``balanced``."""


def _effective_number(counts: Counts) -> Weights:
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = (1 - BETA) / (1 - BETA ** counts[present])
    weights *= np.count_nonzero(present) / weights.sum()
    return weights


def _inverse(counts: Counts, *, power: float) -> Weights:
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = (counts.sum() / (len(counts) * counts[present])) ** power
    return weights


CLASS_WEIGHTS: Mapping[str, tuple[str, Callable[[Counts], Weights]]] = {
    "none": ("1", lambda counts: np.ones(len(counts))),
    "balanced": ("n / (C * n_c)", partial(_inverse, power=1.0)),
    "sqrt_balanced": ("sqrt(n / (C * n_c))", partial(_inverse, power=0.5)),
    "effective_number": (f"(1 - {BETA}) / (1 - {BETA}^n_c), mean 1", _effective_number),
}
"""Class weights by name: formula for people, and function of the training counts n_c.

``effective_number``: Cui et al. 2019, Class-balanced loss based on effective number of samples. A class without
training images has weight 0, except with ``none``.
"""


def class_weights(name: str, counts: Counts) -> Weights:
    """Return the weight of each class in the loss, shape (n_classes,), from its number of training images."""
    return CLASS_WEIGHTS[name][1](np.asarray(counts, dtype=np.int64))


def _equally(cells: Codes, rng: np.random.Generator) -> Codes:
    """Draw with replacement; every cell with images is equally likely."""
    counts = np.bincount(cells)
    share = 1.0 / (counts[cells] * np.count_nonzero(counts))
    return rng.choice(len(cells), size=len(cells), replace=True, p=share)


SAMPLERS: Mapping[str, Callable[[Codes, Codes, np.random.Generator], Codes]] = {
    "shuffle": lambda labels, groups, rng: rng.permutation(len(labels)),  # noqa: ARG005
    "class_balanced": lambda labels, groups, rng: _equally(labels, rng),  # noqa: ARG005
    "group_balanced": lambda labels, groups, rng: _equally(groups, rng),  # noqa: ARG005
    "class_group_balanced": lambda labels, groups, rng: _equally(labels * (groups.max() + 1) + groups, rng),
}
"""Samplers by name: functions of class and group of each image that return the order of one epoch.

``shuffle`` draws each image once. Images of unknown skin type form one group.
"""

LABELS: Mapping[str, Callable[[Codes, np.random.Generator], Codes]] = {
    "true": lambda labels, rng: labels,  # noqa: ARG005
    "shuffled": lambda labels, rng: labels[rng.permutation(len(labels))],
}
"""Labels to learn from by name; with ``shuffled`` no model should beat chance."""
