"""Sensitivity and specificity by subgroup at thresholds other than the predicted class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Report
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import decimal
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.forest import EVERYONE, Row, rows_figure, value_text
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.names import SMALL, sorted_groups
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dermbench.artifacts.report import Cell, OperatingPoint


@figure("operating", Report, order=25)
def draw_operating(report: Report) -> Iterator[Drawing]:
    """Yield sensitivity and specificity by group at each threshold, except for the predicted class."""
    points = [point for point in report.operating_points if point.rule != "argmax"]
    for name in ("sensitivity", "specificity") if points else ():
        rows = [row for point in points for row in _rows(point, name)]
        if any(row.cell is not None and row.cell.value is not None for row in rows):
            yield _drawing(name, rows)


def _drawing(name: str, rows: Sequence[Row]) -> Drawing:
    said = "; ".join(
        row.label if row.cell is None else f"{row.label} {value_text(row.cell)} (n = {row.n:,})" for row in rows
    )
    return Drawing(
        f"operating-{name}",
        f"{name.capitalize()} by subgroup at stated thresholds",
        f"{name.capitalize()} with 95 % intervals at each threshold: {said}.",
        f"One block a threshold. Hollow: fewer than {SMALL} images, or of unknown value.",
        wide=False,
        draw=lambda: rows_figure(rows),
    )


def _rows(point: OperatingPoint, name: str) -> Iterator[Row]:
    """Yield the heading of a threshold, all images, then the groups."""
    fitted = None if point.fitted_on is None else point.threshold
    at = "" if fitted is None else f", at {decimal(fitted, digits=3)}"
    yield Row(f"{plain(point.name)}{at}")
    parts = [(EVERYONE, point.overall), *((group, point.groups[group]) for group in sorted_groups(point.groups))]
    for group, part in parts:
        cell: Cell = part.sensitivity if name == "sensitivity" else part.specificity
        n = cell.n or 0
        whole = part is point.overall
        yield Row(plain(group), cell, n, hollow=not whole and (n < SMALL or group == UNKNOWN), whole=whole)
