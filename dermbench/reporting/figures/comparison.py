"""Figures of a comparison: rank bands, overall against worst group, differences by group."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from dermbench.artifacts.comparison import Comparison
from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import decimal, enumerated
from dermbench.reporting.comparison_cells import band
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.found import figure
from dermbench.reporting.figures.style import CATEGORIES, colour
from dermbench.reporting.names import (
    feature_title,
    metric_title,
    sorted_features,
    sorted_groups,
    sorted_metrics,
)
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.comparison import FeatureComparison, FrontModel, RankedModel, Ranks

INK, GREY, FAINT, BLUE, ORANGE = (colour(name) for name in ("ink", "soft", "faint", "mark", "accent"))
NAME = 36
"""Characters of a model's name that a figure has room for."""
MARKS = "os^Dv<>Pp*X"


@figure("comparison", Comparison, order=10)
def draw_comparison(comparison: Comparison) -> Iterator[Drawing]:
    """Yield rank bands, and differences and worst groups of the first sensitive feature."""
    ranks = comparison.ranks
    if ranks.models:
        title = metric_title(ranks.metric)
        yield Drawing(
            "ranks",
            f"Rank bands by {title}",
            f"Models by {title}, best first: {_listed(ranks)}.",
            "Lines: 95 % interval of each model on its own. A bar joins models that cannot be told apart.",
            wide=True,
            draw=lambda: rank_figure(ranks),
        )
    feature = next(iter(sorted_features(comparison.features)), None)
    if feature is None:
        return
    views = _views(comparison.features[feature])
    metric = ranks.metric if ranks.metric in views else next(iter(sorted_metrics(views)), None)
    shown = metric or ranks.metric
    yield Drawing(
        "differences",
        f"Differences by {feature_title(feature)}",
        f"{_capital(metric_title(shown))} of each model minus that of {_label(comparison.baseline)}, by group.",
        "Lines: paired 95 % interval; hollow: no interval.",
        wide=True,
        draw=lambda: groups_figure(comparison, feature, shown),
    )
    if metric is not None:
        yield Drawing(
            "worst-group",
            f"Overall against worst group, {feature_title(feature)}",
            f"{_capital(metric_title(metric))} on all images against that of each model's worst group.",
            "No other model is better in both than a model on the front.",
            wide=True,
            draw=lambda: pareto_figure(views[metric], feature, metric),
        )


def _listed(ranks: Ranks) -> str:
    return enumerated(f"{_label(item.model)} {decimal(item.value, digits=3)}" for item in ranks.models)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _views(block: FeatureComparison) -> dict[str, dict[str, FrontModel]]:
    """Return overall against worst group for the metrics whose worst group is estimable."""
    return {metric: item for metric, item in block.pareto.items() if not isinstance(item, Undefined)}


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(colors=INK, length=3)
    return drawn, axes


def _label(name: str) -> str:
    """Shorten a name in its middle: what sets seeds and variants apart stands at the end."""
    text = plain(name, limit=PROSE_LIMIT)
    half = NAME // 2
    return text if len(text) <= NAME else f"{text[: half - 1]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def _legend(drawn: Figure, n_models: int) -> None:
    """Put the legend below, where names of any length leave the axes their width, in room of its own."""
    drawn.legend(loc="outside lower left", frameon=False, fontsize=7)
    width, height = drawn.get_size_inches()
    drawn.set_size_inches(width, height + 0.16 * n_models)


def rank_figure(ranks: Ranks) -> Figure:
    """Draw models by score with their intervals, and a bar over each set of models that cannot be told apart.

    This is the critical-difference diagram of Demšar (2006), Journal of Machine Learning Research 7, with scores
    in place of average ranks, for there is one test set.
    """
    models = ranks.models
    drawn, axes, side = _rank_canvas(len(models), letters := _all_letters(models))
    for row, item in enumerate(models):
        axes.axhline(row, color=FAINT, linewidth=0.6, zorder=0)
        if item.low is not None and item.high is not None:
            axes.plot([item.low, item.high], [row, row], color=BLUE, linewidth=2, solid_capstyle="round")
        axes.plot(item.value, row, "o", color=BLUE, markersize=5)
        side.text(-1, row, band(item, dash="\N{EN DASH}"), va="center", ha="right", color=INK)
    _bars(side, models, letters)
    axes.set_yticks(range(len(models)), [_label(item.model) for item in models])
    axes.set_xlabel(f"{metric_title(ranks.metric)}, 95 % interval of each model on its own", color=INK)
    title = "Rank bands; a bar joins models that cannot be told apart" if letters else "Rank bands"
    axes.set_title(title, loc="left", color=INK, fontsize=10)
    return drawn


