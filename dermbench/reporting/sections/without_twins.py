"""Scores with and without the images that have a duplicate in the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import counted
from dermbench.reporting.names import feature_title, headline_metrics, metric_title
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.sections.disparity import gap_text, verdict_words

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report

TITLE = "Without twins"


@for_report(50, Topic.GROUPS)
def twin_sections(report: Report) -> list[Section]:
    """Return headline metrics and the primary gap with and without twins; empty if no image has a twin."""
    block = report.without_twins
    if block is None or block.n == report.n:
        return []
    notes = Footnotes()
    rows: list[tuple[str, ...]] = [
        (metric_title(name), cell_text(report.overall[name], notes), cell_text(block.overall.get(name), notes))
        for name in headline_metrics(report.overall, report.first_metrics)
    ]
    asked = report.primary
    if asked is not None and block.primary is not None:
        both = (report.features[asked.feature].disparities[asked.metric], block.primary)
        name = f"gap in {metric_title(asked.metric)} by {feature_title(asked.feature)}"
        rows.append((name, *(f"{gap_text(row)}, {verdict_words(row)}" for row in both)))
    heads = (f"all ({report.n:,})", f"without twins ({block.n:,})")
    columns = (Column("metric", left=True), *(Column(head) for head in heads))
    said = (
        f"{counted(report.n - block.n, 'image')} left out: train or val has the same photograph or lesion. The "
        "images that are left may also be easier or harder than all."
    )
    return [Section(TITLE, columns, tuple(rows), (said, *notes.lines()))]
