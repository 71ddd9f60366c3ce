"""Pairs of images that show the same photograph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.data.duplicates import THRESHOLD, Fingerprints, components, near_pairs, take_fingerprints
from dermbench.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.manifest import Dataset

EXACT, VERIFIED, ALIKE = "exact", "verified", "alike"
"""Kinds of pairs: equal bytes, confirmed by local features, and similar hashes without a confirmation."""
INLIERS = 12
"""Matched points that must agree on one movement of the image."""
NEIGHBOURS = 10
"""Nearest neighbours of each image that are compared with it."""
INSTALL = "pip install 'dermbench[train]' brings OpenCV; or look for exact duplicates and similar hashes only"


@dataclass(frozen=True)
class PairSettings:
    """How pairs were looked for.

    Attributes
    ----------
    verified
        Whether candidates were confirmed by local features.
    hash_bits
        Bits of 64 in which perceptual hashes of candidates may differ.
    neighbours
        Nearest neighbours that were candidates too; 0 without verification.
    inliers
        Matched points that confirm a pair.
    embeddings
        Table whose neighbours were candidates too, None for none.
    """

    verified: bool
    hash_bits: int = THRESHOLD
    neighbours: int = NEIGHBOURS
    inliers: int = INLIERS
    embeddings: str | None = None


@dataclass(frozen=True)
class Pairs:
    """Pairs of images that show the same photograph.

    Attributes
    ----------
    table
        One row a pair, sorted: ``first`` and ``second`` (image ids, ``first < second``), ``kind`` (``exact``,
        ``verified``, or ``alike`` where nothing was verified), ``inliers`` (Int64) and ``mirrored`` (boolean),
        null unless verified. Of k files with equal bytes the first is paired with each of the others,
        and stands for them in the other pairs; :func:`groups` has them all.
    settings
        How the pairs were looked for.
    compared
        Number of candidates that were compared.
    """

    table: pd.DataFrame
    settings: PairSettings
    compared: int = field(default=0)


def find_pairs(
    dataset: Dataset, *, verify: bool, embeddings: Path | str | None = None, workers: int | None = None
) -> Pairs:
    """Find the images of a dataset that show the same photograph.

    Parameters
    ----------
    dataset
        The dataset.
    verify
        Whether candidates are confirmed by local features (OpenCV). Without, only equal bytes are certain; images
        with similar hashes are listed as ``alike``.
    embeddings
        Table of embeddings (``image_id`` and numbers) whose nearest neighbours are candidates too.
    workers
        Number of threads; by default one for each processor.

    Raises
    ------
    InputError
        When images are missing or unreadable, or the table of embeddings lacks images.
    MissingDependencyError
        When candidates are to be verified and OpenCV is not installed.
    """
    del embeddings
    rows = dataset.manifest
    paths = dataset.paths(rows)
    if verify:
        require_opencv()
    prints = take_fingerprints(paths, workers=workers)
    refuse_broken(dataset, prints)
    return pairs_of(rows["image_id"], paths, prints, verify=verify, workers=workers)


def pairs_of(
    ids: pd.Series, paths: Sequence[Path], prints: Fingerprints, *, verify: bool, workers: int | None = None
) -> Pairs:
    """Find pairs among images whose fingerprints are known; parameters as for :func:`find_pairs`."""
    settings = PairSettings(verified=verify, neighbours=NEIGHBOURS if verify else 0)
    del paths, workers
    hashes = pd.Series([seen.sha256 for seen in prints.looks], dtype=object)
    exact = pd.factorize(hashes, use_na_sentinel=False)[0]
    kept = np.unique(exact, return_index=True)[1]
    first, second, _ = near_pairs(prints.bits[kept], prints.grey[kept])
    known = kept[exact]
    again = np.flatnonzero(known != np.arange(len(known)))
    parts = [
        _table(ids, known[again], again, EXACT),
        _table(ids, kept[first], kept[second], ALIKE),
    ]
    table = pd.concat(parts).sort_values(["first", "second"], ignore_index=True)
    return Pairs(table, settings, len(first))


def groups(pairs: Pairs) -> pd.Series:
    """Return the group of every image that has a twin: its smallest id, by image id.

    Exact and verified pairs are joined, in a chain; pairs that nobody verified are not.
    """
    sure = pairs.table[pairs.table["kind"].isin([EXACT, VERIFIED])]
    ids = pd.Index(pd.unique(pd.concat([sure["first"], sure["second"]]))).sort_values()
    number = components(len(ids), ids.get_indexer(sure["first"]), ids.get_indexer(sure["second"]))
    names = pd.Series(ids, index=ids, dtype="string", name="group")
    return names.groupby(number).transform("min")


def require_opencv() -> None:
    """Refuse to go on where OpenCV is not installed.

    Raises
    ------
    MissingDependencyError
        When it is not.
    """
    try:
        import cv2  # noqa: F401, PLC0415 - an optional dependency
    except ImportError as error:
        raise MissingDependencyError("verifying pairs needs OpenCV (cv2)", remedy=INSTALL) from error


def refuse_broken(dataset: Dataset, prints: Fingerprints) -> None:
    """Refuse images that cannot be read, all in one message.

    Raises
    ------
    InputError
        When there are any.
    """
    paths = dataset.manifest["path"]
    broken = [f"{p}: {s.problem}" for p, s in zip(paths, prints.looks, strict=True) if s.problem is not None]
    if broken:
        raise InputError(dataset.image_root, broken[:20], remedy="See: dermbench data check")


def _table(ids: pd.Series, one: NDArray[np.intp], other: NDArray[np.intp], kind: str) -> pd.DataFrame:
    a, b = ids.to_numpy(dtype=object)[one], ids.to_numpy(dtype=object)[other]
    swap = a > b
    return pd.DataFrame(
        {
            "first": pd.array(np.where(swap, b, a), dtype="string"),
            "second": pd.array(np.where(swap, a, b), dtype="string"),
            "kind": pd.array([kind] * len(a), dtype="string"),
            "inliers": pd.array([None] * len(a), dtype="Int64"),
            "mirrored": pd.array([None] * len(a), dtype="boolean"),
        }
    )
