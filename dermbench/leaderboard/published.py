"""Read back what ``leaderboard.json`` says about the places of the entries."""

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
    """What is read of a part of the file; the rest is left out."""

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
        Place by value, and first and last place that it may have; None where not known.
    predictions
        Content hash of its predictions.
    overall
        Its cells over all images by metric.
    """

    slug: str
    about: About
    rank: int | None
    band: Annotated[list[int], Field(min_length=2, max_length=2)] | None
    predictions: str | None
    overall: dict[str, Value]

    @property
    def places(self) -> tuple[int, int] | None:
        """First and last place; the rank twice where there is no band; None without a rank."""
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
        How much the first is flattered by being chosen; None where that is not known.
    """

    entries: list[Place]
    optimism: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the file says all that a board of this version says."""
        return "optimism" in self.model_fields_set


def read_published(folder: Path) -> Published:
    """Read ``leaderboard.json`` of a board folder.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not one of ours.
    """
    return validated(folder / JSON, Published, read_json(folder / JSON))
