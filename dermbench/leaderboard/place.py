"""Move complete entry folders into place, and clean up after a crash."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY
from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import BOARD, ENTRIES, STAGED, read_board
from dermbench.leaderboard.contents import FILES, NEW, OLD, is_temporary
from dermbench.leaderboard.index import append_entry, entry_digest, read_index
from dermbench.leaderboard.reported import read_reported
from dermbench.leaderboard.settings import settings_of
from dermbench.leaderboard.slug import slugify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.artifacts.entry import Entry
    from dermbench.leaderboard.index import Action

STALE_SECONDS = 24 * 3600.0
"""Age in seconds at which an unfinished folder counts as left by a crash."""


@contextmanager
def staged_entry(entries: Path) -> Iterator[Path]:
    """Provide a temporary folder to write an entry into; it is deleted at the end unless it was put in place."""
    fresh = Path(tempfile.mkdtemp(dir=entries, prefix=NEW))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def put_in_place(fresh: Path, folder: Path, entry: Entry) -> None:
    """Move a staged entry into place and record it in the index; call it under the lock of the board."""
    slug = slugify(entry.name)
    target, old = folder / ENTRIES / slug, folder / ENTRIES / f"{OLD}{slug}"
    action: Action = "replace" if slug in read_index(folder).current else "add"
    try:
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        append_entry(folder, action, slug, entry=entry_digest(target), truth=entry.truth_digest)
    except BaseException:
        with suppress(OSError, DermbenchError):  # the next command tidies up if this fails
            _take_back(fresh, folder, slug)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _take_back(fresh: Path, folder: Path, slug: str) -> None:
    """Undo an interrupted :func:`put_in_place`, unless the index already records the new entry."""
    target, listed = folder / ENTRIES / slug, read_index(folder).current.get(slug)
    if not fresh.exists() and (listed is None or listed.entry != entry_digest(target)):
        target.rename(fresh)
    tidy(folder)


def tidy(folder: Path) -> None:
    """Finish or undo what a crashed command left behind; call it under the lock of the board."""
    entries, staged = folder / ENTRIES, folder / STAGED
    for path in folder.glob(".*-*"):
        if is_temporary(path.name, FILES):
            path.unlink(missing_ok=True)
    if staged.is_file():
        recorded = read_index(folder).settings
        if recorded and recorded.settings == settings_of(read_board(folder, name=STAGED), read_reported(folder)):
            staged.replace(folder / BOARD)
        else:
            staged.unlink()
    for path in sorted(entries.glob(f"{OLD}*")):
        current = entries / path.name.removeprefix(OLD)
        listed = read_index(folder).current.get(current.name)
        whole = (path / ENTRY).is_file()  # otherwise it was being deleted
        if whole and listed is not None and listed.entry == entry_digest(path):  # its replacement was not recorded
            shutil.rmtree(current, ignore_errors=True)
            path.rename(current)
        else:
            shutil.rmtree(path, ignore_errors=True)
    for path in entries.glob(f"{NEW}*"):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
