"""The primary gap corrected for errors in the skin types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, decimal, enumerated, span_words
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import CorrectedContrast, Report

TITLE = "Errors in the skin types"


@for_report(70, Topic.GROUPS)
def skin_error_sections(report: Report) -> list[Section]:
    """Return the primary gap as labelled and corrected for label errors; empty if not requested."""
    block = report.skin_type_error
    if block is None:
        return []
    if isinstance(block, Undefined):
        return [Section(TITLE, notes=(f"{NONE} {plain(block.reason, limit=PROSE_LIMIT)}",))]
    notes = Footnotes()
    rows = tuple(
        (_sides(item), cell_text(item.uncorrected, notes), cell_text(item.corrected, notes))
        for item in block.contrasts
    )
    wrong = enumerated([f"{plain(name)} {decimal(rate)}" for name, rate in block.error_rates.items()])
    said = (
        "A sensitivity analysis. First side minus second, class held fixed, by labelled and by true skin types. "
        f"Estimated share of wrong labels: {wrong}. Assumed: {plain(block.assumption, limit=PROSE_LIMIT)}. The "
        "limits of the first row hold jointly for all contrasts that the primary row chose from, those of the "
        "bands jointly for all three pairs."
    )
    title = f"{TITLE}: {metric_title(block.metric)} by {feature_title(block.feature)}"
    heads = (Column("contrast", left=True), Column("as labelled (95 %)"), Column("corrected (95 %)"))
    return [Section(title, heads, rows, (said, *notes.lines()))]


def _sides(item: CorrectedContrast) -> str:
    return " minus ".join(plain(span_words(side), limit=60) for side in (item.first, item.second))
