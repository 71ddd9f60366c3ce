"""Build a board: recompute every entry, then write README.md, leaderboard.json and leaderboard.csv."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.files import locked, write_text
from dermbench.artifacts.run import RUN
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.leaderboard.add import entry_hashes, seal
from dermbench.leaderboard.board import (
    BOARD,
    CSV,
    ENTRIES,
    HTML,
    JSON,
    LOCK,
    README,
    Board,
    board_folders,
    counted,
    entry_folders,
    leads_elsewhere,
    read_board,
)
from dermbench.leaderboard.check_all import Effort, check_all
from dermbench.leaderboard.check_entry import Against, Checked, check_entry, file_owners
from dermbench.leaderboard.check_index import adopt, check_index
from dermbench.leaderboard.check_settings import record_settings, refuse_changed_settings
from dermbench.leaderboard.comparison import compare_entries, ranked_slugs, stored_comparison
from dermbench.leaderboard.contents import PREDICTIONS, entry_names
from dermbench.leaderboard.differences import first_difference
from dermbench.leaderboard.export import to_csv, to_json
from dermbench.leaderboard.index import read_index
from dermbench.leaderboard.place import put_in_place, staged_entry, tidy
from dermbench.leaderboard.ranking import Ranked, Standings, rank
from dermbench.leaderboard.refuse import refuse_unsafe
from dermbench.leaderboard.render import render, splice
from dermbench.leaderboard.reported import Row, read_reported
from dermbench.leaderboard.slug import slugify
from dermbench.leaderboard.truths import Sources, find_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.comparison import Comparison


@dataclass
class Built:
    """Result of building one board.

    Attributes
    ----------
    folder
        The board.
    n_entries
        Number of entries.
    recomputed
        Whether the numbers were recomputed from the predictions.
    written
        Files whose content changed, or with ``check`` would change.
    problems
        One sentence per disagreement; if there are any, nothing is written.
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
    html: bool = False,
    sources: Sources | None = None,
    effort: Effort | None = None,
) -> list[Built]:
    """Recompute every number of the boards and write ``README.md``, ``leaderboard.json`` and ``.csv``.

    The same entries give the same bytes. The board shows the stored numbers, after checking that they equal the
    recomputed ones in all digits that a report keeps but the last.

    Parameters
    ----------
    root
        A board, or a folder of boards.
    check
        Write nothing; report where the files on disk differ.
    stored
        If the truth of a board is unavailable, use its stored reports and say so on the board.
    refresh
        Rewrite the reports of entries whose recomputed numbers differ, for example after a change of a metric.
    accept_settings
        Record a change of ``board.toml`` or ``reported.toml`` in the index.
    html
        Also write ``leaderboard.html``, which sorts and filters without a server. It is not part of the board.
    sources
        Where to look for the truth, besides the boards' own ``truth.csv``.
    effort
        What to recompute, and in how many processes; by default everything, in this process.

    Raises
    ------
    UsageError
        When the truth of a board with entries is unavailable and ``stored`` is false, or options exclude each
        other.
    InputError
        With every setting that differs from the index, unless ``check`` or ``accept_settings`` is true.
    """
    chosen = effort or Effort()
    if refresh and chosen.quick:
        raise UsageError("--refresh needs complete reports, so it cannot be combined with --quick")
    if accept_settings and check:
        raise UsageError("--accept-settings writes to the index, so it cannot be combined with --check")
    if html and check:
        raise UsageError("--html writes a page, so it cannot be combined with --check")
    how = _Options(check, stored, refresh, accept_settings, html, sources or Sources(), chosen)
    folders = board_folders(root)
    if links := [folder for folder in folders if leads_elsewhere(folder, root)]:
        raise InputError(root, [f"{folder} is a link to a board elsewhere" for folder in links])
    return [_build(folder, how) for folder in folders]


@dataclass(frozen=True)
class _Options:
    """The options of :func:`build`."""

    check: bool
    stored: bool
    refresh: bool
    accept_settings: bool
    html: bool
    sources: Sources
    effort: Effort


