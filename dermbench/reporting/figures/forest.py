"""Forest plots: each headline metric by subgroup, beside its value on all images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Report
from dermbench.artifacts.skin import UNKNOWN
from dermbench.reporting.features import shown_features
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.marks import segments
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import set_axis, span
from dermbench.reporting.figures.style import COLUMN, SMALL_TEXT, canvas, colour, fitted, panel, text_width, words
from dermbench.reporting.names import (
    SMALL,
    feature_title,
    headline_metrics,
    metric_title,
    sorted_groups,
)
from dermbench.reporting.numbers import MARK, Footnotes, cell_text
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.report import Cell

LINE, ABOVE, HEAD, FOOT = 22.0, 8.0, 6.0, 24.0
"""Height of a row, and space above a feature, above all rows and below them, in pixels."""
LABEL, COUNT, PLOT = 112.0, 150.0, 162.0
"""Right ends of labels and counts, and left end of the plot, in pixels."""
EVERYONE = "all images"
CAPTION = (
    "Dashed line and band: all images, with the 95 % interval. Hollow: fewer than {small} images, or of unknown "
    "value. Intervals that overlap do not show that groups are alike."
)


@dataclass(frozen=True)
class Row:
    """A heading, or a group with its value.

    Attributes
    ----------
    label
        Name of the feature or of the group.
    cell
        The value; None for a heading.
    n
        Number of images behind the value.
    hollow
        Whether the group is too small to compare, or of unknown value.
    whole
        Whether the row is about all images.
    """

    label: str
    cell: Cell | None = None
    n: int = 0
    hollow: bool = False
    whole: bool = False


@figure("forest", Report, order=20)
def draw_forests(report: Report) -> Iterator[Drawing]:
    """Yield a forest plot of each defined headline metric, if there is a sensitive feature."""
    for name in headline_metrics(report.overall, report.first_metrics) if report.features else ():
        overall = report.overall[name]
        if overall.value is not None:
            yield forest(name, overall, rows(report, name))


def forest(name: str, overall: Cell, found: list[Row]) -> Drawing:
    """Return the forest plot of one metric."""
    title, whole = metric_title(name), Row(EVERYONE, overall, overall.n or 0, whole=True)
    return Drawing(
        f"forest-{name.replace('_', '-')}",
        f"{title[:1].upper()}{title[1:]} by subgroup",
        f"{title[:1].upper()}{title[1:]} with 95 % intervals: all images {value_text(overall)}. {_said(found)}",
        CAPTION.format(small=SMALL),
        wide=False,
        draw=lambda: rows_figure([whole, *found], overall),
    )


def rows(report: Report, name: str) -> list[Row]:
    """Return the rows of one metric: each feature that does not repeat another, and its groups."""
    found = []
    for feature in shown_features(report.features):
        groups = report.features[feature].groups
        if any(name in group.cells for group in groups.values()):
            found.append(Row(plain(feature_title(feature))))
        for label in sorted_groups(groups):
            group, cell = groups[label], groups[label].cells.get(name)
            if cell is not None:
                n = group.n if cell.n is None else cell.n
                found.append(Row(plain(label), cell, n, hollow=group.small or n < SMALL or label == UNKNOWN))
    return found


def value_text(cell: Cell) -> str:
    """Return ``.62 [.59, .65]`` without the number of a footnote."""
    return MARK.sub("", cell_text(cell, Footnotes()))


def _said(found: list[Row]) -> str:
    """Return the values by group of the first feature, in words."""
    heads = [place for place, row in enumerate(found) if row.cell is None]
    first = found[heads[0] + 1 : heads[1] if len(heads) > 1 else None] if heads else []
    parts = [f"{row.label} {value_text(row.cell)} (n = {row.n:,})" for row in first if row.cell is not None]
    return f"{found[heads[0]].label}: {', '.join(parts)}." if parts else "No group has a value."


def rows_figure(found: Sequence[Row], overall: Cell | None = None) -> Figure:
    """Draw the rows, and a line and band for the value on all images if it is defined."""
    places, y = [], HEAD
    for row in found:
        y += LINE + (ABOVE if row.cell is None else 0.0)
        places.append((row, y - LINE / 2))
    drawn = canvas(COLUMN, y + FOOT)
    longest = max((value_text(row.cell) for row in found if row.cell is not None), key=len)
    values = COLUMN - text_width(longest) - 5
    axes = panel(drawn, PLOT, HEAD, values - 12 - PLOT, y - HEAD)
    axes.set_ylim(y, HEAD)
    cells = [row.cell for row in found if row.cell is not None]
    low, high = span(end for cell in cells for end in (cell.value, cell.low, cell.high))
    set_axis(axes, low, high, most=4)
    if overall is not None:
        _overall(axes, overall, y)
    for row, place in places:
        bold = row.cell is None or row.whole
        left = 0.0 if bold else 10.0
        room = COLUMN if row.cell is None else LABEL - left
        words(drawn, left, place, fitted(row.label, room, bold=bold), bold=bold)
        if row.cell is not None:
            words(drawn, COUNT, place, f"{row.n:,}", ink="soft", size=SMALL_TEXT, align="right")
            words(drawn, values, place, value_text(row.cell))
    for hollow in (False, True):
        _marks(axes, [(row.cell, y) for row, y in places if row.cell is not None and row.hollow == hollow], hollow)
    return drawn


def _overall(axes: Axes, cell: Cell, bottom: float) -> None:
    if cell.low is not None and cell.high is not None:
        axes.fill_between([cell.low, cell.high], HEAD, bottom, color=colour("mark"), alpha=0.12, linewidth=0)
    if cell.value is not None:
        segments(axes, [(cell.value, HEAD, cell.value, bottom)], "mark", dashes=(4, 3))


def _marks(axes: Axes, found: list[tuple[Cell, float]], hollow: bool) -> None:  # noqa: FBT001 - one of two looks
    """Draw values with their intervals; an undefined one has no mark."""
    ink = "soft" if hollow else "mark"
    segments(
        axes,
        [(c.low, y, c.high, y) for c, y in found if c.low is not None and c.high is not None],
        ink,
        width=1.6,
    )
    known = [(cell.value, y) for cell, y in found if cell.value is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True), "o", color=colour(ink), markersize=8, markeredgewidth=1.6,
            markerfacecolor=colour("paper" if hollow else ink), clip_on=False,
        )  # fmt: skip
