"""Decoding images from strangers: upright RGB, with a cap on the size a file may unpack to."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from dermbench.errors import InputError

if TYPE_CHECKING:
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
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # damaged EXIF blocks do not harm the pixels
            with Image.open(path) as image:
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
