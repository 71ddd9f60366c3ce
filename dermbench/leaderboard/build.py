"""Build a board: recompute every entry, then write README.md, leaderboard.json and leaderboard.csv."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY, write_entry
from dermbench.artifacts.files import locked, write_text
from dermbench.errors import UsageError
from dermbench.leaderboard.add import entry_hashes, tidy, write_report
from dermbench.leaderboard.bands import rank_bands, ranked_slugs, stored_bands
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
from dermbench.leaderboard.check_all import Effort, check_all
from dermbench.leaderboard.check_entry import Against, Checked, check_entry, file_owners
from dermbench.leaderboard.check_index import adopt, check_index
from dermbench.leaderboard.check_settings import record_settings, refuse_changed_settings
from dermbench.leaderboard.export import CSV, JSON, to_csv, to_json
from dermbench.leaderboard.index import append_entry, entry_digest
from dermbench.leaderboard.ranking import Ranked, rank
from dermbench.leaderboard.render import render, splice
from dermbench.leaderboard.reported import Row, read_reported
from dermbench.leaderboard.settings import common_length
from dermbench.leaderboard.truths import Sources, find_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.bands import Bands


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
    accept_settings: bool = False,
    sources: Sources | None = None,
    effort: Effort | None = None,
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
    accept_settings
        Record a change of ``board.toml`` or ``reported.toml`` in the index.
    sources
        Where truth may be found beside the boards' own ``truth.csv``.
    effort
        What is recomputed, by how many processes; by default everything, by this one.

    Raises
    ------
    UsageError
        When the truth of a board with entries is not at hand and ``stored`` is false; for a quick refresh.
    InputError
        With every setting that is not the one in the index, unless ``check`` or ``accept_settings`` is true.
    """
    chosen = effort or Effort()
    if refresh and chosen.quick:
        raise UsageError("--refresh writes whole reports: it cannot be --quick")
    if accept_settings and check:
        raise UsageError("--accept-settings writes to the index: it cannot be --check")
    how = _How(check, stored, refresh, accept_settings, sources or Sources(), chosen)
    return [_build(folder, how) for folder in board_folders(root)]


@dataclass(frozen=True)
class _How:
    """The options of :func:`build`."""

    check: bool
    stored: bool
    refresh: bool
    accept_settings: bool
    sources: Sources
    effort: Effort


def render_files(folder: Path, board: Board, entries: Sequence[Ranked], *, stored: bool) -> dict[str, str]:
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


def ranked_entries(
    folder: Path,
    board: Board,
    checked: Sequence[Checked],
    truth: Truth | None,
    ahead: Bands | None = None,
    *,
    quick: bool,
) -> list[Ranked]:
    """Return the readable entries in order of rank, with bands.

    Bands are compared anew where the truth is at hand and all entries are whole, unless they were ``ahead``, of
    these very entries; with ``quick`` only when ``leaderboard.json`` does not hold those of the same predictions.
    """
    entries = rank([Ranked(c.slug, c.entry, c.report) for c in checked if c.entry and c.report], board)
    whole = truth is not None and not any(one.problems for one in checked)
    if whole and not quick:
        bands = ahead if ahead is not None and ahead.keys() == set(ranked_slugs(entries)) else None
    else:
        bands = stored_bands(folder, entries)
    if bands is None and whole and truth is not None:
        bands = rank_bands(folder, board, truth, entries)
    return [replace(one, band=(bands or {}).get(one.slug)) for one in entries]


def _build(folder: Path, how: _How) -> Built:
    if not how.check:
        with locked(folder / LOCK):
            tidy(folder)
        if not how.accept_settings:
            refuse_changed_settings(folder)
    board = read_board(folder)
    folders = entry_folders(folder)
    truth = find_truth(folder, board, how.sources) if folders else None
    built = Built(folder, n_entries=len(folders), recomputed=truth is not None or not folders)
    if not built.recomputed and not how.stored:
        raise UsageError(
            f"{folder}: the truth of this board is not on this machine: {counted(len(folders))} not recomputed",
            remedy=f"Give it with --data DATASET or --truth TABLE ({board.recreate or f'see {folder / BOARD}'}), "
            "or use the stored reports with --stored.",
        )
    checked, bands = check_all(folders, board, truth, how.effort)
    if how.refresh and not how.check:
        record_settings(folder)
        checked = [_refreshed(one, board, folder, folders) for one in checked]
    built.problems = [problem for one in checked for problem in one.problems]
    if not how.check and not built.problems and folders:
        record_settings(folder)
        adopt(folder, checked)
    built.problems += check_index(folder, board, folders)
    if not built.problems:
        entries = ranked_entries(folder, board, checked, truth, bands, quick=how.effort.quick)
        files = {stored: render_files(folder, board, entries, stored=stored) for stored in (False, True)}
        _write(built, files[not built.recomputed], check=how.check)
        if how.check and not built.recomputed and not first_difference(folder, files[False]):
            built.written, built.problems = [], []  # built where the truth was at hand
    return built


def _refreshed(one: Checked, board: Board, folder: Path, folders: list[Path]) -> Checked:
    """Rewrite report and hashes of an entry whose files are whole but whose numbers are not today's."""
    if one.again is None or one.entry is None or not one.problems:
        return one
    if entry_hashes(one.folder) != one.entry.hashes:
        return one
    with locked(folder / LOCK):
        write_report(one.folder, one.again)
        entry = one.entry.model_copy(update={"hashes": entry_hashes(one.folder)})
        write_entry(one.folder / ENTRY, entry)
        append_entry(folder, "replace", one.slug, entry=entry_digest(one.folder), truth=entry.truth_digest)
    return check_entry(one.folder, Against(board, None, file_owners(folders)))


def _write(built: Built, files: dict[str, str], *, check: bool) -> None:
    apart = first_difference(built.folder, files)
    built.written = [line.partition(":")[0] for line in apart]
    if check:
        built.problems = apart
        return
    for name in reversed(built.written):  # README.md last: killed before, the board is still the old one
        write_text(built.folder / name, files[name])


def _line(there: str, wanted: str) -> str:
    left, right = there.splitlines(), wanted.splitlines()
    for number, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        if a != b:
            start = max(0, common_length(a, b) - 60)
            return f"line {number} is {_excerpt(a, start)!r}, rebuilt {_excerpt(b, start)!r}"
    shorter = min(len(left), len(right))
    if len(left) == len(right):
        return "line ends differ"
    return f"line {shorter + 1} is {'missing' if len(left) < len(right) else 'left over'}"


def _excerpt(line: str, start: int) -> str:
    """Return 120 characters of a line from ``start`` on, with dots for what is left out."""
    end = start + 120
    return "…" * (start > 0) + line[start:end] + "…" * (len(line) > end)
