"""The cache of fingerprints in a dataset folder, by the hash of the image's bytes.

The cache saves decoding; it never shows that a file is unchanged. A cache that is damaged, of another version of
the format or of Pillow, or not a plain file is ignored and written anew.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL

from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.guarded import read_bytes
from dermbench.artifacts.images import strict_decoding
from dermbench.data.fingerprints import RECORD, Fingerprints, as_records
from dermbench.data.inspect import Look, look, on_threads
from dermbench.errors import DermbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dermbench.artifacts.manifest import Dataset

CACHE = Path("cache") / "fingerprints.bin"
"""Path of the cache in a dataset folder."""
MAX_BYTES = 4 << 30
DIGEST = 32
PREFIX = "sha256:"
MAGIC = f"dermbench.fingerprints/2 pillow {PIL.__version__}\n".encode()
ROW = np.dtype([("sha256", "u1", (DIGEST,)), ("print", RECORD)])


def read_cache(folder: Path) -> dict[str, NDArray[np.void]]:
    """Return the fingerprints in a dataset folder's cache, by ``sha256:<hex>``; empty without a valid cache."""
    try:
        data = read_bytes(folder / CACHE, limit=MAX_BYTES, follow=False)
    except DermbenchError:
        return {}
    start = len(MAGIC) + DIGEST
    body = memoryview(data)[start:]
    if not data.startswith(MAGIC) or len(body) % ROW.itemsize:
        return {}
    if hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        return {}
    rows = np.frombuffer(body, dtype=ROW)
    return {PREFIX + row["sha256"].tobytes().hex(): row["print"] for row in rows}


def write_cache(folder: Path, prints: Fingerprints) -> None:
    """Write the fingerprints of images that decode into a dataset folder, atomically.

    Raises
    ------
    UsageError
        When the folder cannot be written to.
    """
    kept = np.flatnonzero(prints.decoded)
    rows = np.zeros(len(kept), dtype=ROW)
    hashes = [bytes.fromhex((prints.sha256[i] or "").removeprefix(PREFIX)) for i in kept]
    rows["sha256"] = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, DIGEST)
    rows["print"] = prints.records[kept]
    rows = rows[np.unique(rows["sha256"], axis=0, return_index=True)[1]]
    body = rows.tobytes()
    with atomic_path(folder / CACHE, durable=False) as temporary, temporary.open("wb") as file:
        file.write(MAGIC + hashlib.sha256(body).digest())
        file.write(body)


def take_fingerprints(
    paths: Sequence[Path],
    *,
    known: Mapping[str, NDArray[np.void]] | None = None,
    stated: Sequence[str | None] | None = None,
    workers: int | None = None,
) -> Fingerprints:
    """Hash, decode and fingerprint images on several threads.

    Parameters
    ----------
    paths
        Image files, shape (n,).
    known
        Fingerprints by hash; an image with one of these hashes is not decoded.
    stated
        Hash of each file according to the manifest. A file whose stated hash is known is not opened.
    workers
        Number of threads; by default one for each processor.
    """
    known = known or {}
    items = list(zip(paths, stated or [None] * len(paths), strict=True))
    with strict_decoding():
        looks = on_threads(partial(_look, known), items, workers=workers, title="Looking at images")
    records = as_records([seen.fingerprint for seen in looks])
    for i, seen in enumerate(looks):
        if seen.sha256 is not None and seen.sha256 in known:
            records[i] = known[seen.sha256]
    return Fingerprints(tuple(s.sha256 for s in looks), tuple(s.problem for s in looks), records)


def fingerprints_of(dataset: Dataset, *, workers: int | None = None) -> Fingerprints:
    """Return the fingerprints of a dataset's images; files whose hash is in the cache are not opened.

    The hashes are those of the manifest; only ``check`` compares them with the files.
    """
    rows, known = dataset.manifest, read_cache(dataset.root)
    stated = stated_hashes(rows)
    found = take_fingerprints(dataset.paths(rows), known=known, stated=stated, workers=workers)
    save_new(dataset.root, found, known)
    return found


def stated_hashes(rows: pd.DataFrame) -> list[str | None]:
    """Return the hash that a manifest states for each image, None where it states none."""
    if "sha256" not in rows:
        return [None] * len(rows)
    return [str(h) if known else None for h, known in zip(rows["sha256"], rows["sha256"].notna(), strict=True)]


def save_new(folder: Path, prints: Fingerprints, known: Mapping[str, NDArray[np.void]]) -> None:
    """Write the cache anew when it lacks images and the folder can be written to."""
    if any(ok and sha not in known for ok, sha in zip(prints.decoded, prints.sha256, strict=True)):
        with suppress(DermbenchError):
            write_cache(folder, prints)


def _look(known: Mapping[str, NDArray[np.void]], item: tuple[Path, str | None]) -> Look:
    path, stated = item
    if stated is not None and stated in known and path.is_file():
        return Look(stated)
    seen = look(path, known=known)
    if stated is not None and seen.sha256 is not None and seen.sha256 != stated:
        return Look(seen.sha256, f"has changed: {seen.sha256}, the manifest says {stated}")
    return seen
