"""What a report shows, once for every output: titled tables with notes beneath."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Heading.
    left
        Whether the text is aligned to the left.
    detail
        Whether the column is left out where space is short (the terminal).
    prose
        Whether the column holds sentences, which go beneath a table that is too wide.
    """

    title: str
    left: bool = False
    detail: bool = False
    prose: bool = False


@dataclass(frozen=True)
class Section:
    """A titled table.

    Attributes
    ----------
    title
        Heading of the section.
    columns
        Columns.
    rows
        One tuple of texts a row; strings that are not :class:`~dermbench.reporting.text.Safe` are escaped.
    notes
        Lines beneath the table: legends, then the numbered reasons of undefined values.
    detail
        Whether the section is left out where space is short.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = field(default=())
    detail: bool = False
