"""The result of verifying a board."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.leaderboard.moves import Move


@dataclass
class Verified:
    """Result of verifying a board.

    Attributes
    ----------
    folder
        The board.
    proved
        Checks that passed; empty if there is any problem.
    problems
        One sentence per disagreement, in the order truth, index, entries, board.
    unchecked
        Checks that were not possible or not requested, and what they need.
    changes
        Settings changed since the earlier state, as recorded in the index.
    moves
        Entries added, removed or moved since the earlier state; None if only its head was given, or if there is
        any problem.
    title, metric
        Title and ranking metric of the board; empty if its settings cannot be read.
    """

    folder: Path
    proved: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    moves: list[Move] | None = None
    title: str = ""
    metric: str = ""
