"""Tables of numbers: typed columns, and a function that makes the rows from an artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import pandas as pd

from dermbench.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Kind = Literal["text", "number", "count", "flag"]
Value = str | float | int | bool | None
Source = TypeVar("Source")

DTYPES: Mapping[Kind, str] = {"text": "string", "number": "float64", "count": "Int64", "flag": "boolean"}
"""The pandas type of each kind of column; undefined values are missing in all of them."""
JOINED = " | "
"""Separator between the names of several groups in one cell."""


@dataclass(frozen=True)
class FrameColumn:
    """A column.

    Attributes
    ----------
    name
        Name of the column.
    kind
        ``text``, ``number``, ``count`` or ``flag``.
    meaning
        Meaning, in words.
    """

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class Frame(Generic[Source]):
    """A table of full-precision numbers of an artifact, one observation per row.

    Attributes
    ----------
    name
        Name in :meth:`to_frame` and in the files of ``--export csv``.
    row
        Description of one row.
    columns
        Columns, in order.
    values
        Function that returns the rows of an artifact, one value per column.
    """

    name: str
    row: str
    columns: tuple[FrameColumn, ...]
    values: Callable[[Source], Iterable[tuple[Value, ...]]]

    def of(self, source: Source) -> pd.DataFrame:
        """Return the table of an artifact; undefined numbers are missing, and ``reason`` says why."""
        names = [column.name for column in self.columns]
        made = pd.DataFrame(list(self.values(source)), columns=names, dtype=object)
        return made.astype({column.name: DTYPES[column.kind] for column in self.columns})


def choose_frame(frames: Mapping[str, Frame[Source]], name: str) -> Frame[Source]:
    """Return the table called ``name``.

    Raises
    ------
    UsageError
        When there is no table with this name; the message suggests one.
    """
    if name not in frames:
        raise UsageError(f"no table is called {name!r}", remedy=f"Tables: {suggest(name, frames)}")
    return frames[name]


def texts(**meanings: str) -> tuple[FrameColumn, ...]:
    """Return columns of text."""
    return tuple(FrameColumn(name, "text", meaning) for name, meaning in meanings.items())


def numbers(**meanings: str) -> tuple[FrameColumn, ...]:
    """Return columns of numbers."""
    return tuple(FrameColumn(name, "number", meaning) for name, meaning in meanings.items())


def counts(**meanings: str) -> tuple[FrameColumn, ...]:
    """Return columns of whole numbers."""
    return tuple(FrameColumn(name, "count", meaning) for name, meaning in meanings.items())


def flags(**meanings: str) -> tuple[FrameColumn, ...]:
    """Return columns of true and false."""
    return tuple(FrameColumn(name, "flag", meaning) for name, meaning in meanings.items())


def joined(names: Iterable[str]) -> str:
    """Return several names as one cell."""
    return JOINED.join(names)


def reasons_text(reasons: Mapping[str, str]) -> str | None:
    """Join the reasons why columns of a row are undefined into one cell; None without any."""
    return "; ".join(f"{column}: {reason}" for column, reason in reasons.items()) or None
