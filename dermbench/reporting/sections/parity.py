"""Multiclass parity measures of one sensitive feature, with their values expected by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, decimal, p_value
from dermbench.reporting.numbers import Footnotes
from dermbench.reporting.report_sections import FeatureView, for_feature
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.report import ParityMeasure

MEASURES = {
    "pqd": "PQD",
    "nar": "NAR",
    "dpm": "DPM",
    "eom": "EOM",
    "selection_rate_range_max": "selection-rate range, largest",
    "selection_rate_range_mean": "selection-rate range, mean",
    "tpr_range_max": "TPR range, largest",
    "tpr_range_mean": "TPR range, mean",
    "fpr_range_max": "FPR range, largest",
    "fpr_range_mean": "FPR range, mean",
}
"""{measure: title}, in the order of the table."""
RATES = {"selection_rate_range_max": "selection rate", "tpr_range_max": "TPR", "fpr_range_max": "FPR"}
DEFINITIONS = (
    "PQD: smallest over largest accuracy. NAR: accuracy range over mean accuracy. DPM, EOM: smallest over largest "
    "selection rate, and TPR, of the groups, mean over classes. PQD, DPM and EOM are 1, NAR and the ranges 0, "
    "when groups are equal. Ranges: largest minus smallest group rate of a class against the rest, largest and "
    "mean over classes. chance: median when groups make no difference; p on the bad side."
)


@for_feature(50, Topic.PARITY)
def parity_sections(view: FeatureView) -> list[Section]:
    """Return the tables of measures and of ranges by class; only the reason if undefined."""
    title, measures = view.title, view.feature.parity
    if isinstance(measures, Undefined):
        notes = (f"{NONE} {plain(measures.reason, limit=PROSE_LIMIT)}",)
        return [Section(f"Parity by {title}", notes=notes, detail=True)]
    if not measures:
        return []
    order = {name: i for i, name in enumerate(MEASURES)}
    names = sorted(measures, key=lambda name: (order.get(name, len(order)), name))
    marks = Footnotes()
    rows = tuple((_measure_title(name), *_row(measures[name], marks)) for name in names)
    heads = ("value", "chance", "p", "classes left out")
    columns = (Column("measure", left=True), *(Column(head) for head in heads))
    lines = (*((DEFINITIONS,) if view.main else ()), *marks.lines())
    return [Section(f"Parity by {title}", columns, rows, lines, detail=True), *_ranges(title, measures)]


def _measure_title(name: str) -> str:
    return MEASURES.get(name, name.replace("_", " "))


def _row(measure: ParityMeasure, notes: Footnotes) -> tuple[Safe, ...]:
    value = NONE + notes.mark(measure.reason) if measure.value is None else decimal(measure.value)
    chance = NONE if measure.chance is None else decimal(measure.chance)
    p = NONE if measure.p_value is None else p_value(measure.p_value)
    out = f"{len(measure.skipped):,}{notes.mark(_skipped(measure.skipped))}" if measure.skipped else "0"
    return Safe(value), Safe(chance), Safe(p), Safe(out if measure.null else NONE)


def _skipped(names: Sequence[str]) -> str:
    return f"left out: {', '.join(plain(name) for name in names)}"[:PROSE_LIMIT]


def _ranges(title: str, measures: Mapping[str, ParityMeasure]) -> list[Section]:
    vectors = {
        head: ranges for key, head in RATES.items() if key in measures and (ranges := measures[key].per_class)
    }
    if not vectors:
        return []
    names = list(dict.fromkeys(name for vector in vectors.values() for name in vector))
    notes = Footnotes()

    def text(value: float | None) -> Safe:
        left_out = "a group has too few cases of the class, or none outside it"
        return Safe(NONE + notes.mark(left_out) if value is None else decimal(value))

    rows = tuple((plain(name), *(text(vector.get(name)) for vector in vectors.values())) for name in sorted(names))
    columns = (Column("class", left=True, name=True), *(Column(head) for head in vectors))
    note = "Largest minus smallest group rate of each class against the rest."
    return [Section(f"Ranges by class and {title}", columns, rows, (note, *notes.lines()), detail=True)]
