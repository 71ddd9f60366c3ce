"""Read images and labels from an untrusted ``.npz`` file: shapes and types are checked before loading."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.guarded import open_plain
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

SIDES = range(16, 513)
"""Allowed sides of an image in pixels."""
MAX_IMAGES = 100_000
"""Largest number of images in a split."""
MAX_BYTES = 4 << 30
"""Largest size of all arrays together."""
MAX_HEADER = 10_000
"""Largest header of an array, in characters."""


@dataclass(frozen=True)
class Header:
    """Shape and type of an array in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Arrays:
    """Content of the file; images are loaded on demand.

    Attributes
    ----------
    path
        The file.
    size
        Side of an image in pixels.
    labels
        Number of the class of each image, by split.
    """

    path: Path
    size: int
    labels: Mapping[str, NDArray[np.int64]]

    def images(self, split: str) -> NDArray[np.uint8]:
        """Load the images of a split, shape (n, size, size, 3)."""
        with _opened(self.path) as file:
            return _loaded(file, f"{split}_images")


def read_arrays(path: Path, n_classes: int, size: int | None = None) -> Arrays:
    """Read the labels, and check shape and type of the images.

    Parameters
    ----------
    path
        File with ``train_images``, ``train_labels`` and the same for ``val`` and ``test``.
    n_classes
        Labels are 0 to ``n_classes - 1``.
    size
        Side of an image that the file's name states, if any.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is damaged, too large, or not such a file; lists all problems.
    """
    with _opened(path) as file:
        headers = _headers(path, file)
        problems = _shape_problems(headers, size)
        if problems:
            raise InputError(path, problems)
        labels = {split: _loaded(file, f"{split}_labels").reshape(-1).astype(np.int64) for split in SPLITS}
    for split, numbers in labels.items():
        wrong = np.flatnonzero((numbers < 0) | (numbers >= n_classes))
        if len(wrong):
            found = name_some(sorted(set(numbers[wrong].tolist()))).replace("'", "")
            problems.append(f"{split}_labels: {len(wrong):,} labels outside of 0 to {n_classes - 1}: {found}")
    if problems:
        raise InputError(path, problems)
    return Arrays(path, headers["train_images"].shape[1], labels)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open the file; turn every error of its decoders in the block into an :class:`InputError`."""
    with open_plain(path) as file:
        try:
            yield file
        except InputError:
            raise
        except (
            ArithmeticError,
            EOFError,
            KeyError,
            MemoryError,
            NotImplementedError,
            OSError,
            RuntimeError,
            SyntaxError,
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise InputError(path, [f"not a readable .npz file: {str(error)[:200]}"]) from error


def _loaded(file: BinaryIO, name: str) -> NDArray[Any]:
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        found: NDArray[Any] = arrays[name]
        return found


def _headers(path: Path, file: BinaryIO) -> dict[str, Header]:
    """Return shape and type of every array, without loading one."""
    if not zipfile.is_zipfile(file):
        raise InputError(path, ["not an .npz file"])
    file.seek(0)
    wanted = [f"{split}_{what}" for split in SPLITS for what in ("images", "labels")]
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        missing = [name for name in wanted if f"{name}.npy" not in names]
        if missing:
            raise InputError(path, [f"has no array {name_some(missing)}; found {name_some(names, limit=10)}"])
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if repeated:
            raise InputError(path, [f"has arrays more than once: {name_some(repeated)}"])
        return {name: _header(archive, name) for name in wanted}


def _header(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(member, max_header_size=MAX_HEADER)
    return Header(shape, dtype)


def _shape_problems(headers: Mapping[str, Header], size: int | None) -> list[str]:
    problems = []
    sides = {headers[f"{split}_images"].shape[1:] for split in SPLITS}
    for split in SPLITS:
        images, labels = headers[f"{split}_images"], headers[f"{split}_labels"]
        n = images.shape[0] if images.shape else 0
        square = len(images.shape) == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3
        if images.dtype != np.uint8 or not square or not 0 < n <= MAX_IMAGES or images.shape[1] not in SIDES:
            problems.append(
                f"{split}_images: {images.dtype} {images.shape}, not uint8 (n, size, size, 3) "
                f"with at most {MAX_IMAGES:,} images of {SIDES[0]} to {SIDES[-1]} px"
            )
        if labels.dtype.kind not in "iu" or labels.shape not in {(n,), (n, 1)}:
            problems.append(f"{split}_labels: {labels.dtype} {labels.shape}, not {n:,} whole numbers")
    if problems:
        return problems
    if len(sides) > 1:
        problems.append(f"images of different sizes: {name_some(sorted(sides))}")
    if size is not None and {side[0] for side in sides} != {size}:
        problems.append(f"images of {name_some(sorted(s[0] for s in sides))} px, its name says {size}")
    total = sum(int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize for header in headers.values())
    if total > MAX_BYTES:
        problems.append(f"arrays of {total >> 20:,} MB, more than {MAX_BYTES >> 20:,}")
    return problems
