"""The tables of classes: scores and confusions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import decimal
from dermbench.reporting.names import SPARSE
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Report

WIDEST_MATRIX = 12
"""Maximum number of classes for which the whole confusion matrix is shown."""
CONFUSIONS = 10
"""Number of confusions that are listed instead, for more classes."""
SCREEN = 30
"""Maximum number of classes for which the terminal shows the table without ``--full``."""
DAGGER = "†"


@for_report(80, Topic.CLASSES)
def per_class_section(report: Report) -> list[Section]:
    """Return one row per class: support, and precision, recall and F1 with intervals."""
    notes = Footnotes(merge=True)
    rows = []
    for name in [c for c in report.classes if c in report.per_class]:
        row = report.per_class[name]
        scores = [cell_text(cell, notes) for cell in (row.precision, row.recall, row.f1)]
        mark = DAGGER if row.support < SPARSE else ""
        rows.append((plain(name) + mark, Safe(f"{row.support:,}"), *scores))
    marked = any(row[0].endswith(DAGGER) for row in rows)
    legend = (f"{DAGGER} fewer than {SPARSE} true cases.",) if marked else ()
    columns = ("class", "support", "precision (95 %)", "recall (95 %)", "F1 (95 %)")
    long = len(rows) > SCREEN
    return [Section("Per class", _columns(columns), tuple(rows), (*legend, *notes.lines()), detail=long)]


@for_report(90, Topic.CLASSES)
def confusion_section(report: Report) -> list[Section]:
    """Return the confusion matrix, or with many classes the most frequent confusions."""
    labels, matrix = report.confusion.labels, report.confusion.matrix
    if not labels:
        return []
    if len(labels) > WIDEST_MATRIX:
        return [_most_confused(labels, matrix)]
    heads = [plain(name) for name in labels]
    numbered = max(map(len, heads)) > 6
    rows = tuple(
        (f"{i}: {head}" if numbered else head, *(Safe(f"{count:,}" if count else "·") for count in line))
        for i, (head, line) in enumerate(zip(heads, matrix, strict=True), start=1)
    )
    columns = [str(i) for i in range(1, len(heads) + 1)] if numbered else heads
    legend = "rows: true class; columns: predicted class" + (", by number." if numbered else ".")
    return [Section("Confusion matrix", _columns(("true", *columns)), rows, (legend,), detail=True)]


def _most_confused(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> Section:
    pairs = [
        (count, i, j) for i, line in enumerate(matrix) for j, count in enumerate(line) if i != j and count > 0
    ]
    rows = tuple(
        (plain(labels[i]), plain(labels[j]), Safe(f"{count:,}"), Safe(f"{decimal(count / sum(matrix[i]))}"))
        for count, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))[:CONFUSIONS]
    )
    columns = (Column("true", left=True), Column("predicted as", left=True), Column("n"), Column("of the class"))
    total = f"The {len(rows)} most frequent of {len(pairs):,} confusions; the whole matrix is in report.json."
    return Section("Most frequent confusions", columns, rows, (total,), detail=True)


def _columns(titles: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(title, left=i == 0, name=i == 0) for i, title in enumerate(titles))
