"""The difference of every model from the baseline in every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.comparison import Comparison
from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import counted, enumerated
from dermbench.reporting.compared.cells import signed
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.marks import boxes, segments
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.scale import set_axis, span
from dermbench.reporting.figures.style import (
    COLUMN,
    PAGE,
    SMALL_TEXT,
    canvas,
    colour,
    fitted,
    fitted_apart,
    panel,
    sheet,
    words,
)
from dermbench.reporting.names import (
    feature_title,
    higher_is_better,
    metric_title,
    sorted_features,
    sorted_groups,
    sorted_metrics,
)
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.comparison import Difference, FeatureComparison, FrontModel

HEAD, ROW, FOOT, LABEL = 26.0, 20.0, 44.0, 200.0
"""Heights of the group names, of a model and of the axis, and width of the model names, in pixels."""
LEAST, MOST_GROUPS = 88.0, 8
"""Minimum width of a group's panel in pixels, and maximum number of groups."""


def main_feature(comparison: Comparison) -> str | None:
    """Return the sensitive feature that figures show; None without one."""
    return next(iter(sorted_features(comparison.features)), None)


def front_views(block: FeatureComparison) -> dict[str, dict[str, FrontModel]]:
    """Return overall against worst group for the metrics whose worst group is estimable."""
    return {metric: item for metric, item in block.pareto.items() if not isinstance(item, Undefined)}


def shown_metric(comparison: Comparison, feature: str) -> str:
    """Return the ranking metric, or another one if its worst group is not estimable."""
    views = front_views(comparison.features[feature])
    ranked = comparison.ranks.metric
    return ranked if ranked in views else next(iter(sorted_metrics(views)), ranked)


@figure("differences", Comparison, order=20)
def draw_differences(comparison: Comparison) -> Iterator[Drawing]:
    """Yield the differences by group of the first sensitive feature."""
    feature = main_feature(comparison)
    block = None if feature is None else comparison.features[feature]
    if feature is None or block is None or not block.differences or not block.groups:
        return
    metric = shown_metric(comparison, feature)
    if not all(metric in effects for groups in block.differences.values() for effects in groups.values()):
        return
    if all(effects[metric].value is None for groups in block.differences.values() for effects in groups.values()):
        return
    title, baseline = metric_title(metric), plain(comparison.baseline, limit=40)
    worse = "" if higher_is_better(metric) else ", which is worse"
    stated = next((item.margin for item in block.margin.get(metric, {}).values()), None)
    dashed = "" if stated is None else f" Dashed: a loss of the stated margin, {100 * stated:g} points."
    margin = None if stated is None else -stated if higher_is_better(metric) else stated
    groups = sorted_groups(block.groups)
    left_out = len(groups) - MOST_GROUPS
    more = f" {counted(left_out, 'group')} not drawn; all are in the tables." if left_out > 0 else ""
    yield Drawing(
        "differences",
        f"Differences in {title} by {feature_title(feature)}",
        f"{title[:1].upper()}{title[1:]} of each model minus that of {baseline}, by group. {_said(block, metric)}",
        f"Right of 0: higher than {baseline}{worse}. Lines: paired 95 % intervals; hollow: no interval."
        f"{dashed}{more}",
        wide=True,
        draw=lambda: differences_figure(block, groups[:MOST_GROUPS], metric, margin),
    )


def _said(block: FeatureComparison, metric: str) -> str:
    """Return the differences whose interval excludes 0, largest first, in words."""
    known = [
        (effect.value, effect.low, effect.high, model, group)
        for model, groups in block.differences.items()
        for group, effects in groups.items()
        for effect in [effects[metric]]
        if effect.value is not None and effect.low is not None and effect.high is not None
    ]
    if not known:
        return "No difference has an interval."
    found = [item for item in known if item[1] > 0 or item[2] < 0]
    found.sort(key=lambda item: (-abs(item[0]), item[3], item[4]))
    if not found:
        return "Every interval includes 0."
    named = [
        f"{plain(model, limit=40)} in {plain(group, limit=20)} {signed(value)} [{signed(low)}, {signed(high)}]"
        for value, low, high, model, group in found[:3]
    ]
    if len(found) == 1:
        return f"1 interval leaves 0 out: {named[0]}."
    return f"{len(found)} intervals leave 0 out; the largest: {enumerated(named)}."


def differences_figure(block: FeatureComparison, groups: list[str], metric: str, margin: float | None) -> Figure:
    """Draw one panel per group, side by side on the same axis, with one row per model.

    Parameters
    ----------
    block
        Comparison by group.
    groups, metric
        Groups and metric to draw.
    margin
        Difference at which a model has lost the stated margin; None without a margin.
    """
    models = list(block.differences)
    width = min(PAGE, max(COLUMN, LABEL + 130.0 * len(groups)))
    step, bottom = (width - LABEL) / len(groups), HEAD + 14 + ROW * len(models)
    drawn = canvas(width, bottom + FOOT)
    paper = sheet(drawn)
    boxes(paper, [(0, bottom - ROW * (k + 1), width, ROW) for k in range(0, len(models), 2)], "r0")
    for k, name in enumerate(fitted_apart(models, LABEL - 8)):
        words(drawn, 2, HEAD + 14 + ROW * (k + 0.5), name)
    shown = [block.differences[model][group][metric] for model in models for group in groups]
    limits = span(
        (end for effect in shown for end in (effect.value, effect.low, effect.high, 0.0, margin)),
        step=0.05,
    )
    for column, group in enumerate(groups):
        left = LABEL + column * step
        words(drawn, left + step / 2, 9, fitted(group, step - 6, bold=True), align="center", bold=True)
        n = f"n = {block.groups[group].n:,}"
        words(drawn, left + step / 2, 25, n, ink="soft", size=SMALL_TEXT, align="center")
        axes = panel(drawn, left + 5, HEAD + 14, step - 10, ROW * len(models))
        axes.set_ylim(len(models) - 0.5, -0.5)
        set_axis(axes, *limits, most=4)
        _effects(axes, [block.differences[model][group][metric] for model in models], margin)
    said = f"difference in {metric_title(metric)}"
    words(drawn, LABEL + (width - LABEL) / 2, bottom + 34, said, align="center")
    return drawn


def _effects(axes: Axes, effects: list[Difference], margin: float | None) -> None:
    """Draw the differences in one group, one row per model."""
    rows = len(effects)
    segments(axes, [(0, -0.5, 0, rows - 0.5)], "soft")
    if margin is not None:
        segments(axes, [(margin, -0.5, margin, rows - 0.5)], "accent", width=1.4, dashes=(4, 3))
    known = [(e.low, k, e.high, k) for k, e in enumerate(effects) if e.low is not None and e.high is not None]
    segments(axes, known, "mark", width=1.8)
    for filled in (True, False):
        found = [
            (e.value, k) for k, e in enumerate(effects) if e.value is not None and (e.low is not None) == filled
        ]
        if found:
            face = colour("mark" if filled else "paper")
            axes.plot(
                *zip(*found, strict=True),
                "o",
                color=colour("mark"),
                markersize=6,
                markerfacecolor=face,
                clip_on=False,
            )
