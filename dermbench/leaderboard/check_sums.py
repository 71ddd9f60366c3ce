"""Check that the counts in a report add up: confusion table, classes and groups describe the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.records import DIGITS
from dermbench.leaderboard.ranking import GAP_METRIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.artifacts.report import Feature, Report


def check_sums(report: Report) -> str | None:
    """Return where a report contradicts its own confusion table; None if it does not."""
    return next(_misfits(report), None)


def _misfits(report: Report) -> Iterator[str]:
    rows = [sum(row) for row in report.confusion.matrix]
    if report.confusion.labels != report.classes or any(n < 0 for row in report.confusion.matrix for n in row):
        yield "its confusion table is not one of its classes"
        return
    if sum(rows) != report.n:
        yield f"n is {report.n:,}, its confusion table is of {sum(rows):,} images"
    for name, count in zip(report.classes, rows, strict=True):
        row = report.per_class.get(name)
        if row is None or row.support != count:
            support = "missing" if row is None else f"{row.support:,}"
            yield f"per_class.{name}.support is {support}, its confusion table has {count:,}"
    right = sum(report.confusion.matrix[i][i] for i in range(len(rows)))
    for name, feature in report.features.items():
        yield from _groups(f"features.{name}", feature, report.n, right)


def _groups(where: str, feature: Feature, n: int, right: int) -> Iterator[str]:
    """Compare the sums over groups, including the group of unknown values, with all images."""
    total = sum(group.n for group in feature.groups.values())
    if total != n:
        yield f"{where}.groups have {total:,} images together, the report {n:,}"
        return
    cells = [(group.n, group.cells.get(GAP_METRIC)) for group in feature.groups.values()]
    if any(cell is None or (cell.value is None and size) for size, cell in cells):
        return
    hits = sum(size * (cell.value or 0.0) for size, cell in cells if cell is not None)
    if abs(hits - right) > n * 10.0**-DIGITS:  # what rounding each value leaves
        yield (
            f"{where}.groups have {hits:,.6g} images classified rightly (n x {GAP_METRIC}, added up), "
            f"the confusion table {right:,}"
        )
