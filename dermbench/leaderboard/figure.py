"""The figure of a board: score, rank band and gap of each entry in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity
from dermbench.artifacts.wording import decimal, enumerated
from dermbench.leaderboard.ranking import primary_feature
from dermbench.reporting.figures import Drawing
from dermbench.reporting.figures.marks import segments
from dermbench.reporting.figures.scale import set_axis, span, ticks
from dermbench.reporting.figures.style import PAGE, canvas, colour, fitted_apart, panel, sheet, text_width, words
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.ranking import Ranked

HEAD, ROW, FOOT = 26.0, 20.0, 30.0
"""Heights of the heading, of one entry and of the axes, in pixels."""
LABEL, ROOM = 420.0, 24.0
"""Largest width of the names with the space beside them, and the space between plots, in pixels."""
NAMED = 3
"""Number of entries named in the alternative text."""
MOST = 60
"""Maximum number of entries that are drawn."""


def board_figure(board: Board, entries: Sequence[Ranked]) -> Drawing | None:
    """Return the figure of the entries that have a rank, best first; None without any."""
    ranked = [one for one in entries if one.rank is not None][:MOST]
    if not ranked:
        return None
    title, feature = metric_title(board.metric), primary_feature(ranked)
    by = "" if feature is None else f" by {plain(feature_title(feature))}"
    return Drawing(
        "board",
        "Scores, rank bands and gaps",
        f"{len(ranked):,} entries by {title}, best first: {_listed(ranked, board.metric)}.",
        f"Left: {title} with its 95 % interval. Middle: first to last place that an entry may have. Right: "
        f"within-class gap in accuracy{by} (dot), from what it is at least to what it is at most.",
        wide=True,
        draw=lambda: _drawn(ranked, board.metric),
    )


def _listed(ranked: Sequence[Ranked], metric: str) -> str:
    parts = []
    for one in ranked[:NAMED]:
        gap = one.gap.gap if isinstance(one.gap, Disparity) else None
        told = "" if gap is None else f", gap {decimal(gap)}"
        parts.append(
            f"{plain(one.entry.name, limit=40)} {decimal(one.value(metric) or 0.0)} (rank {one.place}{told})"
        )
    more = len(ranked) - NAMED
    return enumerated([*parts, f"{more:,} more"] if more > 0 else parts)


def _drawn(ranked: Sequence[Ranked], metric: str) -> Figure:
    names = fitted_apart([one.entry.name for one in ranked], LABEL - ROOM)
    label = max(text_width(name) for name in names) + ROOM
    plot = (PAGE - label - 2 * ROOM) / 3
    high = ROW * len(ranked)
    drawn = canvas(PAGE, HEAD + high + FOOT)
    paper = sheet(drawn)
    segments(paper, [(0, HEAD + ROW * k, PAGE, HEAD + ROW * k) for k in range(1, len(ranked))], "faint", width=0.6)
    for k, name in enumerate(names):
        words(drawn, 0, HEAD + ROW * (k + 0.5), name)
    left = [label + (plot + ROOM) * k for k in range(3)]
    for x, text in zip(left, (metric_title(metric), "rank", "gap in accuracy"), strict=True):
        words(drawn, x + plot / 2, HEAD / 2, text, ink="soft", align="center")
    plots = [panel(drawn, x, HEAD, plot, high) for x in left]
    for axes in plots:
        axes.set_ylim(len(ranked) - 0.5, -0.5)
    cells = [one.cell(metric) for one in ranked]
    ends = [None if cell is None else (cell.value, cell.low, cell.high) for cell in cells]
    _dots(plots[0], ends, step=0.05)
    bands = [one.band or (one.rank or 1, one.rank or 1) for one in ranked]
    segments(plots[1], [(first - 0.4, k, last + 0.4, k) for k, (first, last) in enumerate(bands)], "mark", width=8)
    most = max(2, *(last for _, last in bands))
    plots[1].set_xlim(0.5 - most * 0.02, most + 0.5)
    plots[1].set_xticks([int(place) for place in ticks(1, most) if place == int(place)])
    gaps = [one.gap if isinstance(one.gap, Disparity) else None for one in ranked]
    _dots(plots[2], [None if gap is None else (gap.gap, gap.low, gap.high) for gap in gaps], step=0.1)
    return drawn


def _dots(
    axes: Axes, ends: Sequence[tuple[float | None, float | None, float | None] | None], *, step: float
) -> None:
    """Draw values with their limits; an unknown limit ends at the value."""
    known = [(k, triple) for k, triple in enumerate(ends) if triple is not None and triple[0] is not None]
    low, high = span((end for _, triple in known for end in triple), step=step)
    set_axis(axes, low, high, most=5)
    lines = [
        (value if first is None else first, k, value if last is None else last, k)
        for k, (value, first, last) in known
        if value is not None
    ]
    segments(axes, lines, "mark", width=2)
    values = [float(triple[0] or 0.0) for _, triple in known]
    axes.plot(values, [k for k, _ in known], "o", color=colour("mark"), markersize=6, clip_on=False)
