"""Models by score with intervals, rank bands, and bars over models that cannot be told apart."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from dermbench.artifacts.comparison import Comparison
from dermbench.artifacts.wording import decimal, enumerated
from dermbench.reporting.compared.cells import band
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.marks import segments
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import set_axis, span
from dermbench.reporting.figures.style import PAGE, SMALL_TEXT, canvas, colour, fitted_apart, panel, sheet, words
from dermbench.reporting.names import metric_title
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.comparison import RankedModel, Ranks

HEAD, ROW, FOOT = 24.0, 24.0, 44.0
"""Heights of the heading, of a model and of the axis, in pixels."""
LABEL, VALUE, BAND, LETTER = 250.0, 130.0, 56.0, 16.0
"""Widths of names, of values, of rank bands and of one bar."""
NAMED = 5
"""Number of models named in the alternative text."""


@figure("ranks", Comparison, order=10)
def draw_ranks(comparison: Comparison) -> Iterator[Drawing]:
    """Yield the rank bands, if there are any."""
    ranks = comparison.ranks
    if not ranks.models:
        return
    title = metric_title(ranks.metric)
    letters = _all_letters(ranks.models)
    joined = " A bar with dots joins models that cannot be told apart." if letters else ""
    yield Drawing(
        "ranks",
        f"Rank bands by {title}",
        f"Models by {title} with the ranks that each could have, best first: {_listed(ranks)}.{_unranked(ranks)}",
        f"Lines: 95 % interval of each model on its own; the bands of ranks hold at once.{joined}",
        wide=True,
        draw=lambda: rank_figure(ranks),
    )


def _listed(ranks: Ranks) -> str:
    parts = [
        f"{plain(item.model, limit=40)} {decimal(item.value, digits=3)} (rank {band(item)})"
        for item in ranks.models[:NAMED]
    ]
    more = len(ranks.models) - NAMED
    return enumerated([*parts, f"{more} more"] if more > 0 else parts)


def _unranked(ranks: Ranks) -> str:
    names = [plain(model, limit=40) for model in ranks.without_value]
    named = [*names[:NAMED], f"{len(names) - NAMED} more"] if len(names) > NAMED else names
    return f" Without a value, so not drawn: {enumerated(named)}." if named else ""


def rank_figure(ranks: Ranks) -> Figure:
    """Draw models by score with their intervals, and a bar over each set of models that cannot be told apart.

    This is the critical-difference diagram of Demšar (2006), Journal of Machine Learning Research 7, with scores
    instead of average ranks, because there is one test set.
    """
    models, letters = ranks.models, _all_letters(ranks.models)
    beside = min(LETTER * len(letters), 200.0)
    drawn = canvas(PAGE, HEAD + ROW * len(models) + FOOT)
    plot = PAGE - LABEL - VALUE - BAND - beside - 24
    axes = panel(drawn, LABEL + 10, HEAD, plot, ROW * len(models))
    axes.set_ylim(len(models) - 0.5, -0.5)
    low, high = span((end for item in models for end in (item.value, item.low, item.high)), step=0.05)
    set_axis(axes, low, high, most=8)
    paper = sheet(drawn)
    segments(
        paper,
        [(0, HEAD + ROW * k, PAGE - beside, HEAD + ROW * k) for k in range(1, len(models))],
        "faint",
        width=0.6,
    )
    known = [
        (item.low, k, item.high, k)
        for k, item in enumerate(models)
        if item.low is not None and item.high is not None
    ]
    segments(axes, known, "mark", width=2)
    axes.plot(
        [item.value for item in models], range(len(models)), "o", color=colour("mark"), markersize=7, clip_on=False
    )
    _texts(drawn, models, LABEL + 10 + plot)
    if letters:
        _bars(paper, drawn, models, letters, PAGE - beside)
    words(
        drawn,
        LABEL + 10 + plot / 2,
        HEAD + ROW * len(models) + 34,
        f"{metric_title(ranks.metric)} (95 % interval)",
        align="center",
    )
    return drawn


def _texts(drawn: Figure, models: Sequence[RankedModel], right: float) -> None:
    """Write names, values and rank bands."""
    words(drawn, right + VALUE + BAND, HEAD / 2, "rank", ink="soft", size=SMALL_TEXT, align="right")
    names = fitted_apart([item.model for item in models], LABEL)
    for k, item in enumerate(models):
        y = HEAD + ROW * (k + 0.5)
        words(drawn, 0, y, names[k])
        ends = "" if item.low is None or item.high is None else f" [{decimal(item.low)}, {decimal(item.high)}]"
        words(drawn, right + 14, y, f"{decimal(item.value, digits=3)}{ends}")
        words(drawn, right + VALUE + BAND, y, band(item, dash="\N{EN DASH}"), align="right")


def _all_letters(models: Sequence[RankedModel]) -> list[str]:
    return list(dict.fromkeys(letter for item in models for letter in _letters(item.letters)))


def _bars(paper: Axes, drawn: Figure, models: Sequence[RankedModel], letters: list[str], left: float) -> None:
    """Draw one bar per letter, with a dot at each model that has it and a thin line past the others."""
    step = (PAGE - left) / len(letters)
    places = [HEAD + ROW * (k + 0.5) for k in range(len(models))]
    for column, letter in enumerate(letters):
        x = left + step * (column + 0.5)
        rows = [i for i, item in enumerate(models) if letter in _letters(item.letters)]
        segments(paper, [(x, places[rows[0]], x, places[rows[-1]])], "soft", width=0.8)
        joined = [(x, places[one], x, places[two]) for one, two in pairwise(rows) if two == one + 1]
        segments(paper, joined, "accent", width=2.6)
        paper.plot([x] * len(rows), [places[row] for row in rows], "o", color=colour("accent"), markersize=5)
        if step >= 10:
            words(drawn, x, HEAD / 2, letter, ink="soft", size=SMALL_TEXT, align="center")


def _letters(text: str | None) -> list[str]:
    """Split "ab(52)" into its letters."""
    return re.findall(r"\(\d+\)|\w", text or "")
