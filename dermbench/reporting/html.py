"""A report as one HTML file that needs no other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from dermbench.artifacts.report import Undefined
from dermbench.reporting import drawing
from dermbench.reporting.names import headline_metrics, metric_title
from dermbench.reporting.numbers import Footnotes, cell_interval, cell_value, count
from dermbench.reporting.provenance import all_notes, headline, provenance_line
from dermbench.reporting.sections import sections
from dermbench.reporting.sections.clinical import roc_curves
from dermbench.reporting.sections.summary import GAPS, METRICS_TITLE, SUMMARY, gap_items
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section
    from dermbench.reporting.sections.disparity import Row

OWN = (SUMMARY, METRICS_TITLE, GAPS)
"""Sections that the page draws in its own way."""
KINDS = {"disparity": "loud", "disparity_within_margin": "loud", "within_margin": "plain", "undecided": "silent"}
"""Style of each kind of verdict."""


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
    gaps = next((table for table in tables if table.title == GAPS), None)
    scale = drawing.gap_scale([item.row for items in gap_items(report).values() for item in items])
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            sentences=[sentence.text for sentence in report.summary],
            notes=all_notes(report),
            headline=headline(report),
            cards=_cards(report),
            gaps=gaps,
            lines=_lines(report, gaps, scale),
            scale=scale,
            forest=drawing.forest(report),
            roc=roc_curves(report),
            reliability=drawing.reliability(report),
            tables=[table for table in tables if table.title not in OWN],
            provenance=provenance_line(report),
            bar=drawing.WIDTH,
            square=drawing.SQUARE,
            places=(drawing.LABEL, drawing.PLOT, drawing.MARGIN, drawing.TOP),
        )
    )


@cache
def environment() -> Environment:
    """Return the templates, which escape everything; ``plain`` and ``prose`` make text of strangers printable."""
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


def _cards(report: Report) -> list[dict[str, str]]:
    """Return the headline metrics: title, value, interval, n, and the reason of what is undefined."""
    cards = []
    for name in headline_metrics(report.overall, report.first_metrics):
        cell, notes = report.overall[name], Footnotes()
        texts = {"value": cell_value(cell, notes), "interval": cell_interval(cell, notes)}
        shown = {key: text.rstrip("¹") for key, text in texts.items()}
        reason = plain(cell.reason or "", limit=PROSE_LIMIT)
        n = count(report.n if cell.n is None else cell.n)
        cards.append({"title": metric_title(name), "n": n, "reason": reason, **shown})
    return cards


def _lines(report: Report, gaps: Section | None, scale: drawing.Scale) -> list[tuple[str, list[Line]]]:
    """Return {heading: rows} of the disparity table, each row beside its drawing."""
    if gaps is None:
        return []
    items = [item for found in gap_items(report).values() for item in found]
    both = list(zip(gaps.rows, items, strict=True))
    return [
        (head, [Line(texts[1:], drawing.gap(item.row, scale), _kind(item.row)) for texts, item in part])
        for head, part in groupby(both, key=lambda pair: pair[0][0])
    ]


def _kind(row: Row) -> str:
    return "plain" if isinstance(row, Undefined) or row.verdict is None else KINDS[row.verdict.kind]
