"""Index the files of a raw release: walk its folder once, then look names up in memory."""

from __future__ import annotations

import filecmp
import os
import posixpath
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.data.skipped import (
    HIDDEN,
    LINK_BROKEN,
    LINK_FOLDER,
    LINK_OUTSIDE,
    SPECIAL,
    is_hidden,
    is_image,
    unread,
)
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class FileIndex:
    """All files under a folder.

    Files and folders that are hidden or belong to an operating system (``__MACOSX``, ``Thumbs.db``) are left out.
    Links to files inside the folder are followed; links to folders are not.

    Attributes
    ----------
    root
        Absolute folder.
    files
        Paths relative to ``root`` with ``/`` between their parts, the shallowest first, then by name.
    ignored
        Paths that the walk left out, with the reason; not in ``files``.
    """

    root: Path
    files: tuple[str, ...]
    ignored: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def present(self) -> frozenset[str]:
        """The paths of ``files`` as a set."""
        return frozenset(self.files)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Paths of the image files."""
        return tuple(f for f in self.files if is_image(f))

    @cached_property
    def skipped(self) -> dict[str, str]:
        """Everything that is not read as an image, with the reason: ``ignored`` and files of other kinds."""
        return {**self.ignored, **{f: unread(self.root / f) for f in self.files if not is_image(f)}}

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """Image files by their name without folder and suffix."""
        found: dict[str, list[str]] = defaultdict(list)
        for file in self.images:
            found[stem_of(file)].append(file)
        return dict(found)

    def named(self, name: str, *, depth: int = 1) -> Path | None:
        """Return the shallowest file called ``name`` (case ignored), at most ``depth`` folders down.

        Raises
        ------
        InputError
            When several files at that depth differ in content.
        """
        wanted = name.lower()
        found = [f for f in self.files if f.rpartition("/")[2].lower() == wanted and f.count("/") <= depth]
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
            Folders to choose from when a name occurs more than once.

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
    hidden = str(skip.resolve()) if skip is not None else None
    files: list[str] = []
    ignored: dict[str, str] = {}
    pending = [(base, "")]
    while pending:
        folder, prefix = pending.pop()
        with _entries(folder) as entries:
            for entry in entries:
                if entry.path == hidden:
                    continue
                relative = prefix + entry.name
                reason = _reason(entry, base)
                if reason is not None:
                    ignored[relative] = reason
                elif entry.is_dir(follow_symlinks=False):
                    pending.append((folder / entry.name, f"{relative}/"))
                else:
                    files.append(relative)
    _refuse_undecodable(base, files)
    return FileIndex(base, tuple(sorted(files, key=lambda f: (f.count("/"), f))), ignored)


def image_index(root: Path, folder: str | None, *, skip: Path | None = None) -> FileIndex:
    """Walk the folder of the option ``images=DIR`` (relative to ``root``), else ``root``."""
    return scan(root if folder is None else root / folder, skip=skip)


def stem_of(name: str) -> str:
    """Return a file's name without its folder and without the suffix of an image."""
    last = posixpath.basename(name.rstrip("/"))
    return posixpath.splitext(last)[0] if is_image(last) else last


def _entries(folder: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be listed ({error.strerror})") from error


def _reason(entry: os.DirEntry[str], base: Path) -> str | None:
    """Return why an entry of a folder is left out; None for one that is kept."""
    if is_hidden(entry.name):
        return HIDDEN
    if entry.is_symlink():
        try:
            target = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):  # no target, or a loop of links
            return LINK_BROKEN
        if not target.is_relative_to(base):
            return LINK_OUTSIDE
        if target.is_dir():
            return LINK_FOLDER
    if entry.is_dir(follow_symlinks=False) or entry.is_file():
        return None
    return SPECIAL


def _refuse_undecodable(root: Path, files: list[str]) -> None:
    wrong = [f for f in files if is_image(f) and f != f.encode("utf-8", "replace").decode("utf-8")]
    if wrong:
        names = name_some(f.encode("utf-8", "backslashreplace").decode() for f in wrong)
        raise InputError(root, [f"names of image files that are not valid Unicode: {names}"])
