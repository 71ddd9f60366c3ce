"""Hash, decode and fingerprint image files on several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from dermbench.artifacts.hashing import digest_and_bytes
from dermbench.artifacts.images import decode_sized
from dermbench.data.fingerprints import DRAFT, Fingerprint, take
from dermbench.errors import InputError
from dermbench.machine import available_cores
from dermbench.waiting import with_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from pathlib import Path

IN_MEMORY = 16 << 20
"""Largest file, in bytes, that is read once to hash and decode it; larger ones are read twice, in pieces."""
CHUNK = 16
"""Items that a thread takes at once, because handing one over costs as much as opening a small file."""
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """Hash, fingerprint or problem of one image file.

    Attributes
    ----------
    sha256
        ``sha256:<hex>`` of the bytes, None for a file that cannot be read.
    problem
        Why the image cannot be used, None when it decodes.
    fingerprint
        Its fingerprint, None when it was not decoded.
    """

    sha256: str | None
    problem: str | None = None
    fingerprint: Fingerprint | None = None


def look(path: Path, *, known: Container[str] = ()) -> Look:
    """Hash one image, decode it, and take its fingerprint.

    Parameters
    ----------
    path
        The file.
    known
        Hashes of images that are known to decode; these are not decoded again.
    """
    try:
        digest, data = digest_and_bytes(path, limit=IN_MEMORY)
    except OSError as error:
        return Look(None, f"cannot be read: {error.strerror or error}")
    if digest in known:
        return Look(digest)
    try:
        return Look(digest, fingerprint=take(*decode_sized(path, draft=DRAFT, data=data)))
    except InputError as error:
        return Look(digest, "; ".join(error.problems))


def on_threads(
    function: Callable[[S], T], items: Sequence[S], *, workers: int | None = None, title: str
) -> list[T]:
    """Apply ``function`` to every item on several threads; show a progress bar after a second.

    Parameters
    ----------
    function
        Function of one item.
    items
        For example paths, shape (n,).
    workers
        Number of threads; by default one for each processor that this process may use.
    title
        Text of the progress bar.

    Returns
    -------
    list
        Results in the order of ``items``.
    """
    workers = workers or available_cores()
    step = max(1, min(CHUNK, len(items) // (4 * workers)))
    chunks = [items[start : start + step] for start in range(0, len(items), step)]
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        results = chain.from_iterable(pool.map(lambda chunk: list(map(function, chunk)), chunks))
        return with_bar(results, title, len(items))
    finally:
        pool.shutdown(cancel_futures=True)
