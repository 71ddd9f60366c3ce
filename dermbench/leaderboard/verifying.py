"""Verifying boards: hashes, then predictions to report, then reports to README."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import TRUTH, board_folders, counted, entry_folders, read_board
from dermbench.leaderboard.building import first_difference, render_files, standings
from dermbench.leaderboard.checking import check_entry, check_index, file_owners
from dermbench.leaderboard.truths import Sources, find_truth

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Verified:
    """What verifying a board proved, found and could not check.

    Attributes
    ----------
    folder
        The board.
    proved
        What was checked and agrees.
    problems
        One sentence for everything that does not agree.
    unchecked
        What could not be checked on this machine, and what it would take.
    """

    folder: Path
    proved: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def verify(root: Path | str = "leaderboards", *, sources: Sources | None = None) -> list[Verified]:
    """Check that the boards are what their entries give; nothing is written.

    Parameters
    ----------
    root
        A board, or a folder of boards.
    sources
        Where truth may be found beside the boards' own ``truth.csv``.

    Returns
    -------
    list of Verified
        One a board. A flipped byte, an edited score, an exchanged file, a removed entry and an edited board
        each have their own sentence.
    """
    return [_verify(folder, sources or Sources()) for folder in board_folders(root)]


def _verify(folder: Path, sources: Sources) -> Verified:
    done = Verified(folder)
    try:
        board = read_board(folder)
        folders = entry_folders(folder)
        truth = find_truth(folder, board, sources) if folders or (folder / TRUTH).is_file() else None
        done.problems += check_index(folder, folders)
    except DermbenchError as error:
        done.problems.append(str(error))
        return done
    owners = file_owners(folders)
    checked = [check_entry(path, board, truth, owners) for path in folders]
    done.problems += [problem for one in checked for problem in one.problems]
    if folders and truth is None:
        done.unchecked.append(
            f"whether the predictions of {counted(len(folders))} give the reports: the truth "
            f"({board.truth_digest}) is not on this machine; give --data DATASET or --truth TABLE"
            + (f" ({board.recreate})" if board.recreate else "")
        )
    entries = standings(board, checked)
    try:
        apart = first_difference(folder, render_files(folder, board, entries, stored=False))
        if apart and truth is None and folders:  # a board built with --stored says so in one more line
            apart = first_difference(folder, render_files(folder, board, entries, stored=True))
    except DermbenchError as error:
        apart = [str(error)]
    done.problems += [f"not what the entries give: {line}" for line in apart]
    if not done.problems:
        done.proved = _proved(len(folders), recomputed=truth is not None)
    return done


def _proved(n_entries: int, *, recomputed: bool) -> list[str]:
    proved = [f"{counted(n_entries)}: content as hashed"] if n_entries else []
    if n_entries and recomputed:
        proved.append("every report was recomputed from the predictions and agrees")
    return [*proved, "README.md, leaderboard.json and leaderboard.csv are what the entries give"]
