"""Remove an entry from a board: delete its folder and add a line to the index that records it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.files import locked
from dermbench.errors import DermbenchError, UsageError, name_some
from dermbench.leaderboard.board import ENTRIES, LOCK, entry_folders, read_board
from dermbench.leaderboard.check_settings import refuse_changed_settings
from dermbench.leaderboard.contents import OLD
from dermbench.leaderboard.index import append_entry, entry_digest, read_index
from dermbench.leaderboard.place import tidy
from dermbench.leaderboard.refuse import refuse_unsafe
from dermbench.leaderboard.slug import slugify


def remove(board: Path | str, name: str) -> None:
    """Withdraw an entry from a board. A crash at any point leaves either the old board or the new one.

    Parameters
    ----------
    board
        Board folder.
    name
        Display name of the entry, or the name of its folder.

    Raises
    ------
    UsageError
        When there is no such entry.
    InputError
        With every setting that differs from the index.
    """
    folder = Path(board)
    refuse_unsafe(folder)
    with locked(folder / LOCK):
        tidy(folder)
        settings = read_board(folder)
        refuse_changed_settings(folder)
        slug = slugify(name)
        target = folder / ENTRIES / slug
        if not (target / ENTRY).is_file():
            known = name_some((path.name for path in entry_folders(folder)), limit=20)
            raise UsageError(f"{folder}: no entry {slug!r}; there are: {known or 'none'}")
        old = folder / ENTRIES / f"{OLD}{slug}"
        digest = entry_digest(target)
        target.rename(old)
        try:
            if slug in read_index(folder).current:
                append_entry(folder, "remove", slug, entry=digest, truth=settings.truth_digest)
        except BaseException:
            with suppress(OSError, DermbenchError):  # the next command tidies up if this fails
                tidy(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
