"""Skin type by several annotators: their agreement, and every gap under each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.reporting.names import HEADLINE, metric_title, shown_metrics
from dermbench.reporting.numbers import NONE, Footnotes, cell_text, decimal, short_verdict
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]


def annotator_sections(feature: Mapping[str, Any]) -> list[Section]:
    """Return how the annotators agree, and the band of each metric's gap; none with one annotator."""
    block: Block = feature.get("annotators") or {}
    return [table for table in (_agreement(block), _band(block)) if table is not None]


def _agreement(block: Block) -> Section | None:
    notes = Footnotes()
    rows = []
    for pair in block.get("agreement") or []:
        names = (str(pair["first"]), str(pair["second"]))
        shares = [cell_text(pair.get(key), notes) for key in ("kappa", "exact", "within_one")]
        rows.append((*map(plain, names), Safe(f"{pair['n']:,}"), *shares))
    heads = ("n", "Cohen's κ (95 %)", "same type (95 %)", "within ±1 (95 %)")
    columns = (Column("annotator", left=True), Column("and", left=True), *(Column(head) for head in heads))
    lines = tuple(notes.lines())
    return Section("Agreement of the annotators", columns, tuple(rows), lines, detail=True) if rows else None


def _band(block: Block) -> Section | None:
    bands: dict[str, Block] = block.get("sensitivity_band") or {}
    metrics = shown_metrics(bands)
    if not metrics:
        return None
    names = list(
        dict.fromkeys(name for band in bands.values() for name in _order(band.get("differences") or {}, block))
    )
    notes = Footnotes()
    rows = tuple(_row(metric, bands[metric], names, notes) for metric in metrics)
    heads = [Column(plain(name)) for name in names]
    columns = (
        Column("metric", left=True),
        Column("gaps"),
        *heads,
        Column("same verdict"),
        Column("verdicts", left=True, drop=1),
    )
    legend = (
        "The gap under each annotator's skin types, by column of the truth, and on the images on which all agree."
    )
    lead = sum(metric in HEADLINE for metric in metrics) or None
    return Section("Gap by annotator", columns, rows, (legend, *notes.lines()), lead=lead)


def _order(differences: Mapping[str, Any], block: Block) -> list[str]:
    first = [name for name in block.get("labellings") or [] if name in differences]
    return [*first, *(name for name in differences if name not in first)]


def _row(metric: str, band: Block, names: list[str], notes: Footnotes) -> tuple[str, ...]:
    low, high = band.get("low"), band.get("high")
    if low is None or high is None:
        shown = Safe(NONE + notes.mark("no annotator's skin types give a gap: see the disparities"))
    else:
        shown = Safe(f"{decimal(low)} to {decimal(high)}")
    gaps = [_gap((band.get("differences") or {}).get(name)) for name in names]
    kinds = list(dict.fromkeys(short_verdict(str(v)) for v in (band.get("verdicts") or {}).values() if v))
    same = NONE if not kinds else "yes" if len(kinds) == 1 else "no"
    return metric_title(metric), shown, *gaps, Safe(same), ", ".join(map(plain, kinds)) or NONE


def _gap(value: float | None) -> Safe:
    return Safe(NONE if value is None else decimal(value))
