"""What a report shows, once for every output: titled tables with notes beneath."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Topic(StrEnum):
    """What a section is about; the page of a report gathers sections of one topic under this heading."""

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
        Where a table is too wide for the terminal, columns go in falling order of this; those of 0 stay.
    meaning
        What the column says, for those whose heading does not; goes beneath the table.
    name
        Whether the texts, or above numbers the title, are names of models or classes. Where the table is too wide
        for the terminal, long names stand over their rows.
    heading
        Whether equal texts in a row become one heading over their rows (terminal, HTML).
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
        One tuple of texts a row; strings that are not :class:`~dermbench.reporting.text.Safe` are escaped.
    notes
        Lines beneath the table: legends, then the numbered reasons of undefined values.
    sentences
        Paragraphs above the table.
    detail
        Whether the section is left out of a short report (the terminal's, unless asked for everything).
    lead
        Number of rows that a short report shows; None for all.
    explained
        Whether the meaning of the columns is said beneath.
    topic
        What it is about; the maker of the section says so when it is registered.
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
        """Return one paragraph on what the columns mean; none where an earlier table has said it."""
        found = " ".join(column.meaning for column in self.columns if column.meaning)
        return (found,) if found and self.explained else ()
