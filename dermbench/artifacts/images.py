"""Decoding images from strangers: upright 8-bit RGB, with a cap on the size a file may unpack to.

Images with more than 8 bits a channel are scaled, never cut off: integers by the smallest of 8, 12 and 16 bits
that holds their largest value, floating-point numbers as shares of 1 when none is above 1. What fits no such range
is refused. Transparent pixels are laid over white, as a browser shows them.
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
"""Pixels that an image may have; the largest camera of this field makes about half as many."""
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
"""What Pillow may take a file for, whatever its name: other decoders are not shown files of strangers."""
RANGES = (255, 4095, 65535)
"""Largest values of 8, 12 and 16 bits."""
DEEP = frozenset({"F", "I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Pillow's modes with more than 8 bits a channel."""
UPRIGHT, SIDEWAYS = 1, frozenset({5, 6, 7, 8})
"""EXIF orientations of images that stand upright, and of those that lie on their side."""
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
    """Decode an image completely and return it upright (EXIF orientation applied) in 8-bit RGB.

    Parameters
    ----------
    path
        Image file in one of :data:`FORMATS`.
    draft
        Shortest side that suffices: a JPEG is decoded at a reduced size not below it, which is faster.

    Raises
    ------
    InputError
        When the file is missing, truncated, no image, has more than :data:`MAX_PIXELS` pixels, or values that no
        known range explains.
    """
    return decode_sized(path, draft=draft)[0]


def decode_sized(
    path: Path, *, draft: int | None = None, data: bytes | None = None
) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an image as :func:`decode_rgb` does, and return with it the upright width and height of the file.

    ``data`` are the bytes of the file, where they have been read: then it is not opened.
    """
    try:
        with strict_decoding():
            return _from_file(path, draft) if data is None else _decoded(io.BytesIO(data), draft)
    except UnidentifiedImageError as error:
        raise InputError(path, [f"cannot be decoded: {_what_it_is(path)}"]) from error
    except Exception as error:  # damaged files make decoders raise almost anything
        raise InputError(path, [f"cannot be decoded: {_why(error)}"]) from error


def kind_of(head: bytes) -> str | None:
    """Return the kind of image that the first :data:`HEAD` bytes of a file belong to, None for none known."""
    return next((name for at, magic, name in _KINDS if head[at : at + len(magic)] == magic), None)


def _from_file(path: Path, draft: int | None) -> tuple[Image.Image, tuple[int, int]]:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("is not a plain file")
    with path.open("rb") as file:
        return _decoded(file, draft)


def _decoded(file: IO[bytes], draft: int | None) -> tuple[Image.Image, tuple[int, int]]:
    # from a stream: of a path, Pillow maps uncompressed TIFFs and scrambles those that are turned
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
        upright = image if orientation == UPRIGHT else ImageOps.exif_transpose(image)  # which makes a copy
        return _rgb(upright, shortened=shortened), size


def _rgb(image: Image.Image, *, shortened: bool) -> Image.Image:
    """Return an image in 8-bit RGB; a ValueError says why there is none."""
    if image.mode in DEEP:
        return Image.fromarray(_scaled(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = _over_white(image.convert("RGBA"))
    if image.mode != "RGB":
        image = image.convert("RGB")
    if shortened and 0 < np.asarray(image).max() <= RANGES[1] // 256:
        raise ValueError("16-bit colour of which the lower 12 bits are used; save it with 8 bits")
    return image


def _scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey levels of any depth as 8 bits."""
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
    """Say what a file is that none of :data:`FORMATS` reads."""
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


def decode_square(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode one image: shorter side scaled to ``side`` (bicubic, antialiased), centre square kept."""
    image = decode_rgb(path, draft=side)
    scale = side / min(image.size)
    size = tuple(max(side, round(length * scale)) for length in image.size)
    image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)  # type: ignore[arg-type]
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)), dtype=np.uint8)


def decode_squashed(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode one image: both sides scaled to ``side`` (bicubic, antialiased), out of shape and nothing cut."""
    image = decode_rgb(path, draft=side)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.uint8)


CROP_MODES: Mapping[str, Callable[[Path, int], NDArray[np.uint8]]] = {
    "center": decode_square,
    "squash": decode_squashed,
}
"""How an image becomes a square, by timm's names."""
