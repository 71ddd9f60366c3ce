"""Check which files a board folder has: links, special and oversized files are found before any file is read."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.run import RUN
from dermbench.errors import name_some
from dermbench.leaderboard.board import (
    BOARD,
    CSV,
    ENTRIES,
    HTML,
    INDEX,
    JSON,
    LOCK,
    README,
    REPORTED,
    RULES,
    STAGED,
    TRUTH,
)
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREDICTIONS = "predictions.parquet"
REPORT = "report.json"
REPORT_MD = "report.md"
REQUIRED = (PREDICTIONS, REPORT, REPORT_MD)
ALLOWED = frozenset({*REQUIRED, RUN})
"""Files that an entry may have besides ``entry.toml``; images and labels are not allowed."""
NEW, OLD = ".new-", ".old-"
"""Prefixes of folders that are not yet, or no longer, an entry."""
FILES = frozenset({BOARD, REPORTED, README, INDEX, TRUTH, JSON, CSV, LOCK, STAGED})
"""Files of a board folder."""
AROUND = frozenset({RULES, "CONTRIBUTING.md", "LICENSE", "LICENSE.md", ".gitattributes", ".gitignore", HTML})
AROUND_FOLDERS = frozenset({".git", ".github"})
"""Files and folders of a repository whose top level is the board; they are never read."""
DESKTOP = frozenset({".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini"})
"""Files that operating systems leave in folders; they are never read."""
REPOSITORY = "files of the repository around the board"
SYSTEM = "files of the operating system"
INTERRUPTED = "left by an interrupted command, or of one that is running"
NOTED = (REPOSITORY, SYSTEM, INTERRUPTED)
"""Kinds of files that are not part of a board but are no finding either."""
LARGEST, LARGEST_TABLE = 64 << 20, 2 << 30
"""Maximum size in bytes of a text file and of a table of a board."""
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEMPORARY = re.compile(r"\.(.+)-[a-z0-9_]{8}(\.[a-z]+)")


@dataclass
class Contents:
    """Findings about a board folder, from names, types and sizes of its files.

    Attributes
    ----------
    unsafe
        One sentence per link, special file and file that is too large.
    strays
        One sentence per file or folder that does not belong to a board.
    noted
        One sentence per kind of other files: those of the repository, of the operating system, and of an
        interrupted command.
    unreadable
        Names of files of the board that must not be read.
    broken
        Folders of entries that must not be read.
    """

    unsafe: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    @property
    def problems(self) -> list[str]:
        """All findings."""
        return self.unsafe + self.strays


def scan(folder: Path) -> Contents:
    """Check the names, types and sizes of everything in a board folder."""
    found = Contents()
    noted: dict[str, list[str]] = {what: [] for what in NOTED}
    for item in _items(folder):
        if item.name in FILES or item.name == ENTRIES:
            if problem := _entries_problem(item) if item.name == ENTRIES else file_problem(item):
                found.unsafe.append(f"{item.name}: {problem}")
                found.unreadable.add(item.name)
            elif item.name == ENTRIES:
                _scan_entries(folder / ENTRIES, found, noted[SYSTEM], noted[INTERRUPTED])
        elif what := _noted_kind(item):
            noted[what].append(item.name)
        else:
            found.strays.append(f"{plain(item.name)}: no part of a board")
    found.strays = _shortened(found.strays)
    found.noted = [f"{what}: {name_some(names)}" for what, names in noted.items() if names]
    return found


def _noted_kind(item: os.DirEntry[str]) -> str:
    """Return which kind of :data:`NOTED` a file is; empty if it is none."""
    if _is_around(item):
        return REPOSITORY
    if is_desktop_file(item):
        return SYSTEM
    return INTERRUPTED if is_temporary(item.name, FILES) else ""


def file_problem(item: os.DirEntry[str]) -> str:
    """Return why an item is not a plain file of an allowed size; empty if it is one."""
    status = item.stat(follow_symlinks=False)
    if problem := _type_problem(status.st_mode):
        return problem
    limit = LARGEST_TABLE if item.name in {PREDICTIONS, TRUTH} else LARGEST
    return f"has {status.st_size:,} bytes; at most {limit:,} are allowed" if status.st_size > limit else ""


def is_desktop_file(item: os.DirEntry[str]) -> bool:
    """Return whether an operating system left this file, such as ``._NAME`` beside ``NAME``."""
    double = item.name.startswith("._") and os.path.lexists(item.path.removesuffix(item.name) + item.name[2:])
    return (item.name in DESKTOP or double) and not file_problem(item)


def _is_around(item: os.DirEntry[str]) -> bool:
    """Return whether an item belongs to the repository around the board."""
    if item.name in AROUND_FOLDERS:
        return item.is_dir(follow_symlinks=False) or (item.name == ".git" and not file_problem(item))
    return item.name in AROUND and not file_problem(item)


def is_temporary(name: str, names: frozenset[str]) -> bool:
    """Return whether this is the temporary name of an unfinished file for one of ``names``."""
    found = _TEMPORARY.fullmatch(name)
    return found is not None and f"{found[1]}{found[2]}" in names


def entry_names(folder: Path) -> set[str]:
    """Return the names of everything in an entry folder except ``entry.toml`` and files of the system."""
    return {item.name for item in _items(folder) if item.name != ENTRY and not is_desktop_file(item)}


def _scan_entries(root: Path, found: Contents, desktop: list[str], leftovers: list[str]) -> None:
    for item in _items(root):
        where = f"{ENTRIES}/{plain(item.name)}"
        if is_desktop_file(item):
            desktop.append(where)
        elif item.is_symlink():
            found.unsafe.append(f"{where}: is a link; an entry is a folder")
            found.broken.add(item.name)
        elif not item.is_dir() or (item.name.startswith(".") and not item.name.startswith((NEW, OLD))):
            found.strays.append(f"{where}: no part of a board")
        elif item.name.startswith("."):
            leftovers.append(where)
        elif not _SLUG.fullmatch(item.name):
            found.unsafe.append(f"{where}: no entry has a folder of this name")
            found.broken.add(item.name)
        else:
            _scan_entry(root / item.name, where, found, desktop)


def _scan_entry(folder: Path, where: str, found: Contents, desktop: list[str]) -> None:
    """Check one entry folder; files not listed in ``entry.toml`` are checked elsewhere."""
    items = list(_items(folder))
    if any(item.is_symlink() for item in items):
        found.unsafe.append(f"{where}: holds a link; an entry holds plain files only")
    for item in items:
        if item.name in ALLOWED or item.name == ENTRY:
            if problem := file_problem(item):
                found.broken.add(folder.name)
                if not item.is_symlink():
                    found.unsafe.append(f"{where}/{item.name}: {problem}")
        elif is_desktop_file(item):
            desktop.append(f"{where}/{item.name}")


def _items(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as items:
        yield from sorted(items, key=lambda item: item.name)


def _entries_problem(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "is a link; a board holds plain files and folders"
    return "" if item.is_dir() else "is not a folder"


def _type_problem(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "is a link; a board holds plain files"
    kind = "a folder" if stat.S_ISDIR(mode) else "a named pipe" if stat.S_ISFIFO(mode) else "a device or socket"
    return f"is {kind}, not a plain file"


def _shortened(problems: list[str], limit: int = 20) -> list[str]:
    rest = len(problems) - limit
    return problems if rest < 1 else [*problems[:limit], f"{rest:,} more files or folders are no part of a board"]
