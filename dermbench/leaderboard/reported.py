"""``reported.toml``: results published elsewhere, each with its source; they are never ranked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dermbench.artifacts.records import read_model
from dermbench.leaderboard.board import REPORTED

if TYPE_CHECKING:
    from pathlib import Path


def _is_number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number, without quotes")  # noqa: TRY004 - pydantic takes no TypeError
    return value


Published = Annotated[Decimal, BeforeValidator(_is_number), Field(ge=-1_000_000, le=1_000_000, max_digits=20)]
"""A published value: finite, with a plausible size and number of digits."""


class Row(BaseModel):
    """One published result.

    Attributes
    ----------
    entry
        What was evaluated.
    source
        Publication, with the place of the numbers.
    note
        Why the numbers cannot be compared with the board.
    approximate
        Whether the source gives only rough numbers.
    scores
        Values by metric, with the digits of the source.
    groups
        Values of one metric by group of the board's sensitive feature.
    group_metric
        Metric of ``groups``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    entry: str = Field(min_length=1)
    source: str = Field(min_length=1)
    note: str = ""
    approximate: bool = False
    scores: dict[str, Published] = Field(default_factory=dict)
    groups: dict[str, Published] = Field(default_factory=dict)
    group_metric: str = "accuracy"


class Reported(BaseModel):
    """Content of ``reported.toml``: rows in the order of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_: Literal["dermbench.reported/1"] = Field("dermbench.reported/1", alias="schema")
    row: tuple[Row, ...] = ()


def read_reported(board: Path) -> tuple[Row, ...]:
    """Return the published results of a board; empty if there is no file.

    Numbers keep their digits as written: ``0.60`` is not ``0.6``.

    Raises
    ------
    InputError
        With every key that is missing, unknown or malformed.
    """
    path = board / REPORTED
    if not path.is_file():
        return ()
    return read_model(path, Reported, decimals=True).row
