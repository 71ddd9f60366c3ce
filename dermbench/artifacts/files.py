"""Atomic writing of files, locks, and paths that stay inside a folder."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from dermbench.errors import DermbenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_SECONDS = 60.0


@contextmanager
def atomic_path(path: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary file beside ``path`` for writing; it replaces ``path`` if the block ends without error.

    The file is flushed to disk before it replaces ``path``, so that readers see the old or the new content, never
    a mixture, even after a crash. The temporary file has the suffix of ``path``.

    Parameters
    ----------
    path
        File to write.
    durable
        False leaves flushing to the system, because flushing gigabytes can take minutes. For files that are
        checked when they are read and can be made again.

    Raises
    ------
    UsageError
        When the folder cannot be created or written to.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
    except OSError as error:
        raise UsageError(f"{target}: cannot write there ({error.strerror})") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        if durable:
            _flush(target.parent)
    except OSError as error:
        raise UsageError(f"{target}: cannot write ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8 with line feeds as line ends, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, document: Any) -> None:
    """Write :func:`dump_json` of ``document``, atomically."""
    write_text(path, dump_json(document))


def dump_json(document: Any) -> str:
    """Return JSON with sorted keys, an indent of two and a final newline; NaN raises ``ValueError``."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


class Inside:
    """Joins paths to a folder and refuses paths that lead out of it.

    Links are resolved once per folder below the root, and once per file that is a link.

    Parameters
    ----------
    root
        The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._base = root.resolve()
        self._folders: dict[str, tuple[str, bool]] = {}

    def __call__(self, relative: str) -> Path:
        """Return the file at ``relative`` below the root.

        Raises
        ------
        UsageError
            When ``relative`` is absolute, climbs out through ``..`` or leads out through a link.
        """
        parent, name = os.path.split(relative)  # text, because Path objects are slow for many files
        folder, within = self._folder(parent)
        place = Path(folder, name)
        if name in {"", ".", ".."} or place.is_symlink():
            place, within = place.resolve(), False
        if not within and not place.is_relative_to(self._base):
            raise UsageError(f"{relative!r} leads outside of {self.root}")
        return place

    def _folder(self, relative: str) -> tuple[str, bool]:
        """Return a folder below the root with links resolved, and whether it is inside the root."""
        if relative not in self._folders:
            folder = (self._base / relative).resolve()
            self._folders[relative] = str(folder), folder.is_relative_to(self._base)
        return self._folders[relative]


@contextmanager
def locked(path: Path | str, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    Raises
    ------
    DermbenchError
        When another process holds the lock for longer than ``seconds``.
    UsageError
        When the lock file cannot be made.
    """
    path = Path(path)
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise DermbenchError(
            f"{path}: another process has held this lock for {seconds:.0f} s",
            remedy="Wait for it to end, or delete the lock file when no dermbench is running.",
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot write there ({error.strerror})") from error
    try:
        yield
    finally:
        lock.release()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
