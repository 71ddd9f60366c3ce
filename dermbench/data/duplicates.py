"""Finding the same photograph twice: by bytes, and by what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dermbench.data.inspect import Look, fingerprint, on_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

THRESHOLD = 10
"""Bits of 64 in which the perceptual hashes of near-duplicates may differ."""
SIMILARITY = 0.93
"""Correlation of grey levels that confirms a near-duplicate."""
SIDE = 16
"""Side of the grey image that confirms."""
BLOCK = 2048


@dataclass(frozen=True)
class Fingerprints:
    """What near-duplicates are found by; rows are images.

    Attributes
    ----------
    looks
        Hash of the bytes, and the problem of an image that cannot be decoded.
    bits
        Perceptual hash (DCT), shape (n,), uint64.
    grey
        Standardised grey levels, shape (n, SIDE²); zero for a flat or undecodable image.
    """

    looks: list[Look]
    bits: NDArray[np.uint64]
    grey: NDArray[np.float32]


def take_fingerprints(paths: Sequence[Path], *, workers: int | None = None) -> Fingerprints:
    """Hash, decode and fingerprint every image on several threads."""
    taken = on_threads(partial(fingerprint, take=_take), paths, workers=workers, title="Comparing images")
    empty = (np.uint64(0), np.zeros(SIDE * SIDE, dtype=np.float32))
    marks = [empty if mark is None else mark for _, mark in taken]
    return Fingerprints(
        looks=[seen for seen, _ in taken],
        bits=np.array([bits for bits, _ in marks], dtype=np.uint64),
        grey=np.stack([grey for _, grey in marks]) if marks else np.zeros((0, SIDE * SIDE), dtype=np.float32),
    )


def near_pairs(
    bits: NDArray[np.uint64], grey: NDArray[np.float32], *, threshold: int = THRESHOLD
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Find pairs of images that look the same.

    A pair is a near-duplicate when the perceptual hashes differ in at most ``threshold`` bits and the
    grey levels correlate at :data:`SIMILARITY` or more. Flat images match nothing.

    Returns
    -------
    first, second, distance
        Row numbers with ``first < second``, and differing bits, shape (n_pairs,), in that order.
    """
    parts = [(f, s, d) for f, s, d in _close(bits, threshold)]
    if not parts:
        none = np.zeros(0, dtype=np.intp)
        return none, none, none
    first, second, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
    alike = np.einsum("ij,ij->i", grey[first], grey[second]) >= SIMILARITY
    return first[alike], second[alike], distance[alike]


def components(n: int, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the group of each of ``n`` rows that pairs join into groups, shape (n,)."""
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    groups: NDArray[np.intp] = connected_components(graph, directed=False)[1].astype(np.intp)
    return groups


def duplicate_groups(
    prints: Fingerprints, *, threshold: int = THRESHOLD
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Group images that are the same.

    Returns
    -------
    exact, alike
        Number of the group of each image by equal bytes, and by equal bytes or looks in a chain, shape (n,).
    """
    hashes = np.array([seen.sha256 for seen in prints.looks], dtype=object)
    exact = pd.factorize(hashes, use_na_sentinel=False)[0].astype(np.intp)
    kept = np.unique(exact, return_index=True)[1]
    first, second, _ = near_pairs(prints.bits[kept], prints.grey[kept], threshold=threshold)
    return exact, components(len(kept), first, second)[exact]


def smallest_id(ids: pd.Series, groups: NDArray[np.intp]) -> pd.Series:
    """Name each group that has several images by its smallest image id, shape (n,); ``<NA>`` elsewhere."""
    text = ids.astype(object)
    several = text.groupby(groups).transform("size") > 1
    return text.groupby(groups).transform("min").where(several).astype("string")


def _take(image: Image.Image) -> tuple[np.uint64, NDArray[np.float32]]:
    grey = image.convert("L")
    hashed = imagehash.phash(grey).hash.reshape(-1)
    bits = np.packbits(hashed).view(">u8")[0].astype(np.uint64)
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32).reshape(-1)
    centred = small - small.mean()
    norm = float(np.linalg.norm(centred))
    return np.uint64(bits), centred / norm if norm > 1e-3 else np.zeros_like(centred)


def _close(
    bits: NDArray[np.uint64], threshold: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    for start in range(0, len(bits), BLOCK):
        rows = bits[start : start + BLOCK, None]
        for other in range(start, len(bits), BLOCK):
            distance = popcount(rows ^ bits[None, other : other + BLOCK])
            first, second = np.nonzero(distance <= threshold)
            found = distance[first, second].astype(np.intp)
            first, second = first + start, second + other
            keep = first < second
            yield first[keep], second[keep], found[keep]


_BYTE = np.array([value.bit_count() for value in range(256)], dtype=np.uint8)


def popcount(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Count the bits that are set in each word, shape as ``words``."""
    if hasattr(np, "bitwise_count"):  # numpy 2
        counted: NDArray[np.uint8] = np.bitwise_count(words)
        return counted
    bits = _BYTE[np.ascontiguousarray(words).view(np.uint8)].reshape(*words.shape, 8)
    total: NDArray[np.uint8] = bits.sum(axis=-1, dtype=np.uint8)
    return total