def render_files(folder: Path, board: Board, standings: Standings, *, stored: bool) -> dict[str, str]:
    """Return the content of the generated files of a board by name."""
    rows: tuple[Row, ...] = read_reported(folder)
    path = folder / README
    text = path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else None
    return {
        README: splice(text, render(board, standings, rows, stored=stored), path),
        JSON: to_json(board, standings, rows),
        CSV: to_csv(board, standings.entries),
    }


def ranked_entries(
    folder: Path,
    board: Board,
    checked: Sequence[Checked],
    truth: Truth | None,
    ahead: Comparison | None = None,
    *,
    quick: bool,
) -> Standings:
    """Return the readable entries in order of rank, with rank bands.

    If the truth is available and no entry has problems, entries are compared again. An existing comparison of the
    same entries is used instead: ``ahead``, or with ``quick`` the one stored in ``leaderboard.json``.
    """
    entries = rank([Ranked(c.slug, c.entry, c.report) for c in checked if c.entry and c.report], board)
    whole = truth is not None and not any(one.problems for one in checked)
    if whole and not quick:
        compared = ahead if ahead is not None and ahead.bands.keys() == set(ranked_slugs(entries)) else None
    else:
        compared = stored_comparison(folder, entries)
    if compared is None and whole and truth is not None:
        compared = compare_entries(folder, board, truth, entries)
    withdrawn = _withdrawn(folder)
    if compared is None:
        return Standings(tuple(entries), withdrawn=withdrawn)
    with_bands = tuple(replace(one, band=compared.bands.get(one.slug)) for one in entries)
    return Standings(with_bands, compared.optimism, withdrawn)


def _withdrawn(folder: Path) -> int:
    """Count the withdrawn entries; 0 where the index is broken, which :func:`check_index` says."""
    try:
        return len(read_index(folder).withdrawn)
    except DermbenchError:
        return 0


def _build(folder: Path, how: _Options) -> Built:
    refuse_unsafe(folder)
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
            f"{folder}: {counted(len(folders))} cannot be recomputed without the true labels of this board",
            remedy=f"Give them with --data DATASET or --truth TABLE ({board.command or f'see {folder / BOARD}'}), "
            "or use the stored reports with --stored.",
        )
    checked, compared = check_all(folders, board, truth, how.effort)
    if how.refresh and not how.check:
        record_settings(folder)
        checked = [_refreshed(one, board, folder, folders) for one in checked]
    built.problems = [problem for one in checked for problem in one.problems]
    if not how.check and not built.problems and folders:
        record_settings(folder)
        adopt(folder, checked)
    built.problems += check_index(folder, board, folders)
    if not built.problems:
        standings = ranked_entries(folder, board, checked, truth, compared, quick=how.effort.quick)
        files = {stored: render_files(folder, board, standings, stored=stored) for stored in (False, True)}
        _write(built, files[not built.recomputed], check=how.check)
        if how.html:
            from dermbench.leaderboard.page import write_page  # noqa: PLC0415 - templates are slow to import

            write_page(folder, board, standings)
            built.written.append(HTML)
        if how.check and not built.recomputed and not first_difference(folder, files[False]):
            built.written, built.problems = [], []  # the board was built elsewhere, with the truth
    return built


def _refreshed(one: Checked, board: Board, folder: Path, folders: list[Path]) -> Checked:
    """Write a new report for an entry whose files are intact but whose numbers have changed."""
    if one.again is None or one.entry is None or not one.problems or slugify(one.entry.name) != one.slug:
        return one
    if entry_names(one.folder) != one.entry.hashes.keys() or entry_hashes(one.folder) != one.entry.hashes:
        return one
    with staged_entry(folder / ENTRIES) as fresh:
        for name in one.entry.hashes.keys() & {PREDICTIONS, RUN}:
            shutil.copyfile(one.folder / name, fresh / name)
        entry = seal(fresh, one.entry, one.again)
        with locked(folder / LOCK):
            put_in_place(fresh, folder, entry)
    return check_entry(one.folder, Against(board, None, file_owners(folders)))


def _write(built: Built, files: dict[str, str], *, check: bool) -> None:
    apart = first_difference(built.folder, files)
    built.written = [line.partition(":")[0] for line in apart]
    if check:
        built.problems = apart
        return
    with locked(built.folder / LOCK):
        for name in reversed(built.written):  # README.md last: until then a killed build leaves the old board
            write_text(built.folder / name, files[name])
