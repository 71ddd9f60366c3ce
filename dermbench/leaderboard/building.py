"""Building a board: recompute every entry, then write README.md and its twins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY, write_entry
from dermbench.artifacts.files import locked, write_text
from dermbench.errors import UsageError
from dermbench.leaderboard.adding import REPORT, REPORT_MD, entry_hashes, tidy
from dermbench.leaderboard.board import (
    BOARD,
    LOCK,
    README,
    Board,
    board_folders,
    counted,
    entry_folders,
    read_board,
)
from dermbench.leaderboard.checking import Checked, check_entry, check_index, file_owners
from dermbench.leaderboard.index import entry_digest, read_index, write_index
from dermbench.leaderboard.render import render, splice
from dermbench.leaderboard.reported import Row, read_reported
from dermbench.leaderboard.standing import Standing, rank
from dermbench.leaderboard.truths import Sources, find_truth
from dermbench.leaderboard.twins import CSV, JSON, to_csv, to_json
from dermbench.reporting import to_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Built:
    """What building a board found and did.

    Attributes
    ----------
    folder
        The board.
    n_entries
        Number of entries.
    recomputed
        Whether the numbers were recomputed from the predictions.
    written
        Files whose content changed; with ``check`` those that would.
    problems
        One sentence for everything that does not agree; nothing is written when there is any.
    """

    folder: Path
    n_entries: int = 0
    recomputed: bool = True
    written: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build(
    root: Path | str = "leaderboards",
    *,
    check: bool = False,
    stored: bool = False,
    refresh: bool = False,
    sources: Sources | None = None,
) -> list[Built]:
    """Recompute every number of the boards and write ``README.md``, ``leaderboard.json`` and ``.csv``.

    The same entries give the same bytes. What is printed are the stored numbers, once they are found equal
    to the recomputed ones in all digits a report keeps but the last.

    Parameters
    ----------
    root
        A board, or a folder of boards.
    check
        Write nothing; say where the files on disk differ.
    stored
        Where the truth of a board is not at hand, use its stored reports, and say so on the board.
    refresh
        Rewrite the reports of entries whose recomputed numbers differ, as after a change of a metric.
    sources
        Where truth may be found beside the boards' own ``truth.csv``.

    Raises
    ------
    UsageError
        When the truth of a board with entries is not at hand and ``stored`` is false.
    """
    return [
        _build(folder, check=check, stored=stored, refresh=refresh, sources=sources or Sources())
        for folder in board_folders(root)
    ]


def render_files(folder: Path, board: Board, entries: Sequence[Standing], *, stored: bool) -> dict[str, str]:
    """Return the content of the generated files of a board by name."""
    rows: tuple[Row, ...] = read_reported(folder)
    path = folder / README
    text = path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else None
    return {
        README: splice(text, render(board, entries, rows, stored=stored), path),
        JSON: to_json(board, entries, rows),
        CSV: to_csv(board, entries),
    }


def first_difference(folder: Path, files: dict[str, str]) -> list[str]:
    """Say for each generated file that differs on disk which line is the first to do so."""
    found = []
    for name, wanted in files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: missing")
            continue
        there = path.read_bytes().decode("utf-8", errors="replace")
        if there != wanted:
            found.append(f"{name}: {_line(there, wanted)}")
    return found


def standings(board: Board, checked: Sequence[Checked]) -> list[Standing]:
    """Return the readable entries in order of rank."""
    return rank([Standing(c.slug, c.entry, c.report) for c in checked if c.entry and c.report], board)


def _build(folder: Path, *, check: bool, stored: bool, refresh: bool, sources: Sources) -> Built:
    board = read_board(folder)
    if not check:
        with locked(folder / LOCK):
            tidy(folder)
    folders = entry_folders(folder)
    truth = find_truth(folder, board, sources) if folders else None
    built = Built(folder, n_entries=len(folders), recomputed=truth is not None or not folders)
    if not built.recomputed and not stored:
        raise UsageError(
            f"{folder}: the truth of this board is not on this machine: {counted(len(folders))} not recomputed",
            remedy=f"Give it with --data DATASET or --truth TABLE ({board.recreate or f'see {folder / BOARD}'}), "
            "or use the stored reports with --stored.",
        )
    owners = file_owners(folders)
    checked = [check_entry(path, board, truth, owners) for path in folders]
    if refresh and not check:
        checked = [_refreshed(one, board, owners, folder) for one in checked]
    built.problems = [problem for one in checked for problem in one.problems]
    built.problems += _index(folder, folders, checked, adopt=not check and not built.problems)
    if not built.problems:
        _write(
            built, render_files(folder, board, standings(board, checked), stored=not built.recomputed), check=check
        )
    return built


def _index(folder: Path, folders: list[Path], checked: list[Checked], *, adopt: bool) -> list[str]:
    """Check the index; list entries that are whole but that an interrupted add left unlisted."""
    if adopt:
        with locked(folder / LOCK):
            index = read_index(folder)
            fresh = {one.slug: entry_digest(one.folder) for one in checked if one.slug not in index}
            if fresh:
                write_index(folder, index | fresh)
    return check_index(folder, folders)


def _refreshed(one: Checked, board: Board, owners: dict[str, str], folder: Path) -> Checked:
    """Rewrite report and hashes of an entry whose files are whole but whose numbers are not today's."""
    if one.again is None or one.entry is None or one.report is None or not one.problems:
        return one
    if entry_hashes(one.folder) != one.entry.hashes:
        return one
    with locked(folder / LOCK):
        one.again.write(one.folder / REPORT)
        write_text(one.folder / REPORT_MD, to_markdown(one.again))
        entry = one.entry.model_copy(update={"hashes": entry_hashes(one.folder)})
        write_entry(one.folder / ENTRY, entry)
        write_index(folder, read_index(folder) | {one.slug: entry_digest(one.folder)})
    again = check_entry(one.folder, board, None, owners)
    again.again = one.again
    return again


def _write(built: Built, files: dict[str, str], *, check: bool) -> None:
    apart = first_difference(built.folder, files)
    built.written = [line.partition(":")[0] for line in apart]
    if check:
        built.problems = apart
        return
    for name in built.written:
        write_text(built.folder / name, files[name])


def _line(there: str, wanted: str) -> str:
    left, right = there.splitlines(), wanted.splitlines()
    for number, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        if a != b:
            return f"line {number} is {a[:200]!r}, rebuilt {b[:200]!r}"
    shorter = min(len(left), len(right))
    if len(left) == len(right):
        return "line ends differ"
    return f"line {shorter + 1} is {'missing' if len(left) < len(right) else 'left over'}"
