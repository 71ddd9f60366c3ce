"""Error rates of several labellings, and probabilities of the true type, by expectation maximisation.

Given the true type, labellings err independently of each other (Dawid & Skene 1979). Three or more labellings each
have a table of error rates. Two labellings do not identify such tables: they share one rate of errors by one type,
up or down equally, and one rate of larger errors.

References
----------
Dawid, Skene (1979), Applied Statistics 28, 20-28.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_STEPS = 400
"""Most iterations."""
TOLERANCE = 1e-4
"""The iteration ends if no probability changes by this much."""


@dataclass(frozen=True)
class Patterns:
    """The distinct combinations of labels and class.

    Attributes
    ----------
    labels
        Type in each labelling, -1 if missing, shape (n_patterns, n_labellings).
    classes
        True class, shape (n_patterns,).
    n_types, n_classes
        Number of skin types and of classes.
    """

    labels: NDArray[np.intp]
    classes: NDArray[np.intp]
    n_types: int
    n_classes: int

    def indicators(self, labelling: int) -> Floats:
        """Return indicators of the type of each pattern in a labelling, shape (n_patterns, n_types)."""
        return np.asarray(self.labels[:, [labelling]] == np.arange(self.n_types), dtype=np.float64)

    def class_indicators(self) -> Floats:
        """Return indicators of the class of each pattern, shape (n_patterns, n_classes)."""
        return np.asarray(self.classes[:, None] == np.arange(self.n_classes), dtype=np.float64)


@dataclass(frozen=True)
class Fitted:
    """Fitted error rates and probabilities of true types, for several resamples.

    Attributes
    ----------
    errors
        P(label | true type), shape (n_resamples, n_labellings, n_types, n_types); rows are true types.
    shares
        P(true type | class), shape (n_resamples, n_types, n_classes).
    types
        P(true type | labels, class), shape (n_resamples, n_types, n_patterns).
    """

    errors: Floats
    shares: Floats
    types: Floats


def fit(
    patterns: Patterns,
    counts: Floats,
    *,
    alike: bool,
    smooth: float,
    start: Fitted | None = None,
    steps: int = MOST_STEPS,
) -> Fitted:
    """Fit error rates, shares of true types and probabilities of true types to each row of counts.

    Parameters
    ----------
    patterns
        Combinations of labels and class.
    counts
        Number of images of each pattern, shape (n_resamples, n_patterns).
    alike
        Whether all labellings share one rate of errors by one type and one of larger errors (for two labellings).
    smooth
        Number of pseudo-images with the overall shares of types that are added to each class.
    start
        Start of the iteration, for one resample; by default the average vote.
    steps
        Most iterations.
    """
    seen = [patterns.indicators(j) for j in range(patterns.labels.shape[1])]
    of_class = patterns.class_indicators()
    if start is None:
        votes = np.sum(seen, axis=0)
        votes = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
        types = np.broadcast_to(votes.T, (len(counts), *votes.T.shape))
    else:
        types = np.broadcast_to(start.types, (len(counts), *start.types.shape[1:]))
    for _ in range(steps):
        before = types
        images = types * counts[:, None, :]
        errors = _rates(images, seen) if alike else _tables(images, seen)
        shares = _shares(images, of_class, smooth)
        types = _types(errors, shares, patterns)
        if np.abs(types - before).max() < TOLERANCE:
            break
    return Fitted(errors, shares, types)


def _types(errors: Floats, shares: Floats, patterns: Patterns) -> Floats:
    """Return P(true type | labels, class): proportional to the share in the class times P(label | true type)."""
    found = shares[:, :, patterns.classes]
    every = np.concatenate([errors, np.ones((*errors.shape[:3], 1))], axis=3)  # a missing label has the factor 1
    for j, labels in enumerate(patterns.labels.T):
        found *= every[:, j][:, :, labels]
    total = found.sum(axis=1, keepdims=True)
    even = np.full_like(found, 1 / patterns.n_types)
    return np.asarray(np.divide(found, total, out=even, where=total > 0))


def _shares(images: Floats, of_class: Floats, smooth: float) -> Floats:
    overall = images.sum(axis=2, keepdims=True) / images.sum(axis=(1, 2))[:, None, None]
    by_class = images @ of_class + smooth * overall
    total = by_class.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, by_class / np.where(total > 0, total, 1), overall))


def _tables(images: Floats, seen: list[Floats]) -> Floats:
    """Return the table of P(label | true type) of each labelling."""
    found = np.stack([images @ which for which in seen], axis=1)
    total = found.sum(axis=3, keepdims=True)
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))


def _rates(images: Floats, seen: list[Floats]) -> Floats:
    """Return one table for all labellings, from one rate of errors by one type and one rate of larger errors."""
    pairs = images @ np.sum(seen, axis=0)
    apart = _apart(pairs.shape[-1])
    total = pairs.sum(axis=(1, 2))
    right, near = (pairs[:, apart == distance].sum(axis=1) / total for distance in (0, 1))
    return np.repeat(_by_distance(right, near, pairs.shape[-1]), len(seen), axis=1)


def _by_distance(right: Floats, near: Floats, n_types: int) -> Floats:
    """Return tables of P(label | true type), shape (n, 1, n_types, n_types).

    Errors by one type are equally often up and down (inwards at the ends); larger errors are equally often to each
    further type.
    """
    apart = _apart(n_types)
    n_near, n_far = (np.maximum(which.sum(axis=1, keepdims=True), 1) for which in (apart == 1, apart > 1))
    far = np.clip(1 - right - near, 0, 1)
    rates = [
        rate[:, None, None] * which / n
        for rate, which, n in ((right, apart == 0, 1), (near, apart == 1, n_near), (far, apart > 1, n_far))
    ]
    return np.asarray(sum(rates))[:, None]


def _apart(n_types: int) -> NDArray[np.intp]:
    order = np.arange(n_types)
    return np.asarray(np.abs(order[:, None] - order))
