"""Check all entries of a board, in one or several processes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dermbench.leaderboard.check_entry import Against, Checked, check_entry, file_owners
from dermbench.leaderboard.comparison import compare_ahead
from dermbench.waiting import with_bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.comparison import Comparison

WORTHWHILE = 4
"""Minimum number of entries per process; with fewer, starting a process takes longer than it saves."""


@dataclass(frozen=True)
class Effort:
    """How much is recomputed, and in how many processes.

    Attributes
    ----------
    quick
        Recompute values, counts and closed-form intervals, but resample nothing.
    workers
        Number of processes; the result does not depend on it. With more than one, each starts a new Python, so a
        script needs the usual ``if __name__ == "__main__":``.
    """

    quick: bool = False
    workers: int = 1


def check_all(
    folders: Sequence[Path], board: Board, truth: Truth | None, effort: Effort
) -> tuple[list[Checked], Comparison | None]:
    """Check all entries of a board, in the order of ``folders``.

    With several processes, one of them compares the entries meanwhile. The comparison is returned too; None
    otherwise, or if predictions cannot be read.
    """
    check = partial(check_entry, against=Against(board, truth, file_owners(folders), effort.quick))
    title = f"recomputing {folders[0].parent.parent.name}" if folders else "recomputing"
    workers = min(effort.workers, len(folders) // WORTHWHILE)
    if workers < 2 or truth is None:
        return with_bar(map(check, folders), title, len(folders)), None
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        slugs, root = [path.name for path in folders], folders[0].parent.parent
        compared = None if effort.quick else pool.submit(compare_ahead, root, board, truth, slugs)
        checked = with_bar(pool.map(check, folders, chunksize=2), title, len(folders))
        return checked, None if compared is None else compared.result()
