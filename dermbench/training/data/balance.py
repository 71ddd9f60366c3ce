"""What to do about unequal classes: weights in the loss, and the order in which images are drawn.

Both are tables: a new weighting or sampler is one function and one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Weights = NDArray[np.float64]
    Codes = NDArray[np.int64]

BETA = 0.999
"""Parameter of ``effective_number``: 0 weighs all classes alike, towards 1 as ``balanced``."""


def _none(counts: Counts) -> Weights:
    return np.ones(len(counts))


def _balanced(counts: Counts) -> Weights:
    return _inverse(counts, power=1.0)


def _sqrt_balanced(counts: Counts) -> Weights:
    return _inverse(counts, power=0.5)


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
    "none": ("1", _none),
    "balanced": ("n / (C * n_c)", _balanced),
    "sqrt_balanced": ("sqrt(n / (C * n_c))", _sqrt_balanced),
    "effective_number": (f"(1 - {BETA}) / (1 - {BETA}^n_c), mean 1", _effective_number),
}
"""Class weights by name: the formula as printed, and the function of the training counts n_c.

``effective_number`` is from Cui et al. 2019, Class-balanced loss based on effective number of samples. A class
without a training image has weight 0 (it never enters the loss).
"""


def class_weights(name: str, counts: Counts) -> Weights:
    """Return the weight of each class in the loss, shape (n_classes,).

    Parameters
    ----------
    name
        Key of :data:`CLASS_WEIGHTS`.
    counts
        Training images a class, shape (n_classes,).
    """
    return CLASS_WEIGHTS[name][1](np.asarray(counts, dtype=np.int64))


def _shuffle(labels: Codes, groups: Codes, rng: np.random.Generator) -> Codes:  # noqa: ARG001
    return rng.permutation(len(labels))


def _class_balanced(labels: Codes, groups: Codes, rng: np.random.Generator) -> Codes:  # noqa: ARG001
    return _equally(labels, rng)


def _group_balanced(labels: Codes, groups: Codes, rng: np.random.Generator) -> Codes:  # noqa: ARG001
    return _equally(groups, rng)


def _class_group_balanced(labels: Codes, groups: Codes, rng: np.random.Generator) -> Codes:
    return _equally(labels * (groups.max() + 1) + groups, rng)


def _equally(cells: Codes, rng: np.random.Generator) -> Codes:
    counts = np.bincount(cells)
    share = 1.0 / (counts[cells] * np.count_nonzero(counts))
    return rng.choice(len(cells), size=len(cells), replace=True, p=share)


SAMPLERS: Mapping[str, Callable[[Codes, Codes, np.random.Generator], Codes]] = {
    "shuffle": _shuffle,
    "class_balanced": _class_balanced,
    "group_balanced": _group_balanced,
    "class_group_balanced": _class_group_balanced,
}
"""Order of the images of one epoch by name, from class and group of each image.

``shuffle`` draws each image once. The others draw with replacement, every class, group, or class within a
group equally often; images of unknown skin type are a group of their own, and cells without an image are
not drawn from.
"""


def _as_labelled(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG001
    return labels


def _permuted(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    return labels[rng.permutation(len(labels))]


LABELS: Mapping[str, Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int64]]] = {
    "true": _as_labelled,
    "shuffled": _permuted,
}
"""Labels to learn from by name; ``shuffled`` is the control that no model should beat chance with."""
