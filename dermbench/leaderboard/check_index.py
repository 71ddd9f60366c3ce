"""Check the index against the settings and the entry folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.files import locked
from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import BOARD, ENTRIES, INDEX, LOCK
from dermbench.leaderboard.check_settings import changed_settings
from dermbench.leaderboard.index import append_entry, entry_digest, read_index

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.check_entry import Checked
    from dermbench.leaderboard.index import Index


def check_index(folder: Path, board: Board, folders: Sequence[Path], *, broken: Collection[str] = ()) -> list[str]:
    """Compare ``index.jsonl`` with ``board.toml`` and the entry folders; return one sentence per problem.

    If the chain of the index is broken, this is the only problem returned.

    Parameters
    ----------
    folder, board
        The board.
    folders
        Folders of the entries to check.
    broken
        Names of entry folders that exist but must not be read.
    """
    try:
        index = read_index(folder)
    except DermbenchError as error:
        return [str(error)]
    problems = changed_settings(folder) or _truth(index, board)
    problems += [
        f"{ENTRIES}/{slug}: removed; line {line.sequence} of {INDEX} lists it but there is no such folder"
        for slug, line in index.current.items()
        if slug not in {*broken, *(path.name for path in folders)}
    ]
    for path in folders:
        where, line = f"{ENTRIES}/{path.name}", index.current.get(path.name)
        if line is None:
            problems.append(f"{where}: not listed in {INDEX} (an interrupted add? `leaderboard build` lists it)")
        elif (path / ENTRY).is_file() and entry_digest(path) != line.entry:
            problems.append(
                f"{where}/{ENTRY}: edited; its content hash is not that in line {line.sequence} of {INDEX}"
            )
    return problems


def adopt(folder: Path, checked: Sequence[Checked]) -> None:
    """Record complete entries that an interrupted ``add`` did not record in the index."""
    with locked(folder / LOCK):
        there = read_index(folder).current
        for one in checked:
            if one.slug not in there and one.entry is not None and not one.problems:
                digest = entry_digest(one.folder)
                append_entry(folder, "add", one.slug, entry=digest, truth=one.entry.truth_digest)


def _truth(index: Index, board: Board) -> list[str]:
    other = next((line for line in index.entry_lines if line.truth != board.truth_digest), None)
    if other is None:
        return []
    wanted = board.truth_digest or "empty"
    return [f"{BOARD}: truth_digest is {wanted}; line {other.sequence} of {INDEX} says {other.truth}"]
