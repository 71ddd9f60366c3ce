"""The first screen: summary, headline metrics, and one line per sensitive feature and headline metric."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import counted
from dermbench.reporting.features import repeated_notes, shown_features
from dermbench.reporting.names import feature_title, headline_metrics, metric_title, shown_metrics
from dermbench.reporting.numbers import Footnotes, cell_interval, cell_value, count
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.sections.disparity import COLUMNS, MAIN, Item, family_note, macro_notes, write_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dermbench.artifacts.report import Feature, Report

SUMMARY, METRICS_TITLE, GAPS = "Summary", "Metrics", "Disparities"
"""Titles of the first sections, which the HTML page lays out separately."""


@for_report(10, Topic.OVERALL)
def summary_section(report: Report) -> list[Section]:
    """Return the sentences of the summary."""
    return [Section(SUMMARY, sentences=tuple(sentence.text for sentence in report.summary))]


@for_report(30, Topic.OVERALL)
def metric_sections(report: Report) -> list[Section]:
    """Return the headline metrics, the gaps in them, and the further metrics."""
    leading = headline_metrics(report.overall, report.first_metrics)
    further = [name for name in shown_metrics(report.overall) if name not in leading]
    equal = ("micro-F1 equals accuracy: each image has one true and one predicted class.",)
    said = equal if {"accuracy", "micro_f1"} <= report.overall.keys() else ()
    gaps = gap_section(report)
    return [
        _values(METRICS_TITLE, report, leading),
        *([] if gaps is None else [gaps]),
        replace(_values("Further metrics", report, further, said), detail=True),
    ]


def gap_items(report: Report) -> dict[str, list[Item]]:
    """Return {feature: disparities in headline metrics}, except for features that repeat an earlier one."""
    features = report.features
    found = {}
    for name in shown_features(features):
        rows = features[name].disparities
        items = [Item(metric, rows[metric]) for metric in headline_metrics(rows, report.first_metrics)]
        if items:
            found[name] = items
    return found


def gap_section(report: Report) -> Section | None:
    """Return one line per sensitive feature and headline metric: gap, limits, chance, p and verdict."""
    notes, features = Footnotes(), report.features
    found = gap_items(report)
    rows = [
        (feature_title(name) + sizes(features[name]), item.title(), *write_row(item, MAIN, notes))
        for name, items in found.items()
        for item in items
    ]
    columns = (
        Column("feature", left=True, heading=True),
        Column("metric", left=True),
        *(COLUMNS[part] for part in MAIN),
    )
    lines = [*family_note(report), *repeated_notes(features)]
    for name, items in found.items():
        lines += [f"{feature_title(name)}, {note}" for note in macro_notes(items, len(report.classes))]
    return Section(GAPS, columns, tuple(rows), (*lines, *notes.lines())) if rows else None


def _values(title: str, report: Report, metrics: Iterable[str], said: tuple[str, ...] = ()) -> Section:
    notes = Footnotes()
    rows = []
    for name in metrics:
        cell = report.overall[name]
        shown = count(report.n if cell.n is None else cell.n)
        rows.append((metric_title(name), cell_value(cell, notes), cell_interval(cell, notes), shown))
    columns = (Column("metric", left=True), Column("value"), Column("95 % interval"), Column("n"))
    return Section(title, columns, tuple(rows), (*said, *notes.lines()))


def sizes(feature: Feature) -> str:
    """Return `` (6 groups, n = 1,199)``: the number of compared groups and of their images."""
    groups = [group.n for name, group in feature.groups.items() if name != UNKNOWN]
    return f" ({counted(len(groups), 'group')}, n = {sum(groups):,})" if groups else ""
