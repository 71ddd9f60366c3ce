"""Looking at every image file, on several threads: hash, decode, and a fingerprint for near-duplicates."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rich.progress import track

from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.images import decode_rgb
from dermbench.console import make_console
from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL import Image

S = TypeVar("S")
T = TypeVar("T")

DRAFT = 64
"""Shortest side that suffices here: a JPEG is read to its end, but transformed at a reduced size."""


@dataclass(frozen=True)
class Look:
    """What one file turned out to be.

    Attributes
    ----------
    sha256
        ``sha256:<hex>`` of the bytes, None for a file that cannot be read.
    problem
        Why the image is of no use, None when it decodes.
    """

    sha256: str | None
    problem: str | None = None


def look(path: Path) -> Look:
    """Hash and decode one image."""
    return _opened(path, lambda _: None)[0]


def fingerprint(path: Path, take: Callable[[Image.Image], T]) -> tuple[Look, T | None]:
    """Hash and decode one image, and take something from its pixels."""
    return _opened(path, take)


def on_threads(
    function: Callable[[S], T], items: Sequence[S], *, workers: int | None = None, title: str
) -> list[T]:
    """Apply ``function`` to every item on several threads, with a progress bar on a terminal.

    Parameters
    ----------
    function
        What to do with one item.
    items
        For example paths, shape (n,).
    workers
        Number of threads; by default as many as this process may use processors.
    title
        What the progress bar says.

    Returns
    -------
    list
        Results in the order of ``items``.
    """
    console = make_console(stderr=True)
    pool = ThreadPoolExecutor(max_workers=workers or available_processors())
    try:
        results = pool.map(function, items)
        shown = track(
            results, description=title, total=len(items), console=console, disable=not console.is_terminal
        )
        return list(shown)
    finally:
        pool.shutdown(cancel_futures=True)


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _opened(path: Path, take: Callable[[Image.Image], T]) -> tuple[Look, T | None]:
    try:
        digest = file_digest(path)
    except OSError as error:
        return Look(None, f"cannot be read: {error.strerror or error}"), None
    try:
        return Look(digest), take(decode_rgb(path, draft=DRAFT))
    except InputError as error:
        return Look(digest, "; ".join(error.problems)), None
