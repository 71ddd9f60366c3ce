"""Reasons why a file of a release is left out: hidden files, links, pipes, and unsupported kinds of images."""

from __future__ import annotations

import posixpath
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dermbench.artifacts.images import HEAD, kind_of
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
HIDDEN = "hidden or system file"
NO_IMAGE = "file that is no image"
LINK_OUTSIDE = "link that leads outside of the folder"
LINK_BROKEN = "broken link"
LINK_FOLDER = "link to a folder"
SPECIAL = "pipe, socket or device"
QUIET = frozenset({HIDDEN, NO_IMAGE})
"""Reasons that are counted without a remark."""
SYSTEM = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin"})
_KINDS = {
    ".avif": "AVIF",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".heic": "HEIC",
    ".heics": "HEIC",
    ".heif": "HEIC",
    ".hif": "HEIC",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".psd": "Photoshop",
    ".svg": "SVG",
    **dict.fromkeys((".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".raw", ".rw2"), "camera raw"),
}
"""Kinds of images that are not read, by suffix."""
_READ = frozenset({"BMP", "GIF", "JPEG", "PNG", "TIFF", "WebP"})


def is_image(name: str) -> bool:
    """Tell by the suffix whether a file is an image."""
    return posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES


def is_hidden(name: str) -> bool:
    """Tell by its name whether a file or folder is hidden or made by an operating system."""
    return name.startswith(".") or name.lower() in SYSTEM


def unread(path: Path) -> str:
    """Return why a plain file without an image's suffix is left out."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        try:
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD))
        except OSError:
            return NO_IMAGE
    if kind is None or (kind == "BMP" and path.suffix):  # BMP's two letters also begin other files
        return NO_IMAGE
    return f"{kind} image without the suffix of one" if kind in _READ else f"{kind} image, which is not read"


def blocking(skipped: Mapping[str, str]) -> dict[str, str]:
    """Return the left-out files that look like images but cannot be read, with their reasons."""
    links = {LINK_OUTSIDE, LINK_BROKEN, SPECIAL}
    known = {*QUIET, *links, LINK_FOLDER}
    return {f: why for f, why in skipped.items() if why not in known or (why in links and is_image(f))}


def linked_folders(skipped: Mapping[str, str]) -> dict[str, str]:
    """Return the left-out links to folders, with their reasons."""
    return {f: why for f, why in skipped.items() if why in {LINK_OUTSIDE, LINK_FOLDER} and not is_image(f)}


def counted(skipped: Mapping[str, str]) -> dict[str, int]:
    """Return the number of files by reason, in the order of the reasons."""
    return dict(sorted(Counter(skipped.values()).items()))


def remarks(skipped: Mapping[str, str]) -> list[str]:
    """Return one sentence for each reason outside :data:`QUIET`; it names the files."""
    by_reason: dict[str, list[str]] = {}
    for file, why in sorted(skipped.items()):
        if why not in QUIET:
            by_reason.setdefault(why, []).append(file)
    return [f"left out, {why}: {name_some(files)}" for why, files in sorted(by_reason.items())]


def by_stem(skipped: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons by file name without folder and suffix."""
    return {PurePosixPath(file).stem: why for file, why in skipped.items() if why not in QUIET}


def reasons_of(ids: Iterable[str], skipped: Mapping[str, str], otherwise: str) -> list[str]:
    """Return why each image has no file: the reason why its file was left out, or ``otherwise``."""
    known = by_stem(skipped)
    return [known.get(PurePosixPath(i).stem, known.get(PurePosixPath(i).name, otherwise)) for i in ids]
