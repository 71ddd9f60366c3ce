"""The parts of a report that all output formats share: titled tables with notes below."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Topic(StrEnum):
    """Topic of a section; the HTML page groups sections by topic under this heading."""

    OVERALL = "All images"
    CLINICAL = "Thresholds"
    GROUPS = "Groups and gaps"
    CLASSES = "Classes"
    PARITY = "Parity measures"
    CALIBRATION = "Calibration"
    OTHER = "Further tables"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Heading.
    left
        Whether the text is aligned to the left.
    drop
        If a table is too wide for the terminal, columns with the largest value are left out first; 0 always stays.
    meaning
        Explanation below the table, if the heading does not suffice.
    name
        Whether the texts (or the title, above numbers) are names of models or classes. If the table is too wide
        for the terminal, long names move above their rows.
    heading
        Whether consecutive equal texts become one heading above their rows (terminal, HTML).
    """

    title: str
    left: bool = False
    drop: int = 0
    name: bool = False
    heading: bool = False
    meaning: str = ""


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
        One tuple of texts per row; strings that are not :class:`~dermbench.reporting.text.Safe` are escaped.
    notes
        Lines below the table: legends, then the numbered reasons of undefined values.
    sentences
        Paragraphs above the table.
    detail
        Whether a short report (the terminal without ``--full``) leaves the section out.
    lead
        Number of rows that a short report shows; None for all.
    explained
        Whether the meanings of the columns are printed below.
    topic
        Topic, set when the maker of the section is registered.
    """

    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())
    sentences: tuple[str, ...] = field(default=())
    detail: bool = False
    lead: int | None = None
    explained: bool = True
    topic: Topic = Topic.OTHER

    def legend(self) -> tuple[str, ...]:
        """Return one paragraph with the meanings of the columns; none if an earlier table has it."""
        found = " ".join(column.meaning for column in self.columns if column.meaning)
        return (found,) if found and self.explained else ()
