"""A report as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dermbench.reporting.numbers import MARK, NONE
from dermbench.reporting.provenance import headline, provenance_line
from dermbench.reporting.sections import sections
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from rich.console import Console

    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section

WORDS = 28
"""Width that a column of words keeps when the table is squeezed."""


def print_report(report: Report, console: Console) -> None:
    """Print the tables of a report; columns and tables marked as detail are left to ``report.md``.

    Parameters
    ----------
    report
        What to print.
    console
        Where to; text is printed as it is, never read as markup. On a console too narrow for a table its
        intervals go to a second line and its sentences beneath.
    """
    console.print(Text(f"{plain(report.task)}, {plain(report.split)}: {headline(report)}", style="bold"))
    for section in sections(report):
        if not section.detail:
            console.print()
            _print_section(section, console)
    if report.notes:
        console.print()
        console.print(Text("Notes", style="bold"))
        for note in report.notes:
            console.print(Text(f"- {plain(note, limit=PROSE_LIMIT)}"))
    if line := provenance_line(report):
        console.print()
        console.print(Text(line, style="dim"))


def _print_section(section: Section, console: Console) -> None:
    console.print(Text(section.title, style="bold"))
    table = _table(section, narrow=False)
    narrow = Measurement.get(console, console.options.update(width=10_000), table).maximum > console.width
    console.print(_table(section, narrow=True) if narrow else table)
    for line in (*(_sentences(section) if narrow else ()), *_notes(section)):
        console.print(Text(plain(line, limit=PROSE_LIMIT), style="dim"))


def _table(section: Section, *, narrow: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    shown = [i for i, c in enumerate(section.columns) if not c.detail and not (narrow and c.prose)]
    for i in shown:
        column = section.columns[i]
        longest = max(len(row[i]) for row in section.rows)
        table.add_column(
            _text(column.title, narrow=narrow),
            justify="left" if column.left else "right",
            overflow="fold",
            no_wrap=not column.left and not narrow,
            min_width=None if narrow else min(longest, WORDS),
        )
    for row in section.rows:
        table.add_row(*(_text(row[i], narrow=narrow) for i in shown))
    return table


def _text(cell: str, *, narrow: bool) -> Text:
    line = plain(cell, limit=PROSE_LIMIT)
    if narrow:
        for start in (" [", " (95 %)", " → "):
            line = line.replace(start, "\n" + start.lstrip())
    return Text(line)


def _sentences(section: Section) -> list[str]:
    prose = [i for i, column in enumerate(section.columns) if column.prose]
    return [f"{row[0]}: {row[i]}" for row in section.rows for i in prose if row[i] != NONE]


def _notes(section: Section) -> list[str]:
    """Leave out the reasons that only columns marked as detail refer to."""
    shown = [i for i, column in enumerate(section.columns) if not column.detail]
    used = {mark for row in section.rows for i in shown for mark in MARK.findall(row[i])}
    first = [(note, MARK.match(note)) for note in section.notes]
    return [note for note, mark in first if mark is None or mark[0] in used]
