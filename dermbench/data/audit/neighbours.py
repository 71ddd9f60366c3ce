"""Nearest neighbours of images: by the local features that they share, or by embeddings.

Each descriptor is turned into words, the signs of fixed random projections, so that an altered copy of a point
has some of the words of the original. Images are alike as far as they share rare words, plain or mirrored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from dermbench.data.audit.features import LENGTH, mirrored, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BITS, TABLES = 18, 8
"""Projections a word, and words a descriptor."""
COMMON = 0.02
"""Share of images above which a word says nothing."""
RARE = 10
"""A word of no more images than this is never too common."""
CENTRE = 0.06
"""About the mean of a number of a descriptor of norm 1."""
BLOCK = 256


def shared_words(descriptors: Sequence[NDArray[np.uint8]], k: int) -> NDArray[np.intp]:
    """Return pairs of each image and the ``k`` others that share most words with it, shape (n_pairs, 2)."""
    n = len(descriptors)
    project = np.random.default_rng(0).standard_normal((LENGTH, BITS * TABLES)).astype(np.float32)
    words = [_words(found, project) for found in descriptors]
    count = np.zeros(TABLES << BITS, dtype=np.int64)
    for found in words:
        count[found] += 1  # each word once an image
    telling = (count > 1) & (count <= max(RARE, COMMON * n))
    weight = np.where(telling, np.log(n / np.maximum(count, 1)), 0).astype(np.float32)
    kept = np.flatnonzero(weight)
    images = _matrix(words)[:, kept]
    weights = sparse.diags_array(weight[kept]).tocsr()
    size = np.sqrt(np.asarray((images @ weights).sum(axis=1)).ravel()) + 1e-3
    other = (weights @ images.T).tocsr()
    pairs = []
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        turned = _matrix([_words(found, project, mirror=True) for found in descriptors[block]])[:, kept]
        alike = np.maximum((images[block] @ other).toarray(), (turned @ other).toarray()) / size
        pairs.append(_top(alike, start, k))
    return _unique(pairs)


def nearest(embeddings: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return pairs of each image and its ``k`` nearest neighbours by cosine, shape (n_pairs, 2)."""
    norm = np.linalg.norm(embeddings, axis=1, keepdims=True)
    values = (embeddings / np.maximum(norm, np.finfo(float).tiny)).astype(np.float32)
    blocks = range(0, len(values), BLOCK)
    return _unique([_top(values[start : start + BLOCK] @ values.T + 1, start, k) for start in blocks])


def _words(
    descriptors: NDArray[np.uint8], project: NDArray[np.float32], *, mirror: bool = False
) -> NDArray[np.int32]:
    """Return the different words of an image, sorted."""
    values = unit(descriptors)
    bits = ((mirrored(values) if mirror else values) - CENTRE) @ project > 0
    codes = bits.reshape(len(values), TABLES, BITS) @ (1 << np.arange(BITS))
    return np.unique((codes + (np.arange(TABLES) << BITS)).astype(np.int32))


def _matrix(words: Sequence[NDArray[np.int32]]) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, words)])
    columns = np.concatenate([np.zeros(0, np.int32), *words])
    return sparse.csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(words), TABLES << BITS))


def _top(alike: NDArray[np.float32], start: int, k: int) -> NDArray[np.intp]:
    """Return the ``k`` best columns of each row of a block, other than itself, where they are above 0."""
    rows = np.arange(len(alike))
    alike[rows, rows + start] = 0
    k = min(k, alike.shape[1] - 1)
    best = np.argpartition(-alike, k, axis=1)[:, :k]
    row, place = np.nonzero(np.take_along_axis(alike, best, axis=1) > 0)
    return np.column_stack([row + start, best[row, place]])


def _unique(pairs: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.unique(np.sort(np.concatenate([np.zeros((0, 2), np.intp), *pairs]), axis=1), axis=0)
