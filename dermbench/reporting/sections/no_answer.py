"""Numbers of images without a usable prediction, which count as wrong, by reason and skin type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.names import feature_title, sorted_features, sorted_groups
from dermbench.reporting.numbers import Footnotes, cell_text, count
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic

if TYPE_CHECKING:
    from dermbench.artifacts.report import NoAnswerGroup, Report

TITLE = "Images without a usable prediction"
REASONS = {"missing": "no prediction", "refused": "refused", "unparsable": "not readable"}


@for_report(20, Topic.OVERALL)
def no_answer_sections(report: Report) -> list[Section]:
    """Return one row for all images and one per skin type; empty if every image has a usable prediction."""
    block = report.no_answer
    if block is None or not block.overall.absent:
        return []
    notes = Footnotes()
    kinds = [kind for kind in REASONS if getattr(block.overall, kind)]
    rows = [("all images", *_row(block.overall, kinds, notes))]
    for feature in sorted_features(block.features):
        groups = block.features[feature]
        title = feature_title(feature)
        rows += [(f"{title}: {name}", *_row(groups[name], kinds, notes)) for name in sorted_groups(groups)]
    columns = (
        Column("images", left=True),
        Column("n"),
        *(Column(REASONS[kind]) for kind in kinds),
        Column("share (95 %)"),
    )
    said = ("They count as wrong for every metric: the predicted class is another than the true one.",)
    return [Section(TITLE, columns, tuple(rows), (*said, *notes.lines()))]


def _row(group: NoAnswerGroup, kinds: list[str], notes: Footnotes) -> tuple[str, ...]:
    return (count(group.n), *(count(getattr(group, kind)) for kind in kinds), cell_text(group.share, notes))
