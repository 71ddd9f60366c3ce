"""A report as tables: overall, per class, confusions, one table a sensitive feature, disparities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.artifacts.skin import UNKNOWN
from dermbench.reporting.disparity import disparity_section
from dermbench.reporting.names import (
    SMALL,
    SPARSE,
    feature_title,
    metric_title,
    sorted_features,
    sorted_groups,
    sorted_metrics,
)
from dermbench.reporting.numbers import (
    NONE,
    Footnotes,
    cell_interval,
    cell_text,
    cell_value,
    decimal,
    is_cell,
)
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report

WIDEST_MATRIX = 12
"""Number of classes up to which the whole confusion matrix is shown."""
CONFUSIONS = 10
"""Number of confusions that are listed otherwise."""
GROUP_METRICS = 4
"""Metrics side by side in a table of groups."""
DAGGER = "†"


def sections(report: Report) -> list[Section]:
    """Return every table of a report, in reading order."""
    tables = [overall_section(report), per_class_section(report), confusion_section(report)]
    for i, name in enumerate(sorted_features(report.features)):
        title = feature_title(name)
        tables += group_sections(title, report.features[name])
        tables.append(disparity_section(title, report.features[name], explain=i == 0))
    return [table for table in tables if table is not None and table.rows]


def overall_section(report: Report) -> Section:
    """Return one row a metric: value, interval, n."""
    notes = Footnotes()
    rows = []
    for name in sorted_metrics(report.overall):
        cell = report.overall[name]
        n = Safe(f"{cell.get('n') or report.n:,}")
        rows.append((metric_title(name), cell_value(cell, notes), cell_interval(cell, notes), n))
    columns = (Column("metric", left=True), Column("value"), Column("95 % interval"), Column("n"))
    return Section("Overall", columns, tuple(rows), tuple(notes.lines()))


def per_class_section(report: Report) -> Section:
    """Return one row a class: support, precision, recall, F1 with intervals."""
    notes = Footnotes()
    rows = []
    for name in [c for c in report.classes if c in report.per_class]:
        block = report.per_class[name]
        support = int(block.get("support", 0))
        scores = [cell_text(block.get(score), notes) for score in ("precision", "recall", "f1")]
        mark = DAGGER if support < SPARSE else ""
        rows.append((plain(name) + mark, Safe(f"{support:,}"), *scores))
    marked = any(row[0].endswith(DAGGER) for row in rows)
    legend = (f"{DAGGER} fewer than {SPARSE} true cases.",) if marked else ()
    columns = ("class", "support", "precision (95 %)", "recall (95 %)", "F1 (95 %)")
    return Section("Per class", _columns(columns), tuple(rows), (*legend, *notes.lines()))


def confusion_section(report: Report) -> Section | None:
    """Return the confusion matrix, or the most frequent confusions when there are many classes."""
    labels, matrix = report.confusion.get("labels") or [], report.confusion.get("matrix") or []
    if not labels:
        return None
    if len(labels) > WIDEST_MATRIX:
        return _most_confused(labels, matrix)
    heads = [plain(name) for name in labels]
    numbered = max(map(len, heads)) > 6
    rows = tuple(
        (f"{i}: {head}" if numbered else head, *(Safe(f"{count:,}" if count else "·") for count in line))
        for i, (head, line) in enumerate(zip(heads, matrix, strict=True), start=1)
    )
    columns = [str(i) for i in range(1, len(heads) + 1)] if numbered else heads
    legend = "rows: true class; columns: predicted class" + (", by number." if numbered else ".")
    return Section("Confusion matrix", _columns(("true", *columns)), rows, (legend,))


def _most_confused(labels: list[str], matrix: list[list[int]]) -> Section:
    pairs = [
        (count, i, j) for i, line in enumerate(matrix) for j, count in enumerate(line) if i != j and count > 0
    ]
    rows = tuple(
        (plain(labels[i]), plain(labels[j]), Safe(f"{count:,}"), Safe(f"{decimal(count / sum(matrix[i]))}"))
        for count, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))[:CONFUSIONS]
    )
    columns = (Column("true", left=True), Column("predicted as", left=True), Column("n"), Column("of the class"))
    total = f"The {len(rows)} most frequent of {len(pairs):,} confusions; the whole matrix is in report.json."
    return Section("Most frequent confusions", columns, rows, (total,))


def group_sections(title: str, feature: dict[str, Any]) -> list[Section]:
    """Return the tables of one feature: a row a group, at most four metrics side by side."""
    groups = feature.get("groups") or {}
    names = {name for block in groups.values() for name, item in block.items() if is_cell(item)}
    # micro-F1 is accuracy once more: it stays in the overall table and in report.json
    metrics = sorted_metrics(names - {"micro_f1"} if "accuracy" in names else names)
    parts = [metrics[i : i + GROUP_METRICS] for i in range(0, len(metrics), GROUP_METRICS)]
    return [_group_section(title, groups, part, more=i > 0) for i, part in enumerate(parts)]


def _group_section(title: str, groups: dict[str, Any], metrics: list[str], *, more: bool) -> Section:
    notes = Footnotes()
    rows: list[tuple[str, ...]] = []
    legend: list[str] = []
    for name in sorted_groups(groups):
        block = groups[name]
        n = block.get("n")
        small = bool(block.get("small", n is not None and n < SMALL))
        cells = [cell_text(block.get(metric), notes) for metric in metrics]
        rows.append((plain(name) + DAGGER * small, Safe(NONE if n is None else f"{n:,}"), *cells))
        if small and not legend:
            legend.append(f"{DAGGER} fewer than {SMALL} images: too few to compare.")
    if UNKNOWN in groups:
        legend.append("unknown: no value known; counted overall, never in a gap.")
    columns = ("group", "n", *(f"{metric_title(metric)} (95 %)" for metric in metrics))
    heading = f"By {title}" + (", further metrics" if more else "")
    return Section(heading, _columns(columns), tuple(rows), (*legend, *notes.lines()), detail=more)


def _columns(titles: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(title, left=i == 0) for i, title in enumerate(titles))
