"""Read the ranks and values of the entries from ``leaderboard.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from dermbench.artifacts.guarded import read_json
from dermbench.artifacts.records import validated
from dermbench.leaderboard.board import JSON
from dermbench.leaderboard.ranking import place_text

if TYPE_CHECKING:
    from pathlib import Path


class _Part(BaseModel):
    """Base of the parts that are read; other keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Value(_Part):
    """A cell; None where it is undefined."""

    value: float | None = None


class About(_Part):
    """The declaration of an entry."""

    name: str


class Place(_Part):
    """An entry of the board.

    Attributes
    ----------
    slug, about
        Folder, and the declaration with the name.
    rank, band
        Rank by value, and the rank band (first and last rank); None if not known.
    predictions
        Content hash of its predictions.
    overall
        Overall cells by metric.
    """

    slug: str
    about: About
    rank: int | None
    band: Annotated[list[int], Field(min_length=2, max_length=2)] | None
    predictions: str | None
    overall: dict[str, Value]

    @property
    def places(self) -> tuple[int, int] | None:
        """First and last rank; the rank twice if there is no band; None without a rank."""
        if self.band is not None:
            return self.band[0], self.band[1]
        return None if self.rank is None else (self.rank, self.rank)

    @property
    def text(self) -> str:
        """:attr:`places` to show: ``1``, ``1-3`` with an en dash, or a dash."""
        return place_text(self.places)


class Published(_Part):
    """A board.

    Attributes
    ----------
    entries
        In order of rank.
    optimism
        How much the first entry's value is inflated by selection; None if not known.
    """

    entries: list[Place]
    optimism: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the file has all fields of this version."""
        return "optimism" in self.model_fields_set


def read_published(folder: Path) -> Published:
    """Read ``leaderboard.json`` of a board folder.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When the file is malformed.
    """
    return validated(folder / JSON, Published, read_json(folder / JSON))
