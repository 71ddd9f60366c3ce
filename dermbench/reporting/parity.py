"""Multiclass parity measures of one sensitive feature, beside what chance alone gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.reporting.numbers import NONE, Footnotes, cell_value, decimal, interval, p_value
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]

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
"""Title of each measure, in the order of the table."""
RATES = {"selection_rate_range_max": "selection rate", "tpr_range_max": "TPR", "fpr_range_max": "FPR"}
DEFINITIONS = (
    "PQD: smallest over largest accuracy. NAR: accuracy range over mean accuracy. DPM, EOM: smallest over largest "
    "selection rate, and TPR, of the groups, mean over classes. PQD, DPM and EOM are 1, NAR and the ranges 0, "
    "when groups are equal. Ranges: largest minus smallest group rate of a class against the rest, largest and "
    "mean over classes. chance alone: median [5th, 95th percentile] when groups make no difference; p on the bad "
    "side."
)


def parity_sections(title: str, feature: Mapping[str, Any], *, explain: bool = True) -> list[Section]:
    """Return the table of measures and that of each class's ranges; none where the report has no parity."""
    block: dict[str, Block] = feature.get("parity") or {}
    if not block:
        return []
    notes = Footnotes()
    order = {name: i for i, name in enumerate(MEASURES)}
    rows = []
    for name in sorted(block, key=lambda name: (order.get(name, len(order)), name)):
        measure = block[name]
        skipped = measure.get("skipped") or []
        left_out = Safe(f"{len(skipped):,}{notes.mark(_skipped(skipped))}" if skipped else "0")
        value = cell_value(measure, notes)
        p = measure.get("p_value")
        row = (value, _chance(measure), Safe(NONE if p is None else p_value(p)))
        rows.append(
            (MEASURES.get(name, name.replace("_", " ")), *row, left_out if measure.get("null") else Safe(NONE))
        )
    heads = ("value", "chance alone", "p", "classes left out")
    columns = (Column("measure", left=True), *(Column(head) for head in heads))
    lines = (*((DEFINITIONS,) if explain else ()), *notes.lines())
    tables = [Section(f"Parity by {title}", columns, tuple(rows), lines, detail=True), _ranges(title, block)]
    return [table for table in tables if table is not None]


def _skipped(names: list[str]) -> str:
    return f"left out: {', '.join(plain(name) for name in names)}"[:PROSE_LIMIT]


def _chance(measure: Block) -> Safe:
    if measure.get("null_median") is None:
        return Safe(NONE)
    ends = interval(measure.get("null_q05"), measure.get("null_q95"))
    return Safe(decimal(measure["null_median"]) + ("" if ends == NONE else f" {ends}"))


def _ranges(title: str, block: Mapping[str, Block]) -> Section | None:
    vectors = {
        head: block[name]["per_class"] for name, head in RATES.items() if (block.get(name) or {}).get("per_class")
    }
    if not vectors:
        return None
    names = list(dict.fromkeys(name for vector in vectors.values() for name in vector))
    notes = Footnotes()

    def text(value: float | None) -> Safe:
        left_out = "a group has too few cases of the class, or none outside it"
        return Safe(NONE + notes.mark(left_out) if value is None else decimal(value))

    rows = tuple((plain(name), *(text(vector.get(name)) for vector in vectors.values())) for name in sorted(names))
    columns = (Column("class", left=True), *(Column(head) for head in vectors))
    note = "Largest minus smallest group rate of each class against the rest."
    return Section(f"Ranges by class and {title}", columns, rows, (note, *notes.lines()), detail=True)
