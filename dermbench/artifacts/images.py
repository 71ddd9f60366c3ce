"""Decoding images from strangers: upright RGB, with a cap on the size a file may unpack to."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_PIXELS = 100_000_000
"""Pixels that an image may have; the largest camera of this field makes about half as many."""


def decode_rgb(path: Path, *, draft: int | None = None) -> Image.Image:
    """Decode an image completely and return it upright (EXIF orientation applied) in RGB.

    Parameters
    ----------
    path
        Image file in any format that Pillow reads.
    draft
        Shortest side that suffices: a JPEG is decoded at a reduced size not below it, which is faster.

    Raises
    ------
    InputError
        When the file is missing, truncated, no image, or has more than :data:`MAX_PIXELS` pixels.
    """
    try:
        with _strict_decoding(), Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(path, [f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}"])
            if draft is not None:
                image.draft("RGB", (draft, draft))
            return ImageOps.exif_transpose(image).convert("RGB")
    except (
        OSError,
        SyntaxError,
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise InputError(path, [f"cannot be decoded: {error}"]) from error


_LOCK = threading.Lock()
_filters: list[warnings.catch_warnings[None]] = []
_decoding = 0


@contextmanager
def _strict_decoding() -> Iterator[None]:
    """Turn bomb warnings into errors while any thread decodes.

    Warning filters are global to the process: the first thread to enter sets them and the last one to
    leave restores them, so that decoding on several threads leaves no filter behind.
    """
    global _decoding  # noqa: PLW0603 - counts the threads inside, guarded by the lock
    with _LOCK:
        if _decoding == 0:
            _filters.append(warnings.catch_warnings())
            _filters[0].__enter__()
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # damaged EXIF blocks do not harm the pixels
        _decoding += 1
    try:
        yield
    finally:
        with _LOCK:
            _decoding -= 1
            if _decoding == 0:
                _filters.pop().__exit__(None, None, None)
