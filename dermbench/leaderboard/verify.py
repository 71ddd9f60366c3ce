"""Verify boards: truth, index and hashes, then predictions against reports, then reports against README."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import INDEX, Board, board_folders, counted, entry_folders, read_board
from dermbench.leaderboard.build import first_difference, ranked_entries, render_files
from dermbench.leaderboard.check_all import Effort, check_all
from dermbench.leaderboard.check_index import check_index
from dermbench.leaderboard.check_without_truth import PROVED, check_sizes
from dermbench.leaderboard.index import Line, SettingsLine, read_index
from dermbench.leaderboard.recompute import TOLERANCE
from dermbench.leaderboard.settings import compare_settings
from dermbench.leaderboard.truths import Found, Sources, look_for_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.leaderboard.bands import Bands
    from dermbench.leaderboard.check_entry import Checked

BANDS_UNDRAWN = "the rank bands: they are those of leaderboard.json"


@dataclass
class Verified:
    """What verifying a board proved, found and could not check.

    Attributes
    ----------
    folder
        The board.
    proved
        What was checked and agrees; empty when anything does not.
    problems
        One sentence for everything that does not agree, in the order truth, index, entries, board.
    unchecked
        What could not be checked on this machine, or was not asked for, and what it would take.
    changes
        Settings that were changed, and recorded in the index, since the head that was noted earlier.
    """

    folder: Path
    proved: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def verify(
    root: Path | str = "leaderboards",
    *,
    sources: Sources | None = None,
    effort: Effort | None = None,
    since: str | None = None,
) -> list[Verified]:
    """Check that the boards are what their entries give; nothing is written.

    Parameters
    ----------
    root
        A board, or a folder of boards.
    sources
        Where truth may be found beside the boards' own ``truth.csv``. For a single board, a source of its task
        that holds another truth is a finding.
    effort
        What is recomputed, by how many processes; by default everything, by this one.
    since
        Head of the index noted earlier: settings that were changed since are named. That the chain does not go
        through it is a finding.

    Returns
    -------
    list of Verified
        One a board. A flipped byte, an edited score, an exchanged file, a removed entry, an edited index, truth
        or board, and another metric version each have their own sentence.

    Raises
    ------
    DermbenchError
        When a source cannot be read.
    """
    folders = board_folders(root)
    single = len(folders) == 1
    return [
        _verify(folder, sources or Sources(), effort or Effort(), since=since, single=single) for folder in folders
    ]


def _verify(folder: Path, sources: Sources, effort: Effort, *, since: str | None, single: bool) -> Verified:
    done = Verified(folder)
    try:
        board = read_board(folder)
    except DermbenchError as error:
        done.problems.append(str(error))
        return done
    folders = entry_folders(folder)
    found = look_for_truth(folder, board, sources) if board.truth_digest or folders else Found()
    _truth(done, found, single=single)
    done.problems += check_index(folder, board, folders)
    if since is not None:
        _since(done, since)
    checked, bands = check_all(folders, board, found.truth, effort)
    done.problems += [problem for one in checked for problem in one.problems]
    if found.truth is None and not done.problems:
        done.problems += check_sizes({one.slug: one.report for one in checked if one.report})
    done.problems += _board_files(folder, board, checked, found, bands, quick=effort.quick)
    if folders:
        _left_out(done, board, len(folders), found, quick=effort.quick)
    if done.problems:
        done.proved = []
    else:
        done.proved += _proved(folder, board, len(folders), found, quick=effort.quick)
    return done


def _truth(done: Verified, found: Found, *, single: bool) -> None:
    done.problems += [found.stored] if found.stored else []
    done.proved += [f"{origin}: the truth that board.toml names" for origin in found.agree]
    if found.apart and not any(origin != "truth.csv" for origin in found.agree):
        wanted = "it is not that of board.toml"
        if single:
            done.problems += [f"{line}; {wanted}" for line in found.apart]
        else:  # of several boards of one task each has its own dataset
            done.unchecked += [f"against the dataset given: {line}; {wanted}" for line in found.apart]


def _since(done: Verified, head: str) -> None:
    try:
        index = read_index(done.folder)
    except DermbenchError:
        return  # the broken chain is a finding already
    added = index.since(head)
    if added is None:
        done.problems.append(f"{INDEX}: rewritten since; none of its {len(index.lines)} lines has the hash {head}")
    else:
        done.changes += _settings_changes(index.lines, len(index.lines) - len(added))


def _settings_changes(lines: Sequence[Line], n_before: int) -> list[str]:
    """Name the settings that the lines after the first ``n_before`` changed."""
    recorded = [line for line in lines if isinstance(line, SettingsLine)]
    return [
        f"settings changed: {change} (line {after.sequence} of {INDEX})"
        for before, after in pairwise(recorded)
        if after.sequence > n_before
        for change in compare_settings(before.settings, after.settings)
    ]


def _board_files(
    folder: Path, board: Board, checked: list[Checked], found: Found, bands: Bands | None, *, quick: bool
) -> list[str]:
    try:
        entries = ranked_entries(folder, board, checked, found.truth, bands, quick=quick)
        apart = first_difference(folder, render_files(folder, board, entries, stored=False))
        if apart and found.truth is None and entries:  # a board built with --stored says so in one more line
            apart = first_difference(folder, render_files(folder, board, entries, stored=True))
    except DermbenchError as error:
        return [str(error)]
    return [f"not what the entries give: {line}" for line in apart]


def _left_out(done: Verified, board: Board, n_entries: int, found: Found, *, quick: bool) -> None:
    if found.truth is None:
        where = f" ({board.recreate})" if board.recreate else ""
        done.unchecked.append(
            f"which predictions of {counted(n_entries)} are right, and with that confusion tables, scores by "
            "group, scores of probabilities, intervals, chance levels, p-values and verdicts: the truth "
            f"({board.truth_digest}) is not on this machine; give --data DATASET or --truth TABLE{where}"
        )
        done.unchecked.append(BANDS_UNDRAWN)
    elif quick:
        done.unchecked.append(
            "bootstrap intervals, chance levels, p-values, lower limits of gaps and verdicts of "
            f"{counted(n_entries)}: nothing was drawn again (--quick)"
        )
        done.unchecked.append(BANDS_UNDRAWN + " (--quick)")


def _proved(folder: Path, board: Board, n_entries: int, found: Found, *, quick: bool) -> list[str]:
    index, proved = read_index(folder), []
    if index.lines:
        proved.append(f"{INDEX}: an unbroken chain of {len(index.lines)} lines, head {index.head}")
    if index.settings:
        proved.append(f"board.toml and reported.toml: the settings in line {index.settings.sequence} of {INDEX}")
    if n_entries:
        proved.append(
            f"{counted(n_entries)}: every file is the one hashed in entry.toml, every entry.toml in {INDEX}"
        )
    if n_entries and found.truth is None:
        proved.append(PROVED)
    if n_entries and found.truth is not None:
        what = "value, count and closed-form interval" if quick else "number"
        drawn = "" if quick else f" ({board.resamples:,} resamples, seed {board.seed})"
        proved.append(f"every {what} was recomputed from the predictions{drawn} and agrees to {TOLERANCE:g}")
    return [*proved, "README.md, leaderboard.json and leaderboard.csv are what the entries give"]
