"""Disks that fill up, go read-only or vanish, and processes that are killed, at every point where a file changes.

A *point* is one call that changes a file or folder below the folder under test: opening for writing, writing the
first bytes, creating, renaming, removing, flushing, changing permissions. Points are found by wrapping the calls,
so that new code has them, too. ``count_points`` runs an action and counts them; ``fault_at`` lets the k-th one
fail: once with an error number, or, with ``KILLED``, for good, so that no clean-up changes anything either.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import threading
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import pytest

KILLED = 0
"""In place of an error number: the process is gone."""
ERRORS = (errno.ENOSPC, errno.EROFS, errno.EACCES)
FAULTS = (*ERRORS, KILLED)
NAMES = {**{number: errno.errorcode[number] for number in ERRORS}, KILLED: "killed"}
ALL = "DERMBENCH_FAULTS"
"""Environment variable; ``all`` asks for every point, otherwise a seeded few are tried."""
_CHANGES = ("chmod", "link", "mkdir", "remove", "rename", "replace", "rmdir", "symlink", "truncate", "unlink")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Killed(BaseException):
    """Stands for the end of the process."""


class Points:
    """Counts the points below a folder, and fails at one of them.

    Parameters
    ----------
    folder
        Folder under test; changes elsewhere are no points.
    at
        Number of the point that fails, from 1; 0 for none.
    number
        Error number, or :data:`KILLED`.

    Attributes
    ----------
    count
        Points passed so far.
    failed
        The call that failed first, with the name of its file.
    """

    def __init__(self, folder: Path, at: int = 0, number: int = KILLED) -> None:
        self.folder, self.at, self.number = str(folder.resolve()), at, number
        self.count, self.failed = 0, ""
        self._lock = threading.Lock()

    @property
    def may_leave(self) -> bool:
        """Whether a leftover is excused: the process was killed, or what failed was the clean-up itself."""
        return self.number == KILLED or self.failed.split(" ")[0] in {"unlink", "remove", "rmdir"}

    def passed(self, call: str, path: object, dir_fd: int | None = None) -> None:
        """Count a point when ``path`` lies below the folder; raise when it is the one to fail."""
        place = _place(path, dir_fd)
        if place is None or not (place == self.folder or place.startswith(self.folder + os.sep)):
            return
        with self._lock:
            self.count += 1
            reached = self.at and (self.count == self.at or (self.number == KILLED and self.count > self.at))
        if reached and not self.failed:
            self.failed = f"{call} {Path(place).name}"
        if reached and self.number == KILLED:
            raise Killed(f"killed at {call} {place}")
        if reached:
            raise OSError(self.number, os.strerror(self.number), place)


class _Writer:
    """A file that is a point once more when its first bytes are written."""

    def __init__(self, file, points: Points, path: object) -> None:
        self._file, self._points, self._path, self._begun = file, points, path, False

    def write(self, data):
        if not self._begun:
            self._begun = True
            try:
                self._points.passed("write", self._path)
            except BaseException:
                self._file.write(data[: len(data) // 2])
                raise
        return self._file.write(data)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *about):
        return self._file.__exit__(*about)

    def __iter__(self):
        return iter(self._file)

    def __getattr__(self, name):
        return getattr(self._file, name)


def _place(path: object, dir_fd: int | None) -> str | None:
    try:
        if isinstance(path, int):
            return str(Path(f"/proc/self/fd/{path}").readlink())
        base = Path(f"/proc/self/fd/{dir_fd}").readlink() if dir_fd is not None else Path.cwd()
        return os.path.normpath(base / os.fsdecode(path))
    except (OSError, TypeError, ValueError):
        return None


@contextmanager
def _wrapped(points: Points):
    real_open, real_os_open = builtins.open, os.open

    def opened(file, mode="r", *args, **kwargs):
        if not (set(mode) & set("wax+")) or isinstance(file, int):
            return real_open(file, mode, *args, **kwargs)
        points.passed("open", file)
        return _Writer(real_open(file, mode, *args, **kwargs), points, file)

    def os_opened(path, flags, *args, dir_fd=None, **kwargs):
        if flags & _WRITING:
            points.passed("open", path, dir_fd)
        return real_os_open(path, flags, *args, dir_fd=dir_fd, **kwargs)

    def changing(name):
        real = getattr(os, name)

        @wraps(real)
        def change(path, *args, **kwargs):
            points.passed(name, path, kwargs.get("dir_fd", kwargs.get("src_dir_fd")))
            return real(path, *args, **kwargs)

        return change

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, "open", opened)
        patch.setattr(io, "open", opened)
        patch.setattr(os, "open", os_opened)
        for name in (*_CHANGES, "fsync"):
            patch.setattr(os, name, changing(name))
        yield points


def count_points(folder: Path, action) -> int:
    """Run ``action`` and return the number of points that it passes."""
    with _wrapped(Points(folder)) as points:
        action()
    return points.count


@contextmanager
def fault_at(folder: Path, at: int, number: int):
    """Let the point ``at`` fail during the block."""
    with _wrapped(Points(folder, at, number)) as points:
        yield points


def chosen(n: int, *, few: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return (point, error number) pairs: all of them, or ``few`` drawn with a seed.

    The last point and the kinds of faults are always among the few.
    """
    every = [(at, number) for at in range(1, n + 1) for number in FAULTS]
    if os.environ.get(ALL) == "all":
        return every
    drawn = random.Random(seed).sample(range(1, n + 1), min(few, n))
    return [(at, FAULTS[i % len(FAULTS)]) for i, at in enumerate(sorted({*drawn, n}))]


def leftovers(folder: Path) -> list[str]:
    """Return hidden files and folders below ``folder``, which nobody should find after a command."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob(".*"))


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below ``folder`` that is neither hidden nor in a hidden folder."""
    files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {
        name: p.read_bytes() for name, p in files.items() if not any(part[0] == "." for part in Path(name).parts)
    }
