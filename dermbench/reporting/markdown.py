"""A report as markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE
from dermbench.reporting.provenance import all_notes, headline, provenance_line
from dermbench.reporting.sections import sections
from dermbench.reporting.text import PROSE_LIMIT, markdown_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Column, Section

READING = f"Values with 95 % intervals; {NONE} is undefined, with the reason beneath. Not for clinical use."


def to_markdown(report: Report) -> str:
    """Return ``report.md``: every table of :func:`~dermbench.reporting.sections.sections`, notes and provenance.

    The same report gives the same bytes, whether it is new or read from ``report.json``.
    """
    title = f"# {markdown_text(report.task)}, {markdown_text(report.split)}"
    lines = [title, "", f"{headline(report)}. {READING}", ""]
    for section in sections(report):
        lines += markdown_section(section)
    if notes := all_notes(report):
        lines += ["## Notes", ""]
        lines += [f"- {markdown_text(note, limit=PROSE_LIMIT)}" for note in notes]
        lines.append("")
    if line := provenance_line(report):
        lines += [f"Provenance: {markdown_text(line, limit=PROSE_LIMIT)}", ""]
    return "\n".join(lines)


def markdown_section(section: Section) -> list[str]:
    """Return the lines of a titled table with its sentences and notes."""
    lines = [f"## {markdown_text(section.title)}"]
    for sentence in section.sentences:
        lines += ["", markdown_text(sentence, limit=PROSE_LIMIT)]
    if section.rows:
        lines += ["", *markdown_table(section.columns, section.rows)]
    for note in (*section.legend(), *section.notes):
        lines += ["", markdown_text(note, limit=PROSE_LIMIT)]
    return [*lines, ""]


def markdown_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, every cell escaped."""
    head = "| " + " | ".join(markdown_text(column.title) for column in columns) + " |"
    rule = "|" + "|".join(":--" if column.left else "--:" for column in columns) + "|"
    body = ["| " + " | ".join(markdown_text(text, limit=PROSE_LIMIT) for text in row) + " |" for row in rows]
    return [head, rule, *body]
