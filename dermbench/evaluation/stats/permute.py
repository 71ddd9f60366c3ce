"""The null distribution of any statistic of group tallies, from permuted group labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.metric import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.stats.exchange import Elements
    from dermbench.evaluation.stats.sample import Sample
    from dermbench.evaluation.stats.seeding import Plan

    Reduce = Callable[[Tally], NDArray[np.float64]]

ROW_COST, CELL_COST = 15.0, 160.0
"""Nanoseconds to permute one image, and to draw one hypergeometric cell."""
BUDGET = 4e10
"""Nanoseconds that permuting may take; larger samples get fewer permutations, at least :data:`FEWEST`."""
FEWEST = 999
BLOCK_ROWS = 2**18
"""Permuted images in one block."""


def permuted_rows(
    parts: Elements, of_labels: Callable[[NDArray[np.intp]], NDArray[np.float64]], plan: Plan, *, stream: str
) -> NDArray[np.float64]:
    """Compute a statistic of the labels of all images under permutation.

    Parameters
    ----------
    parts
        What is permuted.
    of_labels
        Takes groups of the images, shape (block, n_samples), returns (block, ...).
    plan, stream
        Number of permutations, and the random numbers.

    Returns
    -------
    numpy.ndarray
        Shape (n_permutations, ...); fewer permutations than planned where the sample is very large.
    """
    n = max(1, len(parts.of_row))

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        return of_labels(parts.row_labels(rng, size))

    plan = plan.at_most(max(FEWEST, int(BUDGET / (ROW_COST * n))))
    return plan.in_blocks(one, stream=stream, block=int(min(1024, max(16, BLOCK_ROWS // n))))


def permuted_tallies(
    sample: Sample, parts: Elements, n_groups: int, reduce: Reduce, plan: Plan, *, stream: str, steps: bool = False
) -> NDArray[np.float64]:
    """Compute a statistic of group tallies under permutation, by rows or by cells, whichever is cheaper.

    Parameters
    ----------
    sample
        Images of known groups.
    parts
        What is permuted.
    n_groups
        Number of groups.
    reduce
        Takes a tally of shape (block, n_groups, n_classes), returns (block, ...).
    plan, stream
        Number of permutations, and the random numbers.
    steps
        Whether to count steps in the class order (weighted kappa).

    Returns
    -------
    numpy.ndarray
        Shape (n_permutations, ...); fewer permutations than planned where the sample is very large.
    """
    table = _table(sample)
    by_cells = CELL_COST * (n_groups - 1) * float((table > 0).sum())
    if not parts.within_class or sample.clustered or by_cells >= ROW_COST * len(sample):
        fixed = fixed_support(sample, parts, n_groups)

        def of_labels(labels: NDArray[np.intp]) -> NDArray[np.float64]:
            return reduce(labelled_tally(sample, labels, n_groups, steps=steps, support=fixed))

        return permuted_rows(parts, of_labels, plan, stream=stream)
    sizes = _group_sizes(sample, parts, n_groups)

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        return reduce(hypergeometric_tally(table, sizes, rng, size, steps=steps))

    plan = plan.at_most(max(FEWEST, int(BUDGET / max(by_cells, 1.0))))
    return plan.in_blocks(one, stream=stream, block=int(min(1024, max(16, BLOCK_ROWS // sizes.size))))


def fixed_support(sample: Sample, parts: Elements, n_groups: int) -> NDArray[np.float64] | None:
    """Return the images of each (group, true class) where permuting keeps them, shape (n_groups, n_classes)."""
    if sample.clustered or not parts.within_class:
        return None
    return _group_sizes(sample, parts, n_groups).astype(np.float64)


def labelled_tally(
    sample: Sample,
    labels: NDArray[Any],
    n_groups: int,
    *,
    steps: bool = False,
    support: NDArray[np.float64] | None = None,
) -> Tally:
    """Count true, predicted and correct images of each class for several labellings of the images.

    Parameters
    ----------
    sample
        The images.
    labels
        Group of each image, shape (size, n_samples).
    n_groups, steps
        As for :func:`permuted_tallies`.
    support
        Images of each (group, true class) when it is the same for all labellings, :func:`fixed_support`.

    Returns
    -------
    Tally
        Arrays of shape (size, n_groups, n_classes).
    """
    size, c = len(labels), sample.n_classes
    shape = (size, n_groups, 2, c)
    group = labels + np.arange(0, size * n_groups, n_groups)[:, None]
    codes = group * (2 * c)
    codes += sample.hit * c + sample.y_pred
    told = np.bincount(codes.ravel(), minlength=np.prod(shape)).reshape(shape).astype(np.float64)
    if support is None:
        true = np.bincount((group * c + sample.y_true).ravel(), minlength=size * n_groups * c)
        support = true.astype(np.float64)
    support = np.broadcast_to(support.reshape(-1, n_groups, c), (size, n_groups, c))
    extra: list[NDArray[np.float64]] = []
    if steps:
        apart = np.abs(sample.y_true - sample.y_pred).astype(np.float64)
        for weight in (apart, apart**2):
            sums = np.bincount(group.ravel(), weights=np.tile(weight, size), minlength=size * n_groups)
            extra.append(sums.reshape(size, n_groups).astype(np.float64))
    return Tally(support, told.sum(axis=2), np.ascontiguousarray(told[:, :, 1]), *extra)


def hypergeometric_tally(
    table: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator, size: int, *, steps: bool = False
) -> Tally:
    """Draw group tallies for labels permuted within true classes, from cell counts.

    Given the margins, the predictions of class t that fall to each group are multivariate hypergeometric; they
    are drawn cell by cell from univariate laws, for all permutations at once.

    Parameters
    ----------
    table
        Images of each (true, predicted) class, shape (n_classes, n_classes).
    sizes
        Images of each (group, true class), shape (n_groups, n_classes).
    rng, size
        Source of randomness, and the number of permutations.
    steps
        As for :func:`permuted_tallies`.

    Returns
    -------
    Tally
        Arrays of shape (size, n_groups, n_classes).
    """
    n_groups, c = sizes.shape
    predicted, correct = np.zeros((n_groups, c, size)), np.zeros((n_groups, c, size))
    linear, quadratic = np.zeros((n_groups, size)), np.zeros((n_groups, size))
    for t in np.flatnonzero(table.sum(axis=1)):
        for p, drawn in _split(table[t], sizes[:, t], rng, size):
            predicted[:, p] += drawn
            linear += abs(t - p) * drawn
            quadratic += (t - p) ** 2 * drawn
            if p == t:
                correct[:, p] = drawn
    support = np.broadcast_to(sizes.astype(np.float64), (size, n_groups, c))
    extra = (linear.T, quadratic.T) if steps else (None, None)
    move = [np.ascontiguousarray(np.moveaxis(a, -1, 0)) for a in (predicted, correct)]
    return Tally(support, *move, *extra)


def _split(row: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator, size: int) -> Any:
    """Yield, for each predicted class that occurs, how many of its images fall to each group, (n_groups, size)."""
    room = np.repeat(sizes[:, None], size, axis=1)
    for p in np.flatnonzero(row):
        drawn = np.zeros_like(room)
        left = np.full(size, row[p])
        rest = room.sum(axis=0)
        for g in range(len(sizes) - 1):
            rest = rest - room[g]
            drawn[g] = rng.hypergeometric(room[g], rest, left)
            left = left - drawn[g]
        drawn[-1] = left
        room -= drawn
        yield p, drawn


def labelled_means(values: NDArray[np.float64], labels: NDArray[np.intp], n_groups: int) -> NDArray[np.float64]:
    """Average values of the images over groups, for several labellings.

    Parameters
    ----------
    values
        Shape (n_values, n_samples).
    labels
        Group of each image, shape (size, n_samples).
    n_groups
        Number of groups.

    Returns
    -------
    numpy.ndarray
        Shape (size, n_groups, n_values); NaN for a group without an image.
    """
    size = len(labels)
    group = (labels + np.arange(size)[:, None] * n_groups).ravel()
    counts = np.bincount(group, minlength=size * n_groups)
    means: NDArray[np.float64] = np.full((len(values), size * n_groups), np.nan)
    for row, value in zip(means, values, strict=True):
        sums = np.bincount(group, weights=np.tile(value, size), minlength=size * n_groups)
        np.divide(sums, counts, out=row, where=counts > 0)
    return np.moveaxis(means.reshape(-1, size, n_groups), 0, -1)


def permuted_weights(
    parts: Elements,
    n_groups: int,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    plan: Plan,
    *,
    stream: str,
) -> NDArray[np.float64]:
    """Return a function of image weights of each group under permutation.

    Parameters
    ----------
    parts, n_groups
        What is permuted.
    score
        Takes weights of shape (n_samples, size), returns (size,).
    plan, stream
        Number of permutations, and the random numbers.

    Returns
    -------
    numpy.ndarray
        Shape (n_permutations, n_groups).
    """

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        labels = parts.row_labels(rng, size).T
        return np.stack([score((labels == g).astype(np.float64)) for g in range(n_groups)], axis=-1)

    return plan.in_blocks(one, stream=stream, block=int(min(256, max(16, 2**20 // max(1, len(parts.of_row))))))


def _table(sample: Sample) -> NDArray[np.int64]:
    c = sample.n_classes
    return np.bincount(sample.y_true * c + sample.y_pred, minlength=c * c).reshape(c, c)


def _group_sizes(sample: Sample, parts: Elements, n_groups: int) -> NDArray[np.int64]:
    c = sample.n_classes
    return np.bincount(parts.label * c + sample.y_true, minlength=n_groups * c).reshape(n_groups, c)
