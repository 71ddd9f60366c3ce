"""The confusion matrix by rows, with classes that are often confused next to each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from dermbench.artifacts.report import Report
from dermbench.artifacts.wording import counted
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.marks import boxes, outlined
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.style import (
    COLUMN,
    PAGE,
    RAMP,
    SMALL_TEXT,
    TEXT,
    canvas,
    colour,
    fitted,
    on_ramp,
    sheet,
    words,
)
from dermbench.reporting.figures.unanswered import drawn_as_wrong
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from dermbench.artifacts.report import Confusion

FEW, NARROW, LARGEST = 3, 8, 40.0
"""Maximum number of classes with horizontal names and in a narrow figure, and the largest side of a cell."""
LABEL, WIDE_LABEL, TITLE = 118.0, 190.0, 22.0
"""Space for names beside the cells in a narrow and in a wide figure, and for the title of an axis."""
OPTIMAL, MOST_CLASSES = 150, 400
"""Maximum number of classes that are ordered optimally within the tree, and that are drawn."""
NAMED = 3
"""Number of confusions named in the alternative text."""
DIGIT = 0.64
"""Width of a digit relative to the text size."""


@figure("confusion", Report, order=40)
def draw_confusion(report: Report) -> Iterator[Drawing]:
    """Yield the confusion matrix if there are at least two classes."""
    size = len(report.confusion.labels)
    if not 2 <= size <= MOST_CLASSES or not any(map(any, report.confusion.matrix)):
        return
    table, absent = report.confusion, drawn_as_wrong(report)
    yield Drawing(
        "confusion",
        "Confusion matrix",
        f"Confusion matrix of {counted(size, 'class')}, rows true, columns predicted. {_said(table)}{absent}",
        "The stronger the tint, the larger the share of the images of a true class (row). Classes taken for each "
        f"other stand together; framed: right answers.{absent}{_named(size)}",
        wide=size > NARROW,
        draw=lambda: _draw(table),
    )


def shares(matrix: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return each row divided by its sum, shape (n_classes, n_classes); a row without images is 0."""
    counts = np.asarray(matrix, dtype=np.float64)
    sums = counts.sum(axis=1, keepdims=True)
    found: NDArray[np.float64] = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    return found


def seriation(matrix: Sequence[Sequence[int]]) -> list[int]:
    """Return an order of the classes that puts often confused classes next to each other.

    Average linkage of 1 - the mean of both shares of confusion; the leaves in the order with the smallest sum of
    distances between neighbours (Bar-Joseph et al. 2001, Bioinformatics 17), of both directions the one
    that is nearer to the order of the class set.

    Parameters
    ----------
    matrix
        Counts, rows true classes.
    """
    found = shares(matrix)
    if len(found) < 3:
        return list(range(len(found)))
    away = np.round(1 - (found + found.T) / 2, 9)
    np.fill_diagonal(away, 0.0)
    tree = linkage(squareform(away, checks=False), method="average", optimal_ordering=len(found) <= OPTIMAL)
    order = [int(leaf) for leaf in leaves_list(tree)]
    places = np.arange(len(order))
    turned = order[::-1]
    return turned if np.dot(turned, places) > np.dot(order, places) else order


def cell_side(size: int) -> float:
    """Return the side of a cell in pixels."""
    label, page = (LABEL, COLUMN) if size <= NARROW else (WIDE_LABEL, PAGE)
    return min((page - label - TITLE - 2) / size, LARGEST if size > FEW else 80.0)


def name_step(size: int) -> int:
    """Return 1 if every class has space for its name, 2 if every second has, and so on."""
    return math.ceil(11.0 / cell_side(size))


def _named(size: int) -> str:
    step = name_step(size)
    return (
        ""
        if step == 1
        else f" Names: every {'second' if step == 2 else 'third' if step == 3 else f'{step}th'} class."
    )


def _said(table: Confusion) -> str:
    """Return the largest confusions by number of images, in words."""
    pairs = [
        (count, i, j) for i, row in enumerate(table.matrix) for j, count in enumerate(row) if i != j and count
    ]
    if not pairs:
        return "No image is taken for another class."
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    names = [plain(name, limit=60) for name in table.labels]
    named = [f"{names[i]} as {names[j]} ({count:,} of {sum(table.matrix[i]):,})" for count, i, j in pairs[:NAMED]]
    return f"Most often: {', '.join(named)}."


def _draw(table: Confusion) -> Figure:
    order, size = seriation(table.matrix), len(table.labels)
    label = LABEL if size <= NARROW else WIDE_LABEL
    cell = cell_side(size)
    left, top = TITLE + label, TITLE + (label * 0.8 if size > FEW else TITLE)
    drawn = canvas(max(left + cell * size + 2, 300.0), top + cell * size + 2)
    axes = sheet(drawn)
    words(drawn, left, TITLE / 2, "predicted class", ink="soft")
    axes.text(TITLE / 2, top, "true class", rotation=90, size=TEXT, color=colour("soft"), ha="center", va="top")
    _names(axes, table, order, (left, top, cell), label)
    _cells(axes, drawn, table, order, (left, top, cell))
    return drawn


def _names(
    axes: Axes, table: Confusion, order: Sequence[int], frame: tuple[float, float, float], label: float
) -> None:
    """Write the names of the classes, or of every second or third if there is no space for all."""
    left, top, cell = frame
    step = name_step(len(order))
    size = min(SMALL_TEXT, max(9.0, cell * step * 0.8))
    for place in range(0, len(order), step):
        middle = (place + 0.5) * cell
        text = table.labels[order[place]]
        row = fitted(text, label - 8, size=size)
        axes.text(left - 6, top + middle, row, size=size, color=colour("ink"), ha="right", va="center_baseline")
        if len(order) <= FEW:
            axes.text(left + middle, top - 10, fitted(text, cell - 4), ha="center", va="center_baseline")
            continue
        column = fitted(text, label * 0.8 - 8, size=size)
        axes.text(
            left + middle, top - 6, column, size=size, color=colour("ink"), ha="center", va="bottom", rotation=90
        )


def _cells(
    axes: Axes, drawn: Figure, table: Confusion, order: Sequence[int], frame: tuple[float, float, float]
) -> None:
    """Tint the cells, and write the counts if all of them have space."""
    left, top, cell = frame
    found, gap = shares(table.matrix), 0.5 if cell > 6 else 0.0
    tinted: dict[str, list[tuple[float, float, float, float]]] = {}
    longest = max(len(f"{count:,}") for row in table.matrix for count in row)
    size = min(SMALL_TEXT, (cell - 3) / (DIGIT * longest))
    for y, i in enumerate(order):
        for x, j in enumerate(order):
            count = table.matrix[i][j]
            if not count:
                continue
            step = min(int(found[i, j] * len(RAMP)), len(RAMP) - 1)
            box = (left + x * cell + gap, top + y * cell + gap, cell - 2 * gap, cell - 2 * gap)
            tinted.setdefault(RAMP[step], []).append(box)
            if size >= 9:
                middle = (box[0] + box[2] / 2, box[1] + box[3] / 2)
                words(drawn, *middle, f"{count:,}", ink=on_ramp(step), size=size, align="center")
    for tint, places in tinted.items():
        boxes(axes, places, tint)
    right = [(left + place * cell, top + place * cell, cell, cell) for place in range(len(order))]
    outlined(axes, [*right, (left, top, cell * len(order), cell * len(order))], "soft", width=0.8)
