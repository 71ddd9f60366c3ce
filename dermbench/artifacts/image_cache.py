"""The cache file of a split: decoded images, with checks that they are still valid.

``<name>.npy`` holds the pixels. ``<name>.json``, written first, records size and time of the image files and of
the ``.npy`` file, and the CRC-32 of each decoded image. If sizes and times agree with the record, opening a cache
reads no pixels, and each image is checked when a process first reads it. If size or time of the ``.npy`` file
differ, all images are checked at once, and an invalid cache is made again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from dermbench.artifacts.cached_images import CachedImages
from dermbench.artifacts.files import atomic_path, locked, write_text
from dermbench.artifacts.guarded import check_plain, read_json
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.outputs import remove_leftovers
from dermbench.artifacts.records import validated
from dermbench.errors import InputError, UsageError
from dermbench.machine import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LOCK_SECONDS = 3600.0
BLOCK = 256
"""Number of images that are decoded before they are written."""


RECORD_BYTES = 256 << 20
Stamp = tuple[int, int] | None
"""Size and time of a file; None if it does not exist."""


class CacheRecord(BaseModel):
    """Content of the ``.json`` file beside a cache file.

    Attributes
    ----------
    crc32
        Checksum of each decoded image.
    stamps
        Size and time of each image file.
    cache
        Size and time of the cache file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crc32: list[int]
    stamps: list[Stamp]
    cache: Stamp


@dataclass(frozen=True)
class Originals:
    """Image files of a split.

    Attributes
    ----------
    image_ids, paths
        Id and file of each image.
    digests
        ``sha256:<hex>`` of each file when the dataset was prepared; None if the manifest has none.
    """

    image_ids: Sequence[str]
    paths: Sequence[Path]
    digests: Sequence[str | None]

    def fingerprint(self) -> str:
        """Return a hash of ids and file contents; files without a digest enter with size and time."""
        digest = hashlib.sha256(b"dermbench.pixels/3")
        for image_id, path, content in zip(self.image_ids, self.paths, self.digests, strict=True):
            version = content or f"{path} {stamp(path)}"
            digest.update(f"{image_id}\x1f{version}\x1e".encode())
        return digest.hexdigest()

    def changed(self, stamps: Sequence[Stamp]) -> list[str]:
        """Return a sentence for each file that has changed since the dataset was prepared.

        Only files whose size or time differ from ``stamps`` are read. A file that no longer exists counts as
        unchanged: the cache replaces it.
        """
        found = []
        for path, content, known in zip(self.paths, self.digests, stamps, strict=True):
            now = stamp(path)
            if content is not None and now not in (None, known) and file_digest(path) != content:
                found.append(f"{path}: has changed since the dataset was prepared")
        return found


def stamp(path: Path) -> Stamp:
    """Return size and time of a file; None if it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def open_cache(
    target: Path,
    originals: Originals,
    side: int,
    decode: Callable[[Path, int], NDArray[np.uint8]],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[CachedImages, str]:
    """Return the images of a split from their cache file; one process makes it if it is missing or invalid.

    Parameters
    ----------
    target
        Cache file.
    originals
        Image files of the split.
    side
        Side of the square in pixels.
    decode
        Function from a file and a side to pixels of shape (side, side, 3).
    progress
        Called with the number of decoded images and of all images.

    Returns
    -------
    tuple
        Images, shape (n_samples, side, side, 3), and ``sha256:<hex>`` of ids and pixel checksums.
    """
    shape = (len(originals.paths), side, side, 3)
    found = _read(target, originals, shape)
    if found is None:
        with locked(target.with_suffix(".lock"), seconds=LOCK_SECONDS):
            found = _read(target, originals, shape)  # another process may have made it meanwhile
            if found is None:
                _build(target, originals, shape, decode, progress)
                found = _read(target, originals, shape)
    if found is None:
        raise InputError(target, ["does not hold what was just written to it"], remedy="Check the disk.")
    return found


def _read(target: Path, originals: Originals, shape: tuple[int, ...]) -> tuple[CachedImages, str] | None:
    """Return images and hash; None if there is no valid cache.

    Pixels are read only if size or time of the file have changed since it was written or last read completely.
    """
    record_file = target.with_suffix(".json")
    try:
        record = validated(record_file, CacheRecord, read_json(record_file, limit=RECORD_BYTES))
        check_plain(target)
        mapped, here = np.lib.format.open_memmap(target, mode="r"), stamp(target)
    except Exception:  # noqa: BLE001 - an invalid cache is made again, whatever is wrong with it
        return None
    sums, stamps = record.crc32, record.stamps
    if mapped.shape != shape or mapped.dtype != np.uint8 or not len(stamps) == len(sums) == len(mapped):
        return None
    images = CachedImages(target, originals.image_ids, sums, mapped)
    if record.cache != here and not images.all_right():
        return None
    if changed := originals.changed(stamps):
        raise InputError(target.parent.parent, changed, remedy="Prepare the dataset again.")
    now = CacheRecord(crc32=sums, stamps=[stamp(path) for path in originals.paths], cache=here)
    if now != record:
        with suppress(UsageError):  # without the update, touched files are read again next time
            _write_record(target, now)
    named = json.dumps([list(originals.image_ids), list(shape), sums])
    return images, f"sha256:{hashlib.sha256(named.encode()).hexdigest()}"


def _build(
    target: Path,
    originals: Originals,
    shape: tuple[int, ...],
    decode: Callable[[Path, int], NDArray[np.uint8]],
    progress: Callable[[int, int], None] | None,
) -> None:
    """Decode and write the images in order.

    The file is written, not mapped: on a full disk, writing raises an error, but a mapped page kills the process.
    The file is not flushed, because images are checked when they are read.
    """
    _make_room(target, int(np.prod(shape)))
    stamps = [stamp(path) for path in originals.paths]
    problems, sums = [], []
    with atomic_path(target, durable=False) as temporary:
        with temporary.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for done, image in enumerate(_decoded(originals, shape[1], decode), start=1):
                if isinstance(image, str):
                    problems.append(image)
                else:
                    file.write(image)
                    sums.append(zlib.crc32(image))
                if progress is not None:
                    progress(done, shape[0])
        if problems:
            remedy = "Repair or remove these images, or prepare the dataset again."
            raise InputError(target.parent.parent, problems, remedy=remedy)
        _write_record(target, CacheRecord(crc32=sums, stamps=stamps, cache=stamp(temporary)))


def _decoded(
    originals: Originals, side: int, decode: Callable[[Path, int], NDArray[np.uint8]]
) -> Iterator[bytes | str]:
    """Yield the pixels of each image in order, or its problem; decoding runs on all cores."""

    def one(path: Path, content: str | None) -> bytes | str:
        try:
            pixels = decode(path, side).tobytes()
        except InputError as error:
            return f"{path}: {error.problems[0]}"
        changed = content is not None and file_digest(path) != content
        return f"{path}: has changed since the dataset was prepared" if changed else pixels

    with ThreadPoolExecutor(available_cores()) as pool:
        for first in range(0, len(originals.paths), BLOCK):
            part = slice(first, first + BLOCK)
            yield from pool.map(one, originals.paths[part], originals.digests[part])


def _write_record(target: Path, record: CacheRecord) -> None:
    write_text(target.with_suffix(".json"), record.model_dump_json() + "\n")


def _make_room(target: Path, size: int) -> None:
    """Remove files of killed processes, and check that there is enough disk space.

    Raises
    ------
    UsageError
        When there is not.
    """
    remove_leftovers(target.parent, [target.name])
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise UsageError(f"{target}: needs {size / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free")
