"""Find nearest neighbours of images, by shared local features or by embeddings.

Each descriptor is turned into words, the signs of fixed random projections, so that a copy of a point shares some
words with the original even if it was altered. Images are similar when they share rare words, plain or mirrored.
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
"""Share of images above which a word is too common to be used."""
RARE = 10
"""Number of images up to which a word is never too common."""
CENTRE = 0.06
"""Approximate mean of the numbers of a descriptor of norm 1."""
BLOCK = 256


def shared_words(descriptors: Sequence[NDArray[np.uint8]], k: int) -> NDArray[np.intp]:
    """Return pairs of each image and the ``k`` others that share most rare words with it, shape (n_pairs, 2)."""
    n = len(descriptors)
    project = np.random.default_rng(0).standard_normal((LENGTH, BITS * TABLES)).astype(np.float32)
    words = [_words(found, project) for found in descriptors]
    weight, number = _rare_words(words)
    for i, found in enumerate(words):  # one at a time: the words of 10,000 images are 60 MB
        words[i] = _numbered(found, number)
    by_word = _matrix(words, len(weight)).T.tocsr()
    by_word.data = np.repeat(weight, np.diff(by_word.indptr))
    size = np.sqrt([weight[found].sum() for found in words]).astype(np.float32) + 1e-3
    pairs = []
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        turned = [_numbered(_words(found, project, mirror=True), number) for found in descriptors[block]]
        plain, flipped = ((_matrix(some, len(weight)) @ by_word).toarray() for some in (words[block], turned))
        pairs.append(_top(np.maximum(plain, flipped, out=plain) / size, start, k))
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
    """Return the distinct words of an image, sorted."""
    values = unit(descriptors)
    bits = ((mirrored(values) if mirror else values) - CENTRE) @ project > 0
    codes = bits.reshape(len(values), TABLES, BITS) @ (1 << np.arange(BITS))
    return np.unique((codes + (np.arange(TABLES) << BITS)).astype(np.int32))


def _rare_words(words: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the weight of each rare word, and the number of every word among the rare ones, -1 for others."""
    n, count = len(words), np.zeros(TABLES << BITS, dtype=np.int32)
    for found in words:
        count[found] += 1
    weight = np.log(n / np.maximum(count, 1)).astype(np.float32)
    rare = np.flatnonzero((count > 1) & (count <= max(RARE, COMMON * n)) & (weight > 0))
    number = np.full(len(count), -1, dtype=np.int32)
    number[rare] = np.arange(len(rare))
    return weight[rare], number


def _numbered(words: NDArray[np.int32], number: NDArray[np.int32]) -> NDArray[np.int32]:
    numbers = number[words]
    return numbers[numbers >= 0]


def _matrix(words: Sequence[NDArray[np.int32]], n_words: int) -> sparse.csr_array:
    """Return the matrix of images and words, shape (n, n_words): 1 where an image has a word."""
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    columns = np.concatenate([np.zeros(0, np.int32), *words])
    ones = np.ones(len(columns), np.int8)
    return sparse.csr_array((ones, columns, ends), shape=(len(words), n_words))


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
