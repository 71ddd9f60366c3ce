"""What verifying a board found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.leaderboard.moves import Move


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
        Settings that were changed, and recorded in the index, since the earlier state.
    moves
        Entries that came, went or have another rank band since the earlier state; None where only its head was
        given, or something does not agree.
    title, metric
        Those of the board; empty where its settings cannot be read.
    """

    folder: Path
    proved: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    moves: list[Move] | None = None
    title: str = ""
    metric: str = ""
