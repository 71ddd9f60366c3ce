"""Rectangles and straight lines as few paths, in the units of their axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dermbench.reporting.figures.style import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    Box = tuple[float, float, float, float]
    Segment = tuple[float, float, float, float]
    Dashes = tuple[float, ...]


def boxes(axes: Axes, places: Sequence[Box], ink: str) -> None:
    """Fill rectangles with one colour of the palette, as one path.

    Parameters
    ----------
    axes
        Axes to draw on.
    places
        Left, top, width and height of each, in the units of the axes.
    ink
        Colour of the palette.
    """
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - slow to import
    from matplotlib.path import Path  # noqa: PLC0415 - slow to import

    if not places:
        return
    corners = [
        point
        for x, y, width, height in places
        for point in ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    ]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(places)
    axes.add_artist(PathPatch(Path(corners, codes), facecolor=colour(ink), linewidth=0))  # sets no limits: faster


def hatched(axes: Axes, places: Sequence[Box], ink: str, *, step: float = 6.0) -> None:
    """Draw slanted lines across rectangles, as one path; ``step`` is the distance between two lines."""
    ends = []
    for x, y, width, height in places:
        for k in range(1, math.ceil((width + height) / step)):
            start, end = max(0.0, k * step - height), min(k * step, width)
            ends.append((x + start, y + k * step - start, x + end, y + k * step - end))
    segments(axes, ends, ink)


def segments(axes: Axes, ends: Sequence[Segment], ink: str, *, width: float = 1.0, dashes: Dashes = ()) -> None:
    """Draw straight lines, each from x and y to x and y, as one path."""
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - slow to import
    from matplotlib.path import Path  # noqa: PLC0415 - slow to import

    if not ends:
        return
    points = [point for x, y, until, down in ends for point in ((x, y), (until, down))]
    path = Path(points, [Path.MOVETO, Path.LINETO] * len(ends))
    style = (0, dashes) if dashes else "solid"
    axes.add_artist(
        PathPatch(path, fill=False, edgecolor=colour(ink), linewidth=width, linestyle=style, clip_on=False)
    )


def outlined(axes: Axes, places: Sequence[Box], ink: str, *, width: float = 2.5) -> None:
    """Draw the outlines of rectangles, as one path."""
    ends = []
    for x, y, wide, high in places:
        left, right, over = x - width / 2, x + wide + width / 2, width / 2
        ends += [(left, y, right, y), (left, y + high, right, y + high)]
        ends += [(x, y + over, x, y + high - over), (x + wide, y + over, x + wide, y + high - over)]
    segments(axes, ends, ink, width=width)
