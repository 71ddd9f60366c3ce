"""Several annotators' labels of one feature, as one band."""

from __future__ import annotations

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, decimal
from dermbench.reporting.names import metric_title
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import FeatureView, for_feature
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import Safe, plain


@for_feature(40, Topic.GROUPS)
def annotator_sections(view: FeatureView) -> list[Section]:
    """Return the agreement of annotators and the range of the primary gap; empty with one annotator."""
    title, feature, report = view.title, view.feature, view.report
    block = feature.annotators
    if block is None:
        return []
    notes = Footnotes()
    gap = (
        Safe(NONE + notes.mark(block.gap.reason))
        if isinstance(block.gap, Undefined)
        else Safe(f"{decimal(block.gap.min)} to {decimal(block.gap.max)}")
    )
    metric = "accuracy" if report.primary is None else report.primary.metric
    shares = [cell_text(cell, notes) for cell in (block.exact, block.within_one)]
    row = (", ".join(plain(column) for column in block.columns), *shares, gap)
    heads = ("same label (95 %)", "within ±1 (95 %)", f"gap in {metric_title(metric)}")
    columns = (Column("annotators", left=True), *(Column(head) for head in heads))
    return [Section(f"Annotators of {title}", columns, (row,), tuple(notes.lines()), detail=True)]
