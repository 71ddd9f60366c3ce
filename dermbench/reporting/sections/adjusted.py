"""The primary metric between groups, adjusted for the true class and further columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, counted, enumerated, span_words
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Adjusted, AdjustedContrast, Report

TITLE = "Adjusted differences"


@for_report(60, Topic.GROUPS)
def adjusted_sections(report: Report) -> list[Section]:
    """Return the raw, class-adjusted and fully adjusted differences; empty if not requested."""
    block = report.adjusted
    if block is None:
        return []
    if isinstance(block, Undefined):
        return [Section(TITLE, notes=(f"{NONE} {plain(block.reason, limit=PROSE_LIMIT)}",))]
    columns = enumerated([plain(name) for name in block.columns])
    notes = Footnotes(merge=True)
    rows = tuple(
        (_sides(item), *(cell_text(cell, notes) for cell in (item.raw, item.by_class, item.adjusted)))
        for item in block.contrasts
    )
    heads = ("raw (95 %)", "class held fixed (95 %)", f"class, {columns} held fixed (95 %)")
    title = f"{TITLE} of {metric_title(block.metric)} by {feature_title(block.feature)}"
    return [
        Section(
            title,
            (Column("contrast", left=True), *(Column(head) for head in heads)),
            rows,
            (_read_as(block), *_legend(block.contrasts), *notes.lines()),
        )
    ]


def _read_as(block: Adjusted) -> str:
    """Return which columns enter as numbers with a smooth effect, and which as categories."""
    parts = [
        f"{plain(name)} as {counted(block.levels[name], 'category')}"
        if name in block.levels
        else f"{plain(name)} as a number with a smooth effect"
        for name in block.columns
    ]
    return f"Read: {enumerated(parts)}."


def _sides(item: AdjustedContrast) -> str:
    if item.kind == "rest":
        return f"{plain(span_words(item.first), limit=60)} minus the rest"
    return " minus ".join(plain(span_words(side), limit=60) for side in (item.first, item.second))


def _legend(contrasts: tuple[AdjustedContrast, ...]) -> tuple[str, ...]:
    first = contrasts[0]
    said = (
        "First side minus second. Held fixed: a logistic regression predicts how often the model is right if all "
        "images were on one side, and if all were on the other. The limits of the first row hold jointly for all "
        "contrasts that the primary row chose from, those of the other rows jointly for all groups. They allow "
        "for few units, and are wider than those of the primary row's own contrast."
    )
    apart = []
    if first.n_one_sided:
        apart.append(f"{counted(first.n_one_sided, 'image')} of classes on one side only (in the raw value only)")
    if first.n_rare:
        apart.append(f"{counted(first.n_rare, 'image')} of rare classes, which share a parameter")
    return (said, f"First row: {'; '.join(apart)}.") if apart else (said,)
