"""Find pairs of images that show the same photograph, or the same spot photographed again.

Local features cannot tell a crop of a photograph from a second photograph of the same lesion taken a moment later.
Both are *verified* pairs, and both leak when one image is in train and the other in test. A pair is verified when
enough local features agree on one movement, or, for smooth images with few features, when the thumbnails agree in
detail.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.audit import PairSearch
from dermbench.artifacts.embeddings import read_embeddings
from dermbench.data.duplicates import (
    CANDIDATES,
    THRESHOLD,
    alike_pairs,
    components,
    grey_levels,
    same_bytes,
    same_thumbnails,
)
from dermbench.data.fingerprint_cache import fingerprints_of
from dermbench.errors import InputError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

    from dermbench.artifacts.manifest import Dataset
    from dermbench.data.fingerprints import Fingerprints

EXACT, VERIFIED, ALIKE = "exact", "verified", "alike"
"""Kinds of pairs: equal bytes, confirmed by local features, and similar hashes that were not confirmed."""
INLIERS = 12
"""Number of matched points that must agree on one movement."""
NEIGHBOURS = 10
"""Number of nearest neighbours that each image is compared with."""
INSTALL = "pip install 'dermbench[audit]' brings OpenCV; data audit --no-verify lists what looks alike"


@dataclass(frozen=True)
class Pairs:
    """Pairs of images that show the same photograph.

    Attributes
    ----------
    table
        One row a pair, sorted: ``first`` and ``second`` (image ids, ``first < second``), ``kind`` (``exact``,
        ``verified``, or ``alike`` where nothing was verified), ``inliers`` (Int64) and ``mirrored`` (boolean),
        null unless verified. Of k files with equal bytes, the first is paired with each of the others and
        represents them in other pairs; :func:`groups` has all of them.
    search
        Record of how the pairs were searched.
    """

    table: pd.DataFrame
    search: PairSearch


def find_pairs(
    dataset: Dataset,
    *,
    verify: bool,
    embeddings: Path | str | None = None,
    prints: Fingerprints | None = None,
    workers: int | None = None,
) -> Pairs:
    """Find the images of a dataset that show the same photograph.

    Parameters
    ----------
    dataset
        The dataset.
    verify
        Whether candidates are confirmed by local features (OpenCV). Otherwise only equal bytes are certain, and
        images with similar hashes are listed as ``alike``.
    embeddings
        Table of embeddings (``image_id`` and numbers); nearest neighbours are candidates too.
    prints
        Fingerprints of the dataset's images, if already known.
    workers
        Number of threads; by default one for each processor.

    Raises
    ------
    InputError
        When images are missing or unreadable, or the table of embeddings lacks images.
    MissingDependencyError
        When candidates are to be verified and OpenCV is not installed.
    """
    if verify:
        require_opencv()
    elif embeddings is not None:
        raise UsageError(f"{embeddings}: neighbours by embeddings are of use only where pairs are verified")
    rows = dataset.manifest
    ids = rows["image_id"]
    values = None if embeddings is None else read_embeddings(embeddings, ids.to_numpy(dtype=object))
    prints = fingerprints_of(dataset, workers=workers) if prints is None else prints
    refuse_broken(dataset, prints)
    paths = dataset.paths(rows) if verify else []
    found = pairs_of(ids, paths, prints, verify=verify, embeddings=values, workers=workers)
    source = None if embeddings is None else str(embeddings)
    return replace(found, search=found.search.model_copy(update={"embeddings": source}))


def pairs_of(
    ids: pd.Series,
    paths: Sequence[Path],
    prints: Fingerprints,
    *,
    verify: bool,
    embeddings: NDArray[np.float64] | None = None,
    workers: int | None = None,
) -> Pairs:
    """Find pairs among images with known fingerprints; images that do not decode have only exact pairs.

    Parameters as for :func:`find_pairs`, shape (n,); ``embeddings`` has shape (n, n_features). ``paths`` are read
    only when pairs are verified.
    """
    known = same_bytes(prints.sha256)
    rows = np.arange(len(known))
    again = np.flatnonzero(known != rows)
    exact = _table(ids, np.column_stack([known[again], again]), EXACT)
    kept = np.flatnonzero((known == rows) & prints.decoded)
    at = kept.tolist()
    grey = grey_levels(prints.thumbnails[kept])
    if not verify:
        alike = alike_pairs(grey)
        return Pairs(_sorted(exact, _table(ids, kept[alike], ALIKE)), _search(len(alike), verified=False))
    verify_module = require_opencv()
    found = verify_module.compare_candidates(
        [paths[i] for i in at],
        [prints.sha256[i] for i in at],
        alike_pairs(grey, similarity=CANDIDATES),
        neighbours=NEIGHBOURS,
        embeddings=None if embeddings is None else embeddings[kept],
        workers=workers,
    )
    enough = np.array([match.inliers >= INLIERS for match in found.matches], dtype=bool)
    sure = np.flatnonzero(enough | same_thumbnails(grey, found.pairs)).tolist()
    verified = _table(ids, kept[found.pairs[sure]], VERIFIED)
    verified["inliers"] = pd.array([found.matches[i].inliers for i in sure], dtype="Int64")
    verified["mirrored"] = pd.array([found.matches[i].mirrored for i in sure], dtype="boolean")
    return Pairs(_sorted(exact, verified), _search(len(found.pairs), verified=True))


def groups(pairs: Pairs) -> pd.Series:
    """Return the group of every image that has a copy, by image id; a group is named by its smallest id.

    Groups are the connected components of exact and verified pairs; pairs of kind ``alike`` do not count.
    """
    sure = pairs.table[pairs.table["kind"].isin([EXACT, VERIFIED])]
    ids = pd.Index(pd.unique(pd.concat([sure["first"], sure["second"]]))).sort_values()
    number = components(len(ids), ids.get_indexer(sure["first"]), ids.get_indexer(sure["second"]))
    names = pd.Series(ids, index=ids, dtype="string", name="group")
    return names.groupby(number).transform("min")


def require_opencv() -> ModuleType:
    """Return the module that verifies pairs.

    Raises
    ------
    MissingDependencyError
        When OpenCV is not installed.
    """
    try:
        return importlib.import_module("dermbench.data.audit.verify")
    except ImportError as error:
        raise MissingDependencyError(f"verifying pairs needs OpenCV ({error})", remedy=INSTALL) from error


def refuse_broken(dataset: Dataset, prints: Fingerprints) -> None:
    """Refuse a dataset with images that cannot be read, in one message.

    Raises
    ------
    InputError
        When there are any.
    """
    paths = dataset.manifest["path"]
    broken = [f"{p}: {why}" for p, why in zip(paths, prints.problem, strict=True) if why is not None]
    if broken:
        raise InputError(dataset.image_root, broken[:20], remedy="See: dermbench data check")


def _search(compared: int, *, verified: bool) -> PairSearch:
    return PairSearch(
        verified=verified,
        hash_bits=THRESHOLD,
        neighbours=NEIGHBOURS if verified else 0,
        inliers=INLIERS,
        embeddings=None,
        compared=compared,
    )


def _table(ids: pd.Series, rows: NDArray[np.intp], kind: str) -> pd.DataFrame:
    names = np.sort(ids.to_numpy(dtype=object)[rows].reshape(-1, 2), axis=1)
    return pd.DataFrame(
        {
            "first": pd.array(names[:, 0], dtype="string"),
            "second": pd.array(names[:, 1], dtype="string"),
            "kind": pd.array([kind] * len(names), dtype="string"),
            "inliers": pd.array([None] * len(names), dtype="Int64"),
            "mirrored": pd.array([None] * len(names), dtype="boolean"),
        }
    )


def _sorted(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables).sort_values(["first", "second"], ignore_index=True)
