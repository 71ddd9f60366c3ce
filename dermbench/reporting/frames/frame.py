"""What a table of numbers is: named columns of one kind each, and the rows that an artifact gives."""

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
"""The pandas type of each kind of column; what is undefined is missing in all of them."""
JOINED = " | "
"""Between the names of several groups in one cell."""


@dataclass(frozen=True)
class FrameColumn:
    """A column.

    Attributes
    ----------
    name
        Its name.
    kind
        ``text``, ``number``, ``count`` or ``flag``.
    meaning
        What it says, in words.
    """

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class Frame(Generic[Source]):
    """A table of the full-precision numbers of an artifact, one observation a row.

    Attributes
    ----------
    name
        What :meth:`to_frame` and the files of ``--export csv`` call it.
    row
        What one row is, in words.
    columns
        Its columns, in order.
    values
        Rows of an artifact, one value a column.
    """

    name: str
    row: str
    columns: tuple[FrameColumn, ...]
    values: Callable[[Source], Iterable[tuple[Value, ...]]]

    def of(self, source: Source) -> pd.DataFrame:
        """Return the table of an artifact; undefined numbers are missing, with a ``reason``."""
        names = [column.name for column in self.columns]
        made = pd.DataFrame(list(self.values(source)), columns=names, dtype=object)
        return made.astype({column.name: DTYPES[column.kind] for column in self.columns})


def choose_frame(frames: Mapping[str, Frame[Source]], name: str) -> Frame[Source]:
    """Return the table that is called ``name``.

    Raises
    ------
    UsageError
        When there is none; the message suggests one.
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
    """Return columns of yes and no."""
    return tuple(FrameColumn(name, "flag", meaning) for name, meaning in meanings.items())


def joined(names: Iterable[str]) -> str:
    """Return several names as one cell."""
    return JOINED.join(names)


def said(reasons: Mapping[str, str]) -> str | None:
    """Return the reasons why columns of a row are undefined as one cell; None without any."""
    return "; ".join(f"{column}: {reason}" for column, reason in reasons.items()) or None
