"""Verify boards: check truth, index and hashes, then predictions against reports, then reports against README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import (
    BOARD,
    CSV,
    INDEX,
    JSON,
    README,
    REPORTED,
    TRUTH,
    Board,
    board_folders,
    counted,
    entry_folders,
    leads_elsewhere,
    read_board,
)
from dermbench.leaderboard.build import ranked_entries, render_files
from dermbench.leaderboard.check_all import Effort, check_all
from dermbench.leaderboard.check_index import check_index
from dermbench.leaderboard.check_settings import settings_changes
from dermbench.leaderboard.check_without_truth import PROVED, check_sizes
from dermbench.leaderboard.contents import scan
from dermbench.leaderboard.differences import first_difference
from dermbench.leaderboard.index import read_index
from dermbench.leaderboard.line_ends import converted_line_ends
from dermbench.leaderboard.moves import compare_places, read_earlier
from dermbench.leaderboard.published import read_published
from dermbench.leaderboard.recompute import TOLERANCE
from dermbench.leaderboard.surroundings import check_surroundings
from dermbench.leaderboard.truths import Found, Sources, look_for_truth
from dermbench.leaderboard.verified import Verified

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.leaderboard.check_entry import Checked
    from dermbench.leaderboard.comparison import Comparison
    from dermbench.leaderboard.contents import Contents
    from dermbench.leaderboard.moves import Earlier

BANDS_UNDRAWN = "the rank bands, and how much the best entry is flattered: taken from leaderboard.json"


def verify(
    root: Path | str = "leaderboards",
    *,
    sources: Sources | None = None,
    effort: Effort | None = None,
    since: str | Path | None = None,
) -> list[Verified]:
    """Check that the boards agree with their entries; nothing is written.

    Parameters
    ----------
    root
        A board, or a folder of boards.
    sources
        Where to look for the truth, besides the boards' own ``truth.csv``. For a single board, a source of the
        same task with another truth is a finding.
    effort
        What to recompute, and in how many processes; by default everything, in this process.
    since
        Earlier state to compare with: a head of the index, or the folder of the board (or of all boards) as it
        was. Settings changed since then are listed, and for a folder also entries that were added, removed or
        moved. A chain of the index that does not contain the earlier head is a finding.

    Returns
    -------
    list of Verified
        One per board. A flipped byte, an edited score, an exchanged file, a removed entry, an edited index, truth
        or board, and another metric version each have their own sentence.

    Raises
    ------
    DermbenchError
        When a source, or the earlier board, cannot be read.
    """
    folders = board_folders(root)
    single = len(folders) == 1
    return [
        Verified(folder, problems=["is a link to a board elsewhere"])
        if leads_elsewhere(folder, root)
        else _verify(folder, sources or Sources(), effort or Effort(), since=since, single=single)
        for folder in folders
    ]


def _verify(folder: Path, sources: Sources, effort: Effort, *, since: str | Path | None, single: bool) -> Verified:
    done, contents = Verified(folder), scan(folder)
    earlier = None if since is None else read_earlier(since, folder)
    done.problems += contents.problems
    done.unchecked += contents.noted
    if converted := converted_line_ends(folder, contents):  # then every hash differs; report only the cause
        done.problems.append(converted)
        return done
    if BOARD in contents.unreadable:
        return done
    try:
        board = read_board(folder)
    except DermbenchError as error:
        done.problems.append(str(error))
        return done
    done.title, done.metric = board.title, board.metric
    _check(done, contents, board, sources, effort, since=earlier, single=single)
    if done.problems:
        done.proved = []
    elif earlier is not None and earlier.published is not None:
        done.moves = compare_places(earlier.published, read_published(folder))
    elif since is not None and earlier is None:
        done.changes.append("there was no board of this name before")
    return done


def _check(
    done: Verified,
    contents: Contents,
    board: Board,
    sources: Sources,
    effort: Effort,
    *,
    since: Earlier | None,
    single: bool,
) -> None:
    folder, folders = done.folder, entry_folders(done.folder)
    wanted = (board.truth_digest or folders) and TRUTH not in contents.unreadable
    found = look_for_truth(folder, board, sources) if wanted else Found()
    _truth(done, found, single=single)
    whole = [path for path in folders if path.name not in contents.broken]
    if not contents.unreadable & {INDEX, REPORTED}:
        done.problems += check_index(folder, board, whole, broken=contents.broken)
        if since is not None:
            _since(done, since.head)
    checked, compared = check_all(whole, board, found.truth, effort)
    done.problems += [problem for one in checked for problem in one.problems]
    if found.truth is None and not done.problems:
        done.problems += check_sizes({one.slug: one.report for one in checked if one.report})
    if not contents.unreadable & {REPORTED, README, JSON, CSV}:
        _board(done, board, checked, found, compared, quick=effort.quick)
    if folders:
        _unchecked(done, board, len(folders), found, quick=effort.quick)
    if not done.problems:
        done.proved += _proved(folder, board, len(folders), found, quick=effort.quick)


def _truth(done: Verified, found: Found, *, single: bool) -> None:
    done.problems += [found.stored] if found.stored else []
    done.proved += [f"{origin}: its labels have the content hash in board.toml" for origin in found.agree]
    if found.apart and not any(origin != "truth.csv" for origin in found.agree):
        wanted = "it is not that of board.toml"
        if single:
            done.problems += [f"{line}; {wanted}" for line in found.apart]
        else:  # several boards of one task may each have their own dataset
            done.unchecked += [f"against the dataset given: {line}; {wanted}" for line in found.apart]


def _since(done: Verified, head: str) -> None:
    try:
        index = read_index(done.folder)
    except DermbenchError:
        return  # the broken chain was reported already
    added = index.since(head)
    if added is None:
        done.problems.append(f"{INDEX}: rewritten since; none of its {len(index.lines)} lines has the hash {head}")
    else:
        done.changes += settings_changes(index.lines, len(index.lines) - len(added))


def _board(
    done: Verified, board: Board, checked: list[Checked], found: Found, compared: Comparison | None, *, quick: bool
) -> None:
    """Compare the generated files with the entries; if they agree, check the text around the board."""
    try:
        standings = ranked_entries(done.folder, board, checked, found.truth, compared, quick=quick)
        apart = first_difference(done.folder, render_files(done.folder, board, standings, stored=False))
        if (
            apart and found.truth is None and standings.entries
        ):  # a board built with --stored says so in one more line
            apart = first_difference(done.folder, render_files(done.folder, board, standings, stored=True))
    except DermbenchError as error:
        done.problems.append(str(error))
        return
    done.problems += [f"not what the entries give: {line}" for line in apart]
    if not apart:
        text = (done.folder / README).read_bytes().decode("utf-8", errors="replace")
        problems, unchecked = check_surroundings(text)
        done.problems += problems
        done.unchecked += unchecked


def _unchecked(done: Verified, board: Board, n_entries: int, found: Found, *, quick: bool) -> None:
    if found.truth is None:
        where = f" ({board.command})" if board.recreate else ""
        done.unchecked.append(
            f"which predictions of {counted(n_entries)} are right, and so confusion tables, scores by group, "
            "scores of probabilities, intervals, chance levels, p-values and verdicts: this needs the true labels "
            f"({board.truth_digest}); give --data DATASET or --truth TABLE{where}"
        )
        done.unchecked.append(BANDS_UNDRAWN)
    elif quick:
        done.unchecked.append(
            "bootstrap intervals, chance levels, p-values, lower limits of gaps and verdicts of "
            f"{counted(n_entries)}: not resampled again (--quick)"
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
            f"{counted(n_entries)}: every file has its hash in entry.toml, every entry.toml its hash in {INDEX}"
        )
    if n_entries and found.truth is None:
        proved.append(PROVED)
    if n_entries and found.truth is not None:
        what = "value, count and closed-form interval" if quick else "number"
        drawn = "" if quick else f" ({board.resamples:,} resamples, seed {board.seed})"
        proved.append(f"every {what} was recomputed from the predictions{drawn} and agrees to {TOLERANCE:g}")
    return [*proved, "README.md, leaderboard.json and leaderboard.csv match the entries"]
