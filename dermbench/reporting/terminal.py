"""A report as tables in the terminal."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dermbench.reporting.features import shown_features
from dermbench.reporting.numbers import MARK
from dermbench.reporting.provenance import all_notes, headline, provenance_line
from dermbench.reporting.sections import sections
from dermbench.reporting.text import NAME_LIMIT, PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section

LONG = 24
"""Names longer than this, in characters, move above their rows if the table is too wide."""
WORDS = 12
"""Minimum width of a text column when the table is squeezed."""
TITLE = 24
"""Maximum length of a name in a column title, in characters."""
NARROW = "Left out at this width: "
MORE = "More with --full, and in report.md: "


def print_report(report: Report, console: Console, *, full: bool = False) -> None:
    """Print a report: the summary first, then details of its main feature.

    Parameters
    ----------
    report
        Report to print.
    console
        Console to print to; text is never read as markup. If a table is too wide, columns are left out
        (``report.md`` has them); if it is still too wide, intervals move to a second line.
    full
        Print every table and note, for all features and metrics.
    """
    console.print(Text(f"{plain(report.task)}, {plain(report.split)}: {headline(report)}", style="bold"))
    tables = sections(report)
    for section in tables:
        if full or not section.detail:
            console.print()
            print_section(section if full else _shortened(section), console)
    notes = all_notes(report) if full else _main_notes(report)
    if notes:
        console.print()
        console.print(Text("Notes", style="bold"))
        for note in notes:
            console.print(Text(f"- {plain(note, limit=PROSE_LIMIT)}"))
    left_out = [section.title for section in tables if section.detail]
    console.print()
    if left_out and not full:
        console.print(Text(f"{MORE}{len(left_out)} tables.", style="dim"))
    if line := provenance_line(report):
        console.print(Text(line, style="dim"))


def _shortened(section: Section) -> Section:
    return section if section.lead is None else replace(section, rows=section.rows[: section.lead])


def _main_notes(report: Report) -> list[str]:
    """Return the notes, without those about features other than the main one."""
    names = shown_features(report.features)
    others = tuple(f"{name}: " for name in report.features if name not in names[:1])
    return [note for note in all_notes(report) if not note.startswith(others)]


def print_section(section: Section, console: Console) -> None:
    """Print one section: title, sentences, table (without columns that do not fit) and notes."""
    console.print(Text(section.title, style="bold"))
    for sentence in section.sentences:
        console.print(Text(f"- {plain(sentence, limit=PROSE_LIMIT)}"))
    dropped: list[str] = []
    if section.rows:
        whole, (section, form) = section, _fitted(section, console)
        shown = {column.title for column in section.columns}
        dropped = [plain(column.title) for column in whole.columns if column.title not in shown]
        for heads, table in _tables(section, form):
            for head, style in heads:
                console.print(Text(plain(head), style=style))
            console.print(table)
    if dropped:
        console.print(Text(f"{NARROW}{', '.join(dropped)}.", style="dim"))
    for line in _notes(section):
        console.print(Text(plain(line, limit=PROSE_LIMIT), style="dim"))


def _fitted(section: Section, console: Console) -> tuple[Section, str]:
    """Return the section with as many columns as fit, and the table form in which they fit."""
    levels = sorted({column.drop for column in section.columns}, reverse=True)
    found = section
    for level in levels:
        found = _with_columns(section, level)
        forms = ("wide", "wrapped", *(("stacked",) if _names(found) is not None else ()))
        for form in forms:
            if _fits(found, console, form):
                return found, form
    return found, "squeezed"


def _names(section: Section) -> int | None:
    """Return the column of long model or class names that can move above their rows; None without one."""
    for i, column in enumerate(section.columns):
        if column.name and column.left and not column.heading and max(len(row[i]) for row in section.rows) > LONG:
            return i
    return None


def _with_columns(section: Section, level: int) -> Section:
    kept = [i for i, c in enumerate(section.columns) if c.drop <= level]
    rows = tuple(tuple(row[i] for i in kept) for row in section.rows)
    return replace(section, columns=tuple(section.columns[i] for i in kept), rows=rows)


def _fits(section: Section, console: Console, form: str) -> bool:
    wide = console.options.update(width=10_000)
    return all(
        Measurement.get(console, wide, table).maximum <= console.width for _, table in _tables(section, form)
    )


def _tables(section: Section, form: str) -> Iterable[tuple[list[tuple[str, str]], Table]]:
    """Yield the parts of the table, each with the headings above it and their styles.

    A first column of headings moves above its rows; so do long names if the table is stacked or squeezed.
    """
    names = _names(section) if form in {"stacked", "squeezed"} else None
    styles = {0: "italic"} if section.columns[0].heading else {}
    styles |= {} if names is None else {names: "bold" if styles else "italic"}
    kept = [i for i in range(len(section.columns)) if i not in styles]
    columns, rows = tuple(section.columns[i] for i in kept), tuple(tuple(r[i] for i in kept) for r in section.rows)
    inner, above = replace(section, columns=columns, rows=rows), [""] * len(styles)
    keys = [[row[i] for i in styles] for row in section.rows]
    for part, (heads, found) in enumerate(groupby(range(len(rows)), key=keys.__getitem__)):
        new = next((i for i, pair in enumerate(zip(heads, above, strict=True)) if pair[0] != pair[1]), len(heads))
        above = heads
        shown = list(zip(heads, styles.values(), strict=True))[new:]
        yield shown, _table(inner, [rows[i] for i in found], form=form, first=part == 0)


def _table(section: Section, rows: Sequence[Sequence[str]], *, form: str, first: bool) -> Table:
    squeezed = form == "squeezed"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), show_header=first)
    for i, column in enumerate(section.columns):
        longest = max(len(row[i]) for row in section.rows)
        title = plain(column.title, limit=TITLE if column.name else NAME_LIMIT)
        title = title if form == "wide" else title.replace(" (95 %)", "\n(95 %)")
        head = len(title) if form == "wide" else max(map(len, _words(title)), default=0)
        table.add_column(
            Text(title),
            justify="left" if column.left else "right",
            overflow="fold",
            width=None if squeezed else max(longest, head),
            min_width=min(longest, WORDS) if squeezed and column.left else None,
        )
    for row in rows:
        table.add_row(*(_text(cell, squeezed=squeezed) for cell in row))
    return table


def _words(title: str) -> list[str]:
    """Split a heading into parts that are not broken."""
    return title.replace("(95 %)", "(95_%)").replace("\n", " ").split(" ")


def _text(cell: str, *, squeezed: bool) -> Text:
    line = plain(cell, limit=PROSE_LIMIT)
    if squeezed:
        for start in (" [", " (95 %)", " → "):
            line = line.replace(start, "\n" + start.lstrip())
    return Text(line)


def _notes(section: Section) -> list[str]:
    """Return the notes, without reasons that only hidden columns or rows refer to."""
    used = {mark for row in section.rows for cell in row for mark in MARK.findall(cell)}
    first = [(note, MARK.match(note)) for note in (*section.legend(), *section.notes)]
    return [note for note, mark in first if mark is None or not section.rows or mark[0] in used]
