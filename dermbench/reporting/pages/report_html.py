"""A report as one self-contained HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity, Undefined
from dermbench.artifacts.report.summary import failures
from dermbench.reporting.figures import report_figures
from dermbench.reporting.names import headline_metrics, metric_title
from dermbench.reporting.numbers import Footnotes, cell_interval, cell_value, count
from dermbench.reporting.pages import gap_bars
from dermbench.reporting.pages.page import chapters, environment, figures, without_marks
from dermbench.reporting.provenance import all_notes, provenance_line
from dermbench.reporting.reading import reading
from dermbench.reporting.sections import sections
from dermbench.reporting.sections.summary import GAPS, METRICS_TITLE, SUMMARY, gap_items
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report
    from dermbench.reporting.pages.page import Chapter, Figure
    from dermbench.reporting.section import Section
    from dermbench.reporting.sections.disparity import Row

OWN = (SUMMARY, METRICS_TITLE, GAPS)
"""Sections that the page lays out separately."""
ANSWERS = ("primary", "fails", "groups", "positive", "no_answer")
"""Kinds of summary sentences that are shown first, in the order of the page."""
FIRST_FIGURE = "gap"
KINDS = {"disparity": "loud", "disparity_within_margin": "loud", "within_margin": "plain", "undecided": "silent"}
"""Style of each kind of verdict."""


@dataclass(frozen=True)
class Line:
    """A row of the disparity table: its texts and its bar."""

    texts: tuple[str, ...]
    drawn: gap_bars.Bar
    kind: str


@dataclass(frozen=True)
class Answer:
    """A sentence that is shown first, with its style: by verdict, as a failure, or plain."""

    text: str
    style: str


@dataclass(frozen=True)
class Said:
    """The sentences of the summary: what was tested, those shown first, and the others."""

    tested: tuple[str, ...]
    answers: tuple[Answer, ...]
    further: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A headline metric: title, value, interval, number of images, and the reason if undefined."""

    title: str
    value: str
    interval: str
    n: str
    reason: str


def to_html(report: Report) -> str:
    """Return ``report.html``: the answer on the first screen, then figures, then folded tables.

    One file, inline styles and drawings, no script; its content-security policy forbids every request. The
    same report gives the same bytes.
    """
    tables = sections(report)
    gaps = next((table for table in tables if table.title == GAPS), None)
    scale = gap_bars.gap_scale([item.row for items in gap_items(report).values() for item in items])
    folded = chapters(table for table in tables if table.title not in OWN)
    drawings = report_figures(report)
    first = figures({name: drawing for name, drawing in drawings.items() if name == FIRST_FIGURE}, "first")
    shown = figures({name: drawing for name, drawing in drawings.items() if name != FIRST_FIGURE})
    notes, lines = all_notes(report), _lines(report, gaps, scale)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            said=_said(report),
            reading=reading(report),
            first=next(iter(first), None),
            cards=_cards(report),
            contents=_contents(shown, folded, lines=bool(lines), notes=bool(notes)),
            figures=shown,
            gaps=gaps,
            lines=lines,
            scale=scale,
            bar=gap_bars.WIDTH,
            chapters=folded,
            notes=notes,
            provenance=provenance_line(report),
        )
    )


def _said(report: Report) -> Said:
    texts = {sentence.kind: sentence.text for sentence in report.summary}
    further = tuple(text for kind, text in texts.items() if kind not in ("tested", *ANSWERS))
    styles = {"primary": f"verdict {_verdict(report)}", "fails": "failure" if _fails(report) else ""}
    answers = tuple(Answer(texts[kind], styles.get(kind, "")) for kind in ANSWERS if kind in texts)
    return Said((texts["tested"],) if "tested" in texts else (), answers, further)


def _fails(report: Report) -> bool:
    """Return whether a class fails in some groups of the primary feature."""
    feature = None if report.primary is None else report.features.get(report.primary.feature)
    return feature is not None and bool(failures(feature))


def _verdict(report: Report) -> str:
    """Return the kind of the verdict on the primary question; empty if there is none."""
    if report.primary is None or report.primary.feature not in report.features:
        return ""
    row = report.features[report.primary.feature].disparities.get(report.primary.metric)
    return row.verdict.kind if isinstance(row, Disparity) and row.verdict is not None else ""


def _contents(shown: list[Figure], folded: list[Chapter], *, lines: bool, notes: bool) -> list[tuple[str, str]]:
    """Return anchor and title of each part of the page."""
    return [
        *([("figures", "Figures")] if shown else []),
        *([("gaps", "Disparities")] if lines else []),
        *((chapter.anchor, chapter.title) for chapter in folded),
        *([("notes", "Notes")] if notes else []),
        ("provenance", "Provenance"),
    ]


def _cards(report: Report) -> list[Card]:
    cards = []
    for name in headline_metrics(report.overall, report.first_metrics):
        cell, notes = report.overall[name], Footnotes()
        value, interval = (without_marks(text) for text in (cell_value(cell, notes), cell_interval(cell, notes)))
        reason = plain(cell.reason or "", limit=PROSE_LIMIT)
        cards.append(
            Card(metric_title(name), value, interval, count(report.n if cell.n is None else cell.n), reason)
        )
    return cards


def _lines(report: Report, gaps: Section | None, scale: gap_bars.Scale) -> list[tuple[str, list[Line]]]:
    """Return {heading: rows} of the disparity table, each row beside its bar."""
    if gaps is None:
        return []
    items = [item for found in gap_items(report).values() for item in found]
    both = list(zip(gaps.rows, items, strict=True))
    return [
        (head, [Line(texts[1:], gap_bars.gap_bar(item.row, scale), _kind(item.row)) for texts, item in part])
        for head, part in groupby(both, key=lambda pair: pair[0][0])
    ]


def _kind(row: Row) -> str:
    return "plain" if isinstance(row, Undefined) or row.verdict is None else KINDS[row.verdict.kind]
