"""Parts shared by all pages: escaping templates, headings above rows, chapters with anchors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dermbench.artifacts.wording import counted
from dermbench.reporting.figures import css_variables
from dermbench.reporting.numbers import MARK
from dermbench.reporting.section import Topic
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dermbench.reporting.figures import Drawing
    from dermbench.reporting.section import Column, Section

MOST_ROWS = 150
"""Maximum number of rows of a table on a page."""


@dataclass(frozen=True)
class Chapter:
    """Sections that a page folds under one heading.

    Attributes
    ----------
    anchor
        Id of the content, made by dermbench.
    title
        Heading; the template escapes it.
    sections
        Its tables.
    """

    anchor: str
    title: str
    sections: tuple[Section, ...]

    @property
    def size(self) -> str:
        """Return ``3 tables``; empty without a table."""
        n_tables = sum(bool(section.rows) for section in self.sections)
        return counted(n_tables, "table") if n_tables else ""


@dataclass(frozen=True)
class Block:
    """Rows of a table under a common heading; an empty heading is not shown."""

    head: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Grid:
    """A table on a page.

    Attributes
    ----------
    columns
        Columns, without the one whose texts became headings.
    blocks
        Rows under their headings.
    n_rows
        Number of rows of the whole table, of which at most ``shown`` are on the page.
    """

    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    n_rows: int
    shown: int = field(default=MOST_ROWS)


def chapters(sections: Iterable[Section]) -> list[Chapter]:
    """Group the sections by topic, in the order of the topics."""
    found: dict[Topic, list[Section]] = {}
    for section in sections:
        found.setdefault(section.topic, []).append(section)
    return [
        Chapter(f"tables-{topic.name.lower()}", topic.value, tuple(found[topic]))
        for topic in Topic
        if topic in found
    ]


def grid(section: Section) -> Grid:
    """Return the table of a section, cut to :data:`MOST_ROWS`; equal texts become one heading above their rows."""
    rows, columns = section.rows[:MOST_ROWS], section.columns
    if not columns or not columns[0].heading:
        return Grid(columns, (Block("", rows),) if rows else (), len(section.rows))
    parts = groupby(rows, key=lambda row: row[0])
    blocks = tuple(Block(head, tuple(row[1:] for row in part)) for head, part in parts)
    return Grid(columns[1:], blocks, len(section.rows))


@cache
def environment() -> Environment:
    """Return the templates, which escape everything; the filters ``plain`` and ``prose`` clean untrusted text."""
    made = Environment(
        loader=PackageLoader("dermbench.reporting.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plain"] = plain
    made.filters["prose"] = lambda text: plain(text, limit=PROSE_LIMIT)
    made.filters["grid"] = grid
    made.globals["variables"] = {"light": css_variables(), "dark": css_variables(dark=True)}
    return made


@dataclass(frozen=True)
class Figure:
    """A drawing on a page; its SVG was made by dermbench and is not escaped."""

    anchor: str
    title: str
    caption: str
    wide: bool
    svg: Markup


def figures(drawings: Mapping[str, Drawing], prefix: str = "figure") -> list[Figure]:
    """Return the drawings as figures of a page, in order; their anchors begin with ``prefix``.

    A caption shared by several drawings is shown below the first of them only.
    """
    found, said = [], set[str]()
    for place, drawing in enumerate(drawings.values(), start=1):
        caption = "" if drawing.caption in said else drawing.caption
        said.add(drawing.caption)
        svg = Markup(drawing.svg())  # noqa: S704 - made by dermbench, with text escaped
        found.append(Figure(f"{prefix}-{place}", drawing.title, caption, drawing.wide, svg))
    return found


def without_marks(text: str) -> str:
    """Return a cell without the footnote number, for places that show the reason directly."""
    return MARK.sub("", text)
