"""Score on all images against the score in each model's worst group, with the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.comparison import Comparison
from dermbench.artifacts.wording import decimal, enumerated
from dermbench.reporting.figures.differences import front_views, main_feature, shown_metric
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import set_axis, span, tick_text, ticks
from dermbench.reporting.figures.style import (
    PAGE,
    SMALL_TEXT,
    canvas,
    colour,
    fitted_apart,
    panel,
    sheet,
    words,
)
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.comparison import FrontModel

PLOT, HEIGHT, LEFT, ROW = 380.0, 340.0, 56.0, 20.0
"""Width and height of the plot, space left of it, and height of a model in the list, in pixels."""
MOST_LETTERS = 26


@figure("front", Comparison, order=30)
def draw_front(comparison: Comparison) -> Iterator[Drawing]:
    """Yield overall against worst group, if the worst group of some metric is estimable."""
    feature = main_feature(comparison)
    if feature is None:
        return
    metric = shown_metric(comparison, feature)
    models = front_views(comparison.features[feature]).get(metric)
    if not models:
        return
    title = metric_title(metric)
    front = sorted((item for item in models.items() if item[1].on_front), key=lambda item: -item[1].overall)
    named = enumerated(
        f"{plain(name, limit=40)} {decimal(item.overall)} and {decimal(item.worst)} ({plain(item.worst_group)})"
        for name, item in front
    )
    yield Drawing(
        "worst-group",
        f"{title[:1].upper()}{title[1:]}: all images against the worst group",
        f"{title[:1].upper()}{title[1:]} on all images and in the worst group of {feature_title(feature)}. "
        f"On the front: {named}.",
        "Filled: on the front, no other model is at least as good on both and better on one. In brackets: worst "
        "group, and in how many resamples the model is on the front.",
        wide=True,
        draw=lambda: front_figure(models, title, feature_title(feature)),
    )


def letter(place: int) -> str:
    """Return the letter of a model in the plot: A to Z, then A2 and so on."""
    turn, rest = divmod(place, MOST_LETTERS)
    return chr(ord("A") + rest) + (str(turn + 1) if turn else "")


def front_figure(models: Mapping[str, FrontModel], title: str, feature: str) -> Figure:
    """Draw the plot and, to its right, the list of letters and models."""
    ranked = sorted(models.items(), key=lambda item: (-item[1].overall, item[0]))
    drawn = canvas(PAGE, max(HEIGHT + 62, 20 + ROW * len(ranked)))
    axes = panel(drawn, LEFT, 10, PLOT, HEIGHT)
    _axes(axes, models)
    front = sorted((item.overall, item.worst) for item in models.values() if item.on_front)
    axes.plot(*zip(*front, strict=True), color=colour("accent"), linewidth=1)
    for place, (_, item) in enumerate(ranked):
        _mark(axes, item, letter(place))
    words(drawn, LEFT + PLOT / 2, HEIGHT + 46, f"{title}, all images", align="center")
    sheet(drawn).text(
        10, 10 + HEIGHT / 2, f"{title}, worst group of {feature}", rotation=90, ha="center", va="center"
    )
    left = LEFT + PLOT + 30
    sides = [f"({plain(item.worst_group, limit=20)}; {100 * item.front_share:.0f} %)" for _, item in ranked]
    room = PAGE - left - 28 - 8 * max(map(len, sides))
    names = fitted_apart([name for name, _ in ranked], room)
    for place, ((_, item), worst) in enumerate(zip(ranked, sides, strict=True)):
        y = 18 + ROW * place
        words(drawn, left, y, letter(place), bold=True, ink="accent" if item.on_front else "soft")
        words(drawn, left + 28, y, names[place])
        words(drawn, PAGE - 1, y, worst, ink="soft", size=SMALL_TEXT, align="right")
    return drawn


def _axes(axes: Axes, models: Mapping[str, FrontModel]) -> None:
    across = span((item.overall for item in models.values()), step=0.02)
    upwards = span((item.worst for item in models.values()), step=0.02)
    set_axis(axes, *across, most=6, pad=0.05)
    room = (upwards[1] - upwards[0]) * 0.05
    axes.set_ylim(upwards[0] - room, upwards[1] + room)
    places = ticks(*upwards, most=6)
    axes.set_yticks(places, [tick_text(place, 2) for place in places])
    axes.tick_params(left=True, labelleft=True)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(colour("soft"))
    axes.grid(color=colour("faint"), linewidth=0.6)
    axes.set_axisbelow(True)


def _mark(axes: Axes, item: FrontModel, text: str) -> None:
    ink = colour("accent" if item.on_front else "soft")
    face = ink if item.on_front else colour("paper")
    axes.plot(item.overall, item.worst, "o", color=ink, markersize=7, markerfacecolor=face, clip_on=False)
    axes.annotate(
        text, (item.overall, item.worst), (6, 6), textcoords="offset pixels", color=colour("ink"), size=SMALL_TEXT
    )
