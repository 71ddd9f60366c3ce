"""Decoding untrusted image files to upright 8-bit RGB, with a limit on the number of pixels.

Images with more than 8 bits per channel are scaled, never clipped. The full scale is 255, 4095 or 65535 (8, 12 or
16 bits), the smallest that is not below the largest value; for floating-point numbers also 1. Other values are
refused. Transparent pixels are composited over white, as in a browser.
"""

from __future__ import annotations

import io
import stat
import threading
import warnings
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MAX_PIXELS = 100_000_000
"""Most pixels of an image; the largest cameras of this field make about half as many."""
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
"""Formats that Pillow may decode, whatever the name of the file; other decoders see no untrusted files."""
RANGES = (255, 4095, 65535)
"""Largest values of 8, 12 and 16 bits."""
DEEP = frozenset({"F", "I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Pillow modes with more than 8 bits per channel."""
UPRIGHT, SIDEWAYS = 1, frozenset({5, 6, 7, 8})
"""EXIF orientations of upright images, and of images turned by 90 degrees."""
HEAD = 132
"""Bytes that :func:`kind_of` needs."""
_KINDS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (128, b"DICM", "DICOM"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (4, b"ftypcrx", "camera raw"),
    (0, b"FUJIFILMCCD-RAW", "camera raw"),
)
_OTHER = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file it stands for"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
)


def decode_rgb(path: Path, *, draft: int | None = None) -> Image.Image:
    """Decode an image and return it upright (EXIF orientation applied) in 8-bit RGB.

    Parameters
    ----------
    path
        Image file in one of :data:`FORMATS`.
    draft
        Sufficient shorter side in pixels: a JPEG is decoded at a reduced size of at least this, which is faster.

    Raises
    ------
    InputError
        When the file is missing, truncated or not an image, has more than :data:`MAX_PIXELS` pixels, or values
        outside every known range.
    """
    return decode_sized(path, draft=draft)[0]


def decode_sized(
    path: Path, *, draft: int | None = None, data: bytes | None = None
) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an image as :func:`decode_rgb` does; also return the upright width and height of the file.

    If the bytes of the file are given as ``data``, the file is not opened.
    """
    try:
        with strict_decoding():
            return _from_file(path, draft) if data is None else _decoded(io.BytesIO(data), draft)
    except UnidentifiedImageError as error:
        raise InputError(path, [f"cannot be decoded: {_what_it_is(path)}"]) from error
    except Exception as error:  # damaged files make decoders raise almost anything
        raise InputError(path, [f"cannot be decoded: {_why(error)}"]) from error


def kind_of(head: bytes) -> str | None:
    """Return the image format of a file from its first :data:`HEAD` bytes; None if unknown."""
    return next((name for at, magic, name in _KINDS if head[at : at + len(magic)] == magic), None)


def _from_file(path: Path, draft: int | None) -> tuple[Image.Image, tuple[int, int]]:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("is not a plain file")
    with path.open("rb") as file:
        return _decoded(file, draft)


def _decoded(file: IO[bytes], draft: int | None) -> tuple[Image.Image, tuple[int, int]]:
    # from a stream: given a path, Pillow maps uncompressed TIFFs and scrambles rotated ones
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
        width, height = image.size
        if draft is not None:
            image.draft("RGB", (draft, draft))
        shortened = ";16" in repr(image.tile)  # Pillow keeps the upper 8 bits of 16-bit colour
        image.load()  # turns a TIFF upright
        orientation = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
        size = (height, width) if orientation in SIDEWAYS else (width, height)
        upright = image if orientation == UPRIGHT else ImageOps.exif_transpose(image)  # avoids a copy
        return _rgb(upright, shortened=shortened), size


def _rgb(image: Image.Image, *, shortened: bool) -> Image.Image:
    """Return an image in 8-bit RGB; a ValueError says why this is not possible."""
    if image.mode in DEEP:
        return Image.fromarray(_scaled(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = _over_white(image.convert("RGBA"))
    if image.mode != "RGB":
        image = image.convert("RGB")
    if shortened and 0 < np.asarray(image).max() <= RANGES[1] // 256:
        raise ValueError("16-bit colour that uses only the lower 12 bits; save it with 8 bits")
    return image


def _scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale grey levels of any depth to 8 bits."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("has values that are not finite; save it with 8 bits")
    ranges = (1, *RANGES) if values.dtype.kind == "f" else RANGES
    largest = next((limit for limit in ranges if high <= limit), None)
    if low < 0 or largest is None:
        raise ValueError(f"has values from {low:g} to {high:g}, not in 0 to {RANGES[-1]:,}; save it with 8 bits")
    return np.rint(values * (255.0 / largest)).astype(np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    low, high = image.getchannel("A").getextrema()
    if high == 0:
        raise ValueError("is fully transparent")
    if low == 255:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _what_it_is(path: Path) -> str:
    """Describe a file that is in none of the :data:`FORMATS`."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return "the file is empty"
    text = head.lstrip().lower()
    other = next((words for magic, words in _OTHER if text.startswith(magic)), None)
    kind = kind_of(head)
    if other is None and kind is not None:
        other = f"damaged {kind}" if kind.upper() in FORMATS else f"{kind}; save it as JPEG or PNG"
    return other or "not an image"


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


_LOCK = threading.Lock()
_filters: list[warnings.catch_warnings[None]] = []
_decoding = 0


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Turn decompression-bomb warnings into errors while any thread decodes.

    Warning filters are global to the process: the first thread sets them, and the last one restores them.
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


def decode_square(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode one image, scale its shorter side to ``side`` (bicubic, antialiased), and crop the centre square."""
    image = decode_rgb(path, draft=side)
    scale = side / min(image.size)
    size = tuple(max(side, round(length * scale)) for length in image.size)
    image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)  # type: ignore[arg-type]
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)), dtype=np.uint8)


def decode_squashed(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode one image and scale both sides to ``side`` (bicubic, antialiased), which changes its aspect ratio."""
    image = decode_rgb(path, draft=side)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.uint8)


CROP_MODES: Mapping[str, Callable[[Path, int], NDArray[np.uint8]]] = {
    "center": decode_square,
    "squash": decode_squashed,
}
"""Functions that make an image square, by timm's names."""
