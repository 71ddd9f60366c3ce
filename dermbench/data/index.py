"""What files a raw release has: one walk of its folder, then look-ups in memory."""

from __future__ import annotations

import filecmp
import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class FileIndex:
    """All files under a folder.

    Hidden files and folders and ``__MACOSX`` are left out. Links are followed as far as they stay inside
    the folder.

    Attributes
    ----------
    root
        Absolute folder.
    files
        Paths relative to ``root`` with ``/`` between their parts, the shallowest first, then by name.
    outside
        Links that lead outside of ``root`` or nowhere: not part of ``files``.
    """

    root: Path
    files: tuple[str, ...]
    outside: tuple[str, ...] = ()

    @cached_property
    def present(self) -> frozenset[str]:
        """The same paths for membership tests."""
        return frozenset(self.files)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Paths of the image files."""
        return tuple(f for f in self.files if is_image(f))

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """Image files by name without folder and suffix."""
        found: dict[str, list[str]] = defaultdict(list)
        for file in self.images:
            found[PurePosixPath(file).stem].append(file)
        return dict(found)

    def named(self, name: str, *, depth: int = 1) -> Path | None:
        """Return the shallowest file called ``name`` (case ignored), at most ``depth`` folders down.

        Raises
        ------
        InputError
            When several files at that depth differ in content.
        """
        found = [f for f in self.files if PurePosixPath(f).name.lower() == name.lower() and f.count("/") <= depth]
        level = [f for f in found if f.count("/") == found[0].count("/")]
        if not level:
            return None
        if not self._same(level):
            raise InputError(self.root, [f"several files called {name}: {name_some(level)}"])
        return self.root / level[0]

    def locate(self, names: Iterable[str], *, prefer: Sequence[str] = ()) -> pd.Series:
        """Find the image file of each name, whatever its folder and suffix.

        Parameters
        ----------
        names
            File names, with or without an image suffix, shape (n,).
        prefer
            Folders that win when a name occurs more than once.

        Returns
        -------
        pandas.Series
            Paths relative to ``root``, shape (n,), ``<NA>`` where there is no file.

        Raises
        ------
        InputError
            When a name occurs more than once with different content.
        """
        chosen: list[str | None] = []
        doubtful: list[str] = []
        for name in names:
            found = self.by_stem.get(stem_of(name), [])
            if len(found) > 1:
                found = [f for f in found if set(PurePosixPath(f).parts[:-1]) & set(prefer)] or found
            if len(found) > 1 and not self._same(found):
                doubtful.append(f"{name}: {', '.join(found)}")
            chosen.append(found[0] if found else None)
        if doubtful:
            raise InputError(
                self.root,
                [f"{len(doubtful):,} images have several different files: {name_some(doubtful)}"],
                remedy="Name the folder that holds the images with --set images=DIR.",
            )
        return pd.Series(chosen, dtype="string")

    def _same(self, files: Sequence[str]) -> bool:
        first = self.root / files[0]
        return all(filecmp.cmp(first, self.root / other, shallow=False) for other in files[1:])


def scan(root: Path, *, skip: Path | None = None) -> FileIndex:
    """Walk a folder once.

    Parameters
    ----------
    root
        Folder.
    skip
        Folder to leave out: the dataset that is being written.

    Raises
    ------
    UsageError
        When ``root`` is not a folder.
    InputError
        When the name of an image file is not valid Unicode.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: not a folder")
    base = root.resolve()
    hidden = skip.resolve() if skip is not None else None
    files: list[str] = []
    outside: list[str] = []
    pending = [base]
    while pending:
        with _entries(pending.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.name.startswith(".") or entry.name == "__MACOSX" or path == hidden:
                    continue
                relative = path.relative_to(base).as_posix()
                if entry.is_symlink() and not _stays_inside(path, base):
                    outside.append(relative)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.is_file():
                    files.append(relative)
    _refuse_undecodable(base, files)
    return FileIndex(base, tuple(sorted(files, key=lambda f: (f.count("/"), f))), tuple(sorted(outside)))


def image_index(root: Path, folder: str | None, *, skip: Path | None = None) -> FileIndex:
    """Walk the folder that an ``images=DIR`` option names (relative to ``root``), else ``root``."""
    return scan(root if folder is None else root / folder, skip=skip)


def is_image(name: str) -> bool:
    """Tell by the suffix whether a file is an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def stem_of(name: str) -> str:
    """Return the name of a file without folder and, when it is one of an image, suffix."""
    path = PurePosixPath(name)
    return path.stem if is_image(name) else path.name


def _entries(folder: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be listed ({error.strerror})") from error


def _stays_inside(link: Path, base: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(base)
    except (OSError, RuntimeError):  # leads nowhere, or round in circles
        return False


def _refuse_undecodable(root: Path, files: list[str]) -> None:
    wrong = [f for f in files if is_image(f) and f != f.encode("utf-8", "replace").decode("utf-8")]
    if wrong:
        names = name_some(f.encode("utf-8", "backslashreplace").decode() for f in wrong)
        raise InputError(root, [f"names of image files that are not valid Unicode: {names}"])
