"""Compare two states of a board: entries added, removed or replaced, and rank bands that moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dermbench.errors import UsageError
from dermbench.leaderboard.board import BOARD
from dermbench.leaderboard.index import read_index
from dermbench.leaderboard.published import Published, read_published
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.leaderboard.published import Place

ARROW = " \N{RIGHTWARDS ARROW} "


@dataclass(frozen=True)
class Move:
    """An entry that differs between two states of a board.

    Attributes
    ----------
    kind
        What happened to it; ``moved`` when only its rank band changed.
    before, after
        The entry in both states; None if it is not on the board.
    """

    kind: Literal["added", "replaced", "removed", "moved"]
    before: Place | None
    after: Place | None

    @property
    def name(self) -> str:
        """Display name, in the later state if it is there."""
        place = self.after or self.before
        return "" if place is None else plain(place.about.name)

    @property
    def rank(self) -> str:
        """The rank band, or both if they differ: ``1-2 → 1-3``, with en dashes."""
        return _both(*(None if place is None else place.text for place in (self.before, self.after)))

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}, rank {self.rank}"


@dataclass(frozen=True)
class Earlier:
    """An earlier state of a board.

    Attributes
    ----------
    head
        Head of its index.
    published
        Its ``leaderboard.json``; None if only the head was given.
    """

    head: str
    published: Published | None = None


def read_earlier(since: str | Path, folder: Path) -> Earlier | None:
    """Return the earlier state of a board.

    Parameters
    ----------
    since
        Head of the index; or an earlier copy of the board, or of the folder that contains it.
    folder
        The board as it is now.

    Returns
    -------
    Earlier or None
        None when the earlier folder has no board of this name.

    Raises
    ------
    UsageError
        When there is no such folder.
    InputError
        When its index or ``leaderboard.json`` cannot be read.
    """
    if isinstance(since, str):
        return Earlier(since)
    if not since.is_dir():
        raise UsageError(
            f"{since}: no such folder",
            remedy="--since takes a head of the index (sha256:…), or the folder of the board as it was before.",
        )
    there = since if (since / BOARD).is_file() else since / folder.resolve().name
    if not (there / BOARD).is_file():
        return None
    return Earlier(read_index(there).head, read_published(there))


def compare_places(before: Published, after: Published) -> list[Move]:
    """Return the differences in the order of the later board; removed entries come last, in their old order."""
    old = {place.slug: place for place in before.entries}
    new = {place.slug: place for place in after.entries}
    found = [_move(old.get(place.slug), place) for place in after.entries]
    gone = [Move("removed", place, None) for place in before.entries if place.slug not in new]
    return [move for move in found if move is not None] + gone


def _move(before: Place | None, after: Place) -> Move | None:
    if before is None:
        return Move("added", None, after)
    if before.predictions != after.predictions:
        return Move("replaced", before, after)
    return None if before.places == after.places else Move("moved", before, after)


def _both(before: str | None, after: str | None) -> str:
    if before is None or after is None or before == after:
        return after or before or ""
    return before + ARROW + after
