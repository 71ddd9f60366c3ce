"""Compare images by local features, to confirm that they show the same photograph."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, overload

import cv2
import numpy as np

from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.images import decode_rgb
from dermbench.data.audit.features import LENGTH, SIDE, Extractor, Features, Match, compare
from dermbench.data.audit.neighbours import nearest, shared_words
from dermbench.data.inspect import on_threads
from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

CHUNK = 512
"""Number of images whose features are kept in memory before they are written to the temporary file."""
SHOWN = 20


@dataclass(frozen=True)
class Compared:
    """Result of comparing candidates.

    Attributes
    ----------
    pairs
        Row numbers, shape (n_pairs, 2), sorted.
    matches
        Match of each pair.
    """

    pairs: NDArray[np.intp]
    matches: list[Match]


def compare_candidates(
    paths: Sequence[Path],
    sha256: Sequence[str | None],
    candidates: NDArray[np.intp],
    *,
    neighbours: int,
    embeddings: NDArray[np.float64] | None = None,
    workers: int | None = None,
) -> Compared:
    """Compare candidates and nearest neighbours by local features.

    Parameters
    ----------
    paths, sha256
        Image files, and the hash that each is known by.
    candidates
        Row numbers of pairs to compare in any case, shape (n_pairs, 2).
    neighbours
        Number of nearest neighbours by shared features that each image is compared with; as many again by
        ``embeddings``.
    embeddings
        Embeddings of the images, shape (n, n_features).
    workers
        Number of threads.

    Raises
    ------
    InputError
        When files cannot be read or have changed.
    """
    with features_of(paths, sha256, workers=workers) as store:
        found = [candidates, shared_words(store, neighbours)]
        if embeddings is not None:
            found.append(nearest(embeddings, neighbours))
        pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
        return Compared(pairs, compare_pairs(store, pairs, workers=workers))


@contextmanager
def features_of(
    paths: Sequence[Path], sha256: Sequence[str | None], *, workers: int | None = None
) -> Iterator[Store]:
    """Take the features of images and keep them while the block runs.

    Parameters as for :func:`compare_candidates`.

    Raises
    ------
    InputError
        When files cannot be read or have changed.
    """
    with _one_thread_each(), tempfile.TemporaryFile() as file:
        yield Store(file, paths, sha256, workers)


def compare_pairs(store: Store, pairs: NDArray[np.intp], *, workers: int | None = None) -> list[Match]:
    """Compare pairs of images, row numbers of shape (n_pairs, 2), by their features."""
    return on_threads(
        lambda pair: compare(store.features(pair[0]), store.features(pair[1])),
        pairs.tolist(),
        workers=workers,
        title="Comparing pairs",
    )


class Store(Sequence["NDArray[np.uint8]"]):
    """Features of many images: descriptors in a temporary file, points in memory; see :func:`features_of`."""

    def __init__(
        self, file: IO[bytes], paths: Sequence[Path], sha256: Sequence[str | None], workers: int | None
    ) -> None:
        self._file, self._one_at_a_time = file, threading.Lock()
        self._points: list[NDArray[np.float32]] = []
        problems: list[str] = []
        items = list(zip(paths, sha256, strict=True))
        take = _Taker()
        for start in range(0, len(items), CHUNK):
            for found in on_threads(take, items[start : start + CHUNK], workers=workers, title="Taking features"):
                if isinstance(found, str):
                    problems.append(found)
                else:
                    self._points.append(found.points)
                    file.write(found.descriptors.tobytes())
        if problems:
            raise InputError("images", problems[:SHOWN], remedy="See: dermbench data check")
        self._ends = np.cumsum([0, *map(len, self._points)])

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...

    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint8]]: ...

    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        start, end = (int(self._ends[i]) * LENGTH for i in (index, index + 1))
        with self._one_at_a_time:  # read, not mapped: a mapped file would count as memory
            self._file.seek(start)
            data = self._file.read(end - start)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, LENGTH)

    def features(self, index: int) -> Features:
        """Return points and descriptors of one image."""
        return Features(self._points[index], self[index])


class _Taker:
    """Takes the features of a file, with one extractor for each thread."""

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self, item: tuple[Path, str | None]) -> Features | str:
        """Return the features of an image, or what is wrong with the file."""
        path, stated = item
        try:
            if stated is not None and file_digest(path) != stated:
                return f"{path} has changed since it was prepared"
            image = decode_rgb(path, draft=SIDE)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}"
        except InputError as error:
            return f"{path}: {'; '.join(error.problems)}"
        if not hasattr(self._own, "extract"):
            self._own.extract = Extractor()
        found: Features = self._own.extract(image)
        return found


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep OpenCV from starting threads, because images are already processed on several threads."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
