"""A report as one HTML file that needs no other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dermbench.reporting import drawing
from dermbench.reporting.names import metric_title
from dermbench.reporting.numbers import Footnotes, cell_interval, cell_value, short_verdict
from dermbench.reporting.provenance import headline, provenance_line
from dermbench.reporting.sections import sections
from dermbench.reporting.summary import gap_items, headline_metrics
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section

TITLES = ("Summary", "Disparities")
"""Sections that the page draws in its own way."""
LOUD, SILENT = "evidence", "too small"
"""How verdicts begin that are set apart."""


@dataclass(frozen=True)
class Line:
    """A row of the disparity table: its texts and its drawing."""

    texts: tuple[str, ...]
    drawn: drawing.Bar
    kind: str


def to_html(report: Report) -> str:
    """Return ``report.html``: summary, drawings, every table, notes, provenance.

    One file, inline styles and drawings, no script; its content-security policy forbids every request. The
    same report gives the same bytes.
    """
    tables = sections(report)
    gaps = next((table for table in tables if table.title == TITLES[1]), None)
    scale = drawing.gap_scale([item.block for items in gap_items(report.features).values() for item in items])
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            headline=headline(report),
            cards=_cards(report),
            gaps=gaps,
            lines=_lines(report, gaps, scale),
            scale=scale,
            forest=drawing.forest(report),
            reliability=drawing.reliability(report),
            tables=[table for table in tables if table.title not in TITLES],
            provenance=provenance_line(report),
            bar=drawing.WIDTH,
            square=drawing.SQUARE,
            places=(drawing.LABEL, drawing.PLOT, drawing.MARGIN, drawing.TOP),
        )
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("dermbench.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plain"] = plain
    made.filters["prose"] = lambda text: plain(text, limit=PROSE_LIMIT)
    return made


def _cards(report: Report) -> list[dict[str, Any]]:
    """Return the headline metrics: title, value, interval, n, and the reason of what is undefined."""
    cards = []
    for name in headline_metrics(report.overall):
        cell, notes = report.overall[name], Footnotes()
        texts = {"value": cell_value(cell, notes), "interval": cell_interval(cell, notes)}
        shown = {key: text.rstrip("¹") for key, text in texts.items()}
        reason = plain(cell.get("reason") or "", limit=PROSE_LIMIT)
        n = cell.get("n") or report.n
        cards.append({"title": metric_title(name), "n": f"{n:,}", "reason": reason, **shown})
    return cards


def _lines(report: Report, gaps: Section | None, scale: drawing.Scale) -> list[tuple[str, list[Line]]]:
    """Return {heading: rows} of the disparity table, each row beside its drawing."""
    if gaps is None:
        return []
    items = [item for found in gap_items(report.features).values() for item in found]
    both = list(zip(gaps.rows, items, strict=True))
    return [
        (head, [Line(_texts(row), drawing.gap(item.block, scale), _kind(row[-1])) for row, item in part])
        for head, part in groupby(both, key=lambda pair: pair[0][0])
    ]


def _texts(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[1:-1], short_verdict(row[-1]))


def _kind(verdict: str) -> str:
    return "loud" if verdict.startswith(LOUD) else "silent" if verdict.startswith(SILENT) else "plain"