def _rank_canvas(n_models: int, letters: list[str]) -> tuple[Figure, Axes, Axes]:
    """Return a figure with room for the models and, beside them, for their ranks and one bar a letter."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    beside = 0.9 + 0.2 * len(letters)
    drawn = Figure(figsize=(6.2 + beside, 1.3 + 0.27 * n_models), layout="constrained")
    axes, side = drawn.subplots(1, 2, sharey=True, width_ratios=(6.2, beside))
    for one in (axes, side):
        one.spines[["top", "right", "left"]].set_visible(False)
        one.tick_params(colors=INK, length=3)
    axes.spines["bottom"].set_color(GREY)
    axes.set_ylim(n_models - 0.5, -1.2)
    side.set_axis_off()
    side.set_xlim(-4.5, len(letters))
    side.text(-1, -0.9, "rank", ha="right", color=GREY)
    return drawn, axes, side


def _all_letters(models: Sequence[RankedModel]) -> list[str]:
    return list(dict.fromkeys(letter for item in models for letter in _letters(item.letters)))


def _bars(side: Axes, models: Sequence[RankedModel], letters: list[str]) -> None:
    """Draw one bar a letter, with a dot at each of its models and a thin line past those that are not."""
    for x, letter in enumerate(letters):
        rows = [i for i, item in enumerate(models) if letter in _letters(item.letters)]
        side.plot([x, x], [rows[0], rows[-1]], color=GREY, linewidth=0.8)
        for first, second in pairwise(rows):
            if second == first + 1:
                side.plot([x, x], [first, second], color=ORANGE, linewidth=2.6)
        side.plot([x] * len(rows), rows, "o", color=ORANGE, markersize=4)
        side.text(x, -0.9, letter, ha="center", color=GREY)


def _letters(text: str | None) -> list[str]:
    """Split "ab(52)" into its letters."""
    return re.findall(r"\(\d+\)|\w", text or "")


def pareto_figure(models: dict[str, FrontModel], feature: str, metric: str) -> Figure:
    """Draw overall score against worst-group score; the front is joined."""
    drawn, axes = _canvas(7.0, 4.2)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(GREY)
    front = sorted((item.overall, item.worst) for item in models.values() if item.on_front)
    axes.plot([x for x, _ in front], [y for _, y in front], color=ORANGE, linewidth=1, zorder=1)
    for k, (name, item) in enumerate(models.items()):
        shade = ORANGE if item.on_front else GREY
        share = f"{100 * item.front_share:.0f} %"
        axes.plot(
            item.overall,
            item.worst,
            MARKS[k % len(MARKS)],
            color=shade,
            markersize=7,
            linestyle="none",
            label=f"{_label(name)} (worst {_label(item.worst_group)}; on the front in {share})",
        )
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(0.12)
    title = metric_title(metric)
    axes.set_xlabel(f"{title}, all images", color=INK)
    axes.set_ylabel(f"{title}, worst group of {feature_title(feature)}", color=INK)
    axes.set_title("Overall against worst group; orange: on the front", loc="left", color=INK, fontsize=10)
    _legend(drawn, len(models))
    return drawn


def groups_figure(comparison: Comparison, feature: str, metric: str) -> Figure:
    """Draw the difference of every model from the baseline in every group, with paired intervals."""
    block = comparison.features[feature]
    groups = sorted_groups(block.groups)
    models = list(block.differences)
    step = 0.8 / max(1, len(models))
    drawn, axes = _canvas(7.0, 1.5 + max(0.3, 0.16 * len(models)) * len(groups))
    axes.axvline(0, color=GREY, linewidth=1)
    margin = next((item.margin for item in block.margin.get(metric, {}).values()), None)
    if margin is not None:
        axes.axvline(-margin, color=ORANGE, linewidth=1, linestyle="--")
    for line in range(1, len(groups)):
        axes.axhline(line - 0.5, color=FAINT, linewidth=0.6)
    for k, model in enumerate(models):
        shade = BLUE if len(models) == 1 else colour(CATEGORIES[k % len(CATEGORIES)])
        for row, group in enumerate(groups):
            effect = block.differences[model][group][metric]
            y = row + (k - (len(models) - 1) / 2) * step
            if effect.value is None:
                continue
            if effect.low is not None and effect.high is not None:
                axes.plot([effect.low, effect.high], [y, y], color=shade, linewidth=1.8)
            filled = "white" if effect.low is None else shade
            axes.plot(effect.value, y, MARKS[k % len(MARKS)], color=shade, markerfacecolor=filled, markersize=5)
        axes.plot([], [], MARKS[k % len(MARKS)], color=shade, label=_label(model), linestyle="none", markersize=5)
    axes.set_yticks(range(len(groups)), [f"{_label(g)}  n = {block.groups[g].n:,}" for g in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    minus = f"{metric_title(metric)} minus that of {_label(comparison.baseline)}"
    dashed = "" if margin is None else f"; dashed: margin of {100 * margin:g} points"
    axes.set_xlabel(f"{minus}\npaired 95 % interval; hollow: none{dashed}", color=INK)
    axes.set_title(f"Differences by {feature_title(feature)}", loc="left", color=INK, fontsize=10)
    if len(models) > 1:
        _legend(drawn, len(models))
    return drawn
