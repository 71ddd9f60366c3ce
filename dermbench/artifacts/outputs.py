"""Exclusive writing of an output: a lock, and the removal of temporary files of killed processes.

A lock ends with its process, so temporary files found while holding the lock belong to no running process. The
lock file is removed with the lock.
"""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.files import locked
from dermbench.errors import DermbenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCK = ".dermbench.lock"
AT_ONCE = 0.0
SHORTLY = 60.0
"""Seconds to wait for another process whose writing takes seconds."""
_UNIQUE = "-[a-z0-9_]{8}"
"""Part of a name that :mod:`tempfile` adds."""


@contextmanager
def sole_writer(
    folder: Path | str, names: Sequence[str] | None = None, *, seconds: float = AT_ONCE
) -> Iterator[None]:
    """Keep other processes from writing the same output during the block.

    Parameters
    ----------
    folder
        Folder of the output; created if needed, and removed again if nothing was written.
    names
        Files and folders of the output, None for all in the folder. Their temporary files from killed processes
        are removed first.
    seconds
        Longest wait for another process.

    Raises
    ------
    UsageError
        When another process is writing there, or the folder cannot be written to.
    """
    out = Path(folder)
    made = [parent for parent in (out, *out.parents) if not parent.exists()]
    lock = out / LOCK
    try:
        with _locked(out, lock, seconds):
            remove_leftovers(out, names)
            try:
                yield
            finally:
                with suppress(OSError):
                    lock.unlink()
    finally:
        with suppress(OSError):  # stops at the first folder that is not empty
            for parent in made:
                parent.rmdir()


@contextmanager
def sole_writer_of(file: Path | str, *others: str) -> Iterator[None]:
    """Keep other processes from writing the same file, and ``others`` beside it, during the block."""
    path = Path(file)
    with _locked(path, lock := path.with_name(f".{path.name}.lock"), SHORTLY):
        remove_leftovers(path.parent, [path.name, *others])
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()


def document_path(out: Path | str, *, name: str) -> Path:
    """Return the JSON file of an output: ``out`` itself if it is one, else ``name`` in the folder ``out``.

    Raises
    ------
    UsageError
        When ``out`` is a file that is not a JSON file, or a folder named like one.
    """
    path = Path(out)
    if path.suffix == ".json" and not path.is_dir():
        return path
    if path.is_file() or path.suffix == ".json":
        raise UsageError(f"{path}: the output is a folder or a .json file")
    return path / name


def remove_leftovers(folder: Path, names: Sequence[str] | None = None) -> None:
    """Remove temporary files of killed processes from a folder; no process may be writing there.

    Parameters
    ----------
    folder
        The folder; its subfolders are not searched.
    names
        Files and folders that were being written; None for all.
    """
    with suppress(OSError):  # a missing or read-only folder is reported when it is written to
        for path in folder.iterdir():
            if not is_leftover(path.name, names):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def is_leftover(name: str, names: Sequence[str] | None = None) -> bool:
    """Return whether a name is that of a temporary file or folder, for one of ``names`` unless that is None."""
    stems = [r".+"] if names is None else [re.escape(Path(one).stem) for one in names]
    return re.fullmatch(rf"\.(?:{'|'.join(stems)}){_UNIQUE}(?:\.\w+)?", name) is not None


@contextmanager
def _locked(out: Path, lock: Path, seconds: float) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(lock, seconds=seconds))
        except UsageError:
            raise
        except DermbenchError as error:
            raise UsageError(
                f"{out}: another process is writing there (it holds {lock}); nothing was written",
                remedy="Wait for it to end, or choose another --out.",
            ) from error
        yield
