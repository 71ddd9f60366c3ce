"""Tables of a comparison by groups of a sensitive feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, span_words
from dermbench.reporting.compared.cells import change, ends_text, number, p_text, signed
from dermbench.reporting.names import (
    SMALL,
    feature_title,
    metric_title,
    shown_metrics,
    sorted_groups,
    sorted_metrics,
)
from dermbench.reporting.numbers import Footnotes
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.comparison import Comparison, Difference, FeatureComparison, GapChange, MarginAnswer

FEW = 3
SHOWN = 2
"""Number of metrics whose group tables the terminal shows."""
SCREENED = 8
"""Number of rows of the screen that the terminal shows."""
ANSWERS = {
    "shown": "no group lost more than the margin",
    "lost": "a group lost more than the margin",
    "open": "not shown: a group may have lost more than the margin",
}
LABEL = (
    "exploratory: recall of each class in each group with at least 10 cases; q is Benjamini-Hochberg's over all "
    "of them. A screen says where to look next, it confirms nothing."
)


def feature_tables(comparison: Comparison, name: str, *, main: bool, further: bool = True) -> list[Section]:
    """Return the tables of one feature.

    Parameters
    ----------
    comparison
        The comparison.
    name
        The feature.
    main
        Whether a short report shows it.
    further
        Whether metrics other than headline metrics also have a table.
    """
    block, title, baseline = comparison.features[name], plain(feature_title(name)), plain(comparison.baseline)
    headline = sorted_metrics(block.gap)
    others = [m for m in shown_metrics(comparison.models[comparison.baseline]) if m not in headline]
    shown = _in_terminal(comparison, headline, declared=not others)
    tables = [
        _groups(comparison, block, metric, title, detail=not main or metric not in shown)
        for metric in (*headline, *(others if further else ()))
    ]
    tables.append(_worst_groups(block, title, baseline, detail=not main))
    tables.append(_gaps(block, title, baseline, detail=not main))
    if block.margin:
        tables.append(_margins(block, title, baseline, detail=not main))
    tables.append(_pareto(block, title, detail=not main))
    tables.append(_screens(block, title, baseline, detail=not main))
    return [table for table in tables if table.rows or table.notes]


def _in_terminal(comparison: Comparison, headline: Sequence[str], *, declared: bool) -> list[str]:
    """Return the metrics whose group tables the terminal shows; with many models only the first."""
    second = headline[1:SHOWN] if declared else [comparison.ranks.metric]
    return [*headline[:1], *(second if len(comparison.differences) < FEW else [])]


def _groups(comparison: Comparison, block: FeatureComparison, metric: str, title: str, *, detail: bool) -> Section:
    notes, rows, baseline = Footnotes(merge=True), [], comparison.baseline
    for model, differences in block.differences.items():
        for group in sorted_groups(differences):
            effect, n = differences[group][metric], block.groups[group].n
            values = [block.values[name][group][metric] for name in (baseline, model)]
            mark = notes.mark(f"fewer than {SMALL} images") if n < SMALL else ""
            row = (plain(model), group, Safe(f"{n:,}{mark}"), *map(number, values), change(effect, notes))
            rows.append((*row, p_text(effect.p_value), p_text(effect.p_holm)))
    columns = (
        Column("model", left=True, name=True, heading=True),
        Column("group", left=True),
        Column("n"),
        Column(baseline, drop=2, name=True),
        Column("model's value", drop=1),
        Column("difference (95 %)"),
        Column("p", drop=1),
        Column("p, Holm"),
    )
    heading = f"{title}: {metric_title(metric)}, against {plain(baseline)}"
    return Section(heading, columns, tuple(rows), tuple(notes.lines()), detail=detail)


def _worst_groups(block: FeatureComparison, title: str, baseline: str, *, detail: bool) -> Section:
    notes = Footnotes(merge=True)
    rows: list[tuple[str, ...]] = []
    for metric in sorted_metrics(block.worst_group):
        found, name = block.worst_group[metric], Safe(metric_title(metric))
        if isinstance(found, Undefined):
            rows.append((name, Safe(NONE + notes.mark(found.reason)), *[Safe(NONE)] * 4))
            continue
        for model, item in found.models.items():
            row = (name, plain(model), item.group, number(item.value))
            rows.append((*row, *_tested(found.differences.get(model), notes)))
    columns = (
        Column("metric", left=True, heading=True),
        Column("model", left=True, name=True),
        Column("worst group", left=True),
        Column("value"),
        Column("difference (95 %)"),
        Column("p, Holm"),
    )
    said = (
        f"Tested by label swaps against {baseline}; macro averages are over the classes with 10 cases in every "
        "group."
    )
    return Section(f"{title}: worst group", columns, tuple(rows), (said, *notes.lines()), detail=detail)


def _tested(effect: Difference | None, notes: Footnotes) -> tuple[Safe, Safe]:
    if effect is None:
        return Safe(""), Safe("")
    return change(effect, notes), p_text(effect.p_holm)


def _gaps(block: FeatureComparison, title: str, baseline: str, *, detail: bool) -> Section:
    notes = Footnotes(merge=True)
    rows: list[tuple[str, ...]] = []
    for metric in sorted_metrics(block.gap):
        found, name = block.gap[metric], Safe(metric_title(metric))
        if isinstance(found, Undefined):
            rows.append((name, Safe(NONE + notes.mark(found.reason)), *[Safe(NONE)] * 6))
            continue
        for model, gap in found.models.items():
            row = (name, plain(model), number(gap))
            changed = found.changes.get(model)
            if changed is None:
                rows.append((*row, *[Safe("")] * 5))
            elif isinstance(changed, Undefined):
                rows.append((*row, Safe(NONE + notes.mark(changed.reason)), *[Safe(NONE)] * 4))
            else:
                rows.append((*row, *_changed(changed, notes)))
    columns = (
        Column("metric", left=True, heading=True),
        Column("model", left=True, name=True),
        Column("gap"),
        Column("difference varies by"),
        Column("at least"),
        Column("at most"),
        Column("where", left=True),
        Column("p, Holm"),
    )
    said = (
        "Gap: largest difference between groups within class. Difference varies by: the same, computed from each "
        f"image's score minus its score under {baseline}, tested by permuting groups within class. At least: "
        "above 0 only where p, Holm is at most .05."
    )
    return Section(f"{title}: change of the gap", columns, tuple(rows), (said, *notes.lines()), detail=detail)


def _changed(item: GapChange, notes: Footnotes) -> tuple[Safe, ...]:
    def limit(name: str, value: float | None) -> Safe:
        return Safe(number(value) + (notes.mark(item.reasons[name]) if name in item.reasons else ""))

    sides = " against ".join(plain(span_words(side)) for side in (item.contrast.first, item.contrast.second))
    ends = "" if item.contrast.low is None else f" {ends_text(item.contrast.low, item.contrast.high)}"
    where = Safe(f"{sides}: {signed(item.contrast.value)}{ends}")
    return number(item.value), limit("low", item.low), limit("high", item.high), where, p_text(item.p_holm)


def _margins(block: FeatureComparison, title: str, baseline: str, *, detail: bool) -> Section:
    notes, rows, margin = Footnotes(merge=True), [], 0.0
    for metric in sorted_metrics(block.margin):
        for model, item in block.margin[metric].items():
            margin = item.margin
            answer = ANSWERS[item.verdict] + (f" ({item.reason})" if item.reason else "")
            rows.append((Safe(metric_title(metric)), plain(model), *_lowest(item, notes), answer))
    columns = (
        Column("metric", left=True),
        Column("model", left=True, name=True),
        Column("lowest bound in", left=True),
        Column("bound"),
        Column("verdict", left=True),
    )
    said = (
        f"Margin: {100 * margin:g} points ({number(margin)}). Bounds are paired, one-sided 95 %, on the change "
        f"against {baseline}. The verdict that no group lost more needs all bounds, so no correction for the "
        "number of groups; the verdict that a group lost more is corrected for it."
    )
    heading = f"{title}: did a group lose more than {100 * margin:g} points?"
    return Section(heading, columns, tuple(rows), (said, *notes.lines()), detail=detail)


def _lowest(item: MarginAnswer, notes: Footnotes) -> tuple[str, Safe]:
    """Return the group with the lowest bound, and the bound; reasons for missing bounds become footnotes."""
    bounds = {name: group.bound for name, group in item.groups.items() if group.bound is not None}
    for group in item.groups.values():
        if group.bound is None:
            notes.mark(group.reason)
    if not bounds:
        return NONE, Safe(NONE)
    lowest = min(bounds, key=lambda name: bounds[name])
    return lowest, signed(bounds[lowest])


def _pareto(block: FeatureComparison, title: str, *, detail: bool) -> Section:
    rows = []
    for metric in sorted_metrics(block.pareto):
        found = block.pareto[metric]
        for model, item in {} if isinstance(found, Undefined) else found.items():
            row = (Safe(metric_title(metric)), plain(model), number(item.overall), number(item.worst))
            front, share = "yes" if item.on_front else "no", f"{100 * item.front_share:.0f} %"
            rows.append((*row, item.worst_group, number(item.dto), Safe(front), Safe(share)))
    columns = (
        Column("metric", left=True, heading=True),
        Column("model", left=True, name=True),
        Column("overall"),
        Column("worst group's"),
        Column("which", left=True),
        Column("DTO"),
        Column("on the front", left=True),
        Column("in resamples"),
    )
    said = (
        "On the front: no other model is at least as good both overall and in its worst group. In resamples: how "
        "often it is. DTO: distance of a model's group values to the best of any model in each group; 0 is best."
    )
    return Section(f"{title}: overall against worst group", columns, tuple(rows), (said,), detail=detail)


def _screens(block: FeatureComparison, title: str, baseline: str, *, detail: bool) -> Section:
    rows = [
        (
            plain(model),
            cell.label,
            cell.group,
            Safe(f"{cell.n:,}"),
            change(cell, Footnotes()),
            p_text(cell.p_value),
            p_text(cell.q_value),
        )
        for model, cells in sorted(block.screen.items())
        for cell in cells
    ]
    columns = (
        Column("model", left=True, name=True, heading=len(block.screen) > 1),
        Column("class", left=True, name=True),
        Column("group", left=True),
        Column("cases"),
        Column("change of recall (95 %)"),
        Column("p"),
        Column("q"),
    )
    heading = f"{title}: recall by class, exploratory, against {baseline}"
    hidden = detail or len(block.screen) >= FEW
    return Section(heading, columns, tuple(rows), (LABEL,), detail=hidden, lead=SCREENED)
