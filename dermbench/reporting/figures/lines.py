"""Line plots of several groups, distinguished by dash, marker and colour, with their names beside the plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dermbench.reporting.figures.scale import tick_text
from dermbench.reporting.figures.style import (
    CATEGORIES,
    COLUMN,
    SMALL_TEXT,
    canvas,
    colour,
    fitted,
    panel,
    sheet,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (7, 3),
    (2, 2),
    (9, 2, 2, 2),
    (12, 4),
    (4, 4),
    (1, 3),
    (9, 2, 2, 2, 2, 2),
)
MARKERS = "os^Dv<>P"
MOST_LINES = len(CATEGORIES)
"""Maximum number of groups in one plot."""
PLOT = (44.0, 10.0, 246.0, 246.0)
"""Left, top, width and height of the plot, in pixels; the names are to its right."""
NAMES, ROW = 306.0, 34.0
"""Left end of the names, and height of one name, in pixels."""


@dataclass(frozen=True)
class Line:
    """The line of all images or of one group.

    Attributes
    ----------
    name
        Name of the group.
    note
        A second line below the name, such as the number of images or the area.
    points
        x and y of each point.
    """

    name: str
    note: str
    points: tuple[tuple[float, float], ...]


def ink_of(place: int) -> str:
    """Return the colour of the palette of a line: all images come first, in ink."""
    return "ink" if place == 0 else CATEGORIES[(place - 1) % len(CATEGORIES)]


def line_figure(lines: Sequence[Line], *, across: str, up: str, top: float, diagonal: bool = False) -> Figure:
    """Draw lines from 0 to 1 across and from 0 to ``top`` up; the first, of all images, is thick.

    Parameters
    ----------
    lines
        All images, then the groups.
    across, up
        Titles of the axes.
    top
        Upper end of the vertical axis.
    diagonal
        Whether to draw the diagonal.
    """
    left, above, width, height = PLOT
    drawn = canvas(COLUMN, max(above + height + 44, above + ROW * len(lines)))
    axes = square(drawn, PLOT, top=top)
    if diagonal:
        axes.plot([0, 1], [0, top], color=colour("soft"), linewidth=0.8)
    for place, line in enumerate(lines):
        draw_line(axes, line, place)
    words(drawn, left + width / 2, above + height + 36, across, align="center")
    paper = sheet(drawn)
    paper.text(8, above + height / 2, up, rotation=90, ha="center", va="center", color=colour("ink"))
    name_lines(drawn, paper, lines)
    return drawn


def name_lines(drawn: Figure, paper: Axes, lines: Sequence[Line], *, first: int = 0) -> None:
    """Write the name and the note of each line to the right of the plot, with a sample of the line."""
    for place, line in enumerate(lines, start=first):
        y = PLOT[1] + 8 + ROW * (place - first)
        _sample(paper, place, y)
        words(drawn, NAMES + 34, y, fitted(line.name, COLUMN - NAMES - 34, bold=place == 0), bold=place == 0)
        words(
            drawn,
            NAMES + 34,
            y + 14,
            fitted(line.note, COLUMN - NAMES - 34, size=SMALL_TEXT),
            ink="soft",
            size=SMALL_TEXT,
        )


def square(drawn: Figure, place: tuple[float, float, float, float], *, top: float) -> Axes:
    """Return axes from 0 to 1 across and to ``top`` upwards, with a grid."""
    axes = panel(drawn, *place)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, top)
    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    axes.set_xticks(shares, [tick_text(share, 2) for share in shares])
    axes.set_yticks([share * top for share in shares], [tick_text(share * top, 2) for share in shares])
    axes.tick_params(left=True, labelleft=True)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(colour("soft"))
    axes.grid(color=colour("faint"), linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def draw_line(axes: Axes, line: Line, place: int) -> None:
    """Draw a line with the colour, dashes and markers of its place; place 0 is all images."""
    if not line.points:
        return
    x, y = zip(*line.points, strict=True)
    every = max(1, len(x) // 6)
    axes.plot(
        x, y, color=colour(ink_of(place)), linewidth=2.4 if place == 0 else 1.6, clip_on=False,
        **_look(place, alone=len(x) == 1), markevery=(every // 2 + place % every, every) if len(x) > 6 else None,
    )  # fmt: skip


def _look(place: int, *, alone: bool = False) -> dict[str, Any]:
    if place == 0:
        return {"marker": "o", "markersize": 7} if alone else {}  # a single point is no line
    dashes = DASHES[(place - 1) % len(DASHES)]
    return {"marker": MARKERS[(place - 1) % len(MARKERS)], "markersize": 5} | (
        {"dashes": dashes} if dashes else {}
    )


def _sample(paper: Axes, place: int, y: float) -> None:
    ends = (NAMES, NAMES + 14, NAMES + 28)
    width = 2.4 if place == 0 else 1.6
    paper.plot(ends, [y] * 3, color=colour(ink_of(place)), linewidth=width, **_look(place), markevery=[1])
