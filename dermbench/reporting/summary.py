"""The first screen: headline metrics, and one line a sensitive feature and headline metric."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.skin import UNKNOWN
from dermbench.reporting.disparity import COLUMNS, MAIN, Item, remarks, write_row
from dermbench.reporting.groups import twin_note, twins
from dermbench.reporting.names import HEADLINE, feature_title, metric_title, shown_metrics, sorted_features
from dermbench.reporting.numbers import Footnotes, cell_interval, cell_value
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dermbench.artifacts.report import Report


def headline_metrics(names: Iterable[str]) -> list[str]:
    """Return the metrics of the summary: the four that every task has, of others the first four."""
    shown = shown_metrics(names)
    return [name for name in shown if name in HEADLINE] or shown[: len(HEADLINE)]


def summary_sections(report: Report) -> list[Section]:
    """Return the headline metrics, the gaps in them, and the further metrics."""
    leading = headline_metrics(report.overall)
    further = [name for name in shown_metrics(report.overall) if name not in leading]
    equal = ("micro-F1 equals accuracy: each image has one true and one predicted class.",)
    said = equal if {"accuracy", "micro_f1"} <= report.overall.keys() else ()
    gaps = gap_section(report.features)
    return [
        _values("Summary", report, leading),
        *([] if gaps is None else [gaps]),
        replace(_values("Further metrics", report, further, said), detail=True),
    ]


def gap_items(features: Mapping[str, Any]) -> dict[str, list[Item]]:
    """Return {feature: disparities in headline metrics}, without features that repeat an earlier one."""
    same = twins(features)
    found = {}
    for name in sorted_features(features):
        blocks = features[name].get("disparities") or {}
        items = [Item(metric, blocks[metric], features[name]) for metric in headline_metrics(blocks)]
        if items and name not in same:
            found[name] = items
    return found


def gap_section(features: Mapping[str, Any]) -> Section | None:
    """Return one line a sensitive feature and headline metric: gap, what chance alone gives, p, verdict."""
    notes = Footnotes()
    found = gap_items(features)
    rows = [
        (feature_title(name) + sizes(features[name]), metric_title(item.metric), *write_row(item, MAIN, notes))
        for name, items in found.items()
        for item in items
    ]
    columns = (
        Column("feature", left=True, heading=True),
        Column("metric", left=True),
        *(COLUMNS[p] for p in MAIN),
    )
    lines = [twin_note(name, first) for name, first in twins(features).items()]
    for name, items in found.items():
        if said := remarks(items):
            lines.append(f"{feature_title(name)}: {'; '.join(said)}.")
    return Section("Disparities", columns, tuple(rows), (*lines, *notes.lines())) if rows else None


def _values(title: str, report: Report, metrics: Iterable[str], said: tuple[str, ...] = ()) -> Section:
    notes = Footnotes()
    rows = []
    for name in metrics:
        cell = report.overall[name]
        n = Safe(f"{cell.get('n') or report.n:,}")
        rows.append((metric_title(name), cell_value(cell, notes), cell_interval(cell, notes), n))
    columns = (Column("metric", left=True), Column("value"), Column("95 % interval"), Column("n"))
    return Section(title, columns, tuple(rows), (*said, *notes.lines()))


def sizes(feature: Mapping[str, Any]) -> str:
    """Return `` (6 groups, n = 1,199)``: the groups that are compared and their images."""
    groups = {k: g.get("n") for k, g in (feature.get("groups") or {}).items() if k != UNKNOWN}
    if not groups or None in groups.values():
        return ""
    total = sum(n for n in groups.values() if n is not None)
    return f" ({len(groups)} group{'s' * (len(groups) != 1)}, n = {total:,})"
