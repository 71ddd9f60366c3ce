"""The tables of a comparison that concern the groups of a sensitive feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.artifacts.wording import NONE
from dermbench.reporting.comparison_cells import change, interval_text, number, p_text, signed
from dermbench.reporting.names import SMALL, feature_title, metric_title, sorted_groups, sorted_metrics
from dermbench.reporting.numbers import Footnotes
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Block = dict[str, Any]
IN_TERMINAL = ("accuracy", "macro_f1")
"""Metrics whose group tables the terminal shows, unless metrics were declared."""
FEW = 3
SCREENED = 8
"""Rows of the screen that the terminal shows."""


def feature_tables(document: Mapping[str, Any], name: str, *, main: bool) -> list[Section]:
    """Return the tables of one feature.

    Parameters
    ----------
    document
        Content of ``comparison.json``.
    name
        The feature.
    main
        Whether a short report shows it.
    """
    block, title = document["features"][name], plain(feature_title(name))
    headline = sorted_metrics(block["worst_group"])
    tables = [
        _groups(document, block, metric, title, detail=not main or not _shown(document, metric, headline))
        for metric in _with_groups(document, headline)
    ]
    tables += [_extremes(document, block, title, detail=not main)]
    if block["margin"]:
        tables.append(_margins(block, title, document["baseline"], detail=not main))
    tables += _pareto(block, title, detail=not main)
    tables += _screens(document, block, title, detail=not main)
    return [table for table in tables if table.rows or table.notes]


def _with_groups(document: Mapping[str, Any], headline: Sequence[str]) -> list[str]:
    metrics = sorted_metrics(document["models"][document["baseline"]])
    return [*headline, *(metric for metric in metrics if metric not in headline)]


def _shown(document: Mapping[str, Any], metric: str, headline: Sequence[str]) -> bool:
    declared = len(document["models"][document["baseline"]]) <= len(headline)
    return (declared and metric in headline[:2]) or (not declared and metric in IN_TERMINAL)


def _groups(document: Mapping[str, Any], block: Block, metric: str, title: str, *, detail: bool) -> Section:
    notes, rows, baseline = Footnotes(merge=True), [], document["baseline"]
    for model, differences in block["differences"].items():
        for group in sorted_groups(differences):
            effect, n = differences[group][metric], block["groups"][group]["n"]
            values = [block["values"][name][group][metric] for name in (baseline, model)]
            mark = notes.mark(f"fewer than {SMALL} images") if n < SMALL else ""
            row = (
                plain(model),
                group,
                Safe(f"{n:,}{mark}"),
                number(values[0]),
                number(values[1]),
                change(effect, notes),
            )
            rows.append((*row, p_text(effect.get("p_value")), p_text(effect.get("p_holm"))))
    columns = (
        Column("model", left=True, heading=True),
        Column("group", left=True),
        Column("n"),
        Column(baseline, drop=2),
        Column("model's value", drop=1),
        Column("difference (95 %)"),
        Column("p", drop=1),
        Column("p, Holm"),
    )
    many = len(document["differences"]) >= FEW and metric != "accuracy"
    heading = f"{title}: {metric_title(metric)}, against {plain(baseline)}"
    return Section(heading, columns, tuple(rows), tuple(notes.lines()), detail=detail or many)


def _extremes(document: Mapping[str, Any], block: Block, title: str, *, detail: bool) -> Section:
    notes = Footnotes(merge=True)
    rows: list[tuple[str, ...]] = []
    for metric in sorted_metrics(block["worst_group"]):
        worst, gap = block["worst_group"][metric], block["gap"][metric]
        if "reason" in worst:
            dash = Safe(NONE + notes.mark(worst["reason"]))
            rows.append((Safe(metric_title(metric)), dash, *[Safe(NONE)] * 7))
            continue
        for model, item in worst["models"].items():
            rows.append((Safe(metric_title(metric)), plain(model), item["group"], number(item["value"])))
            rows[-1] += _tested(worst["differences"].get(model), notes)
            rows[-1] += (Safe(f"{number(gap['models'][model]['value'])} {interval_text(gap['models'][model])}"),)
            changed = gap["differences"].get(model)
            rows[-1] += (signed(changed["value"]), p_text(changed["p_holm"])) if changed else (Safe(""), Safe(""))
    columns = (
        Column("metric", left=True, heading=True),
        Column("model", left=True),
        Column("worst group", left=True),
        Column("value"),
        Column("difference (95 %)"),
        Column("p, Holm"),
        Column("gap (95 %, simultaneous)", drop=1),
        Column("change of the gap"),
        Column("p, Holm"),
    )
    said = (
        f"Worst group and gap by label swaps against {plain(document['baseline'])}; macro averages are over the "
        "classes with 10 true cases in every group. A gap has no paired interval: read both simultaneous ones."
    )
    return Section(f"{title}: worst group and gap", columns, tuple(rows), (said, *notes.lines()), detail=detail)


def _tested(effect: Mapping[str, Any] | None, notes: Footnotes) -> tuple[Safe, Safe]:
    if effect is None:
        return Safe(""), Safe("")
    return change(effect, notes), p_text(effect.get("p_holm"))


def _margins(block: Block, title: str, baseline: str, *, detail: bool) -> Section:
    notes, rows, margin = Footnotes(merge=True), [], 0.0
    for metric in sorted_metrics(block["margin"]):
        for model, item in block["margin"][metric].items():
            margin = item["margin"]
            bounds = {name: group["bound"] for name, group in item["groups"].items() if group["bound"] is not None}
            lowest = min(bounds, key=lambda name: bounds[name]) if bounds else None
            for group in item["groups"].values():
                if group["bound"] is None:
                    notes.mark(group["reason"])
            shown = (NONE, Safe(NONE)) if lowest is None else (lowest, signed(bounds[lowest]))
            verdict = item["verdict"] + (f" ({item['reason']})" if "reason" in item else "")
            rows.append((Safe(metric_title(metric)), plain(model), *shown, verdict))
    columns = (
        Column("metric", left=True),
        Column("model", left=True),
        Column("lowest bound in", left=True),
        Column("bound"),
        Column("verdict", left=True),
    )
    said = (
        f"Margin: {100 * margin:g} points ({number(margin)}). Bounds are paired, one-sided, on the change against "
        f"{plain(baseline)}, and hold for all groups at once with 95 %."
    )
    heading = f"{title}: did a group lose more than {100 * margin:g} points?"
    return Section(heading, columns, tuple(rows), (said, *notes.lines()), detail=detail)


def _pareto(block: Block, title: str, *, detail: bool) -> list[Section]:
    rows = []
    for metric in sorted_metrics(block["pareto"]):
        for model, item in block["pareto"][metric]["models"].items():
            front = "yes" if item["on_front"] else "no"
            row = (Safe(metric_title(metric)), plain(model), number(item["overall"]), number(item["worst"]))
            share = f"{100 * item['front_share']:.0f} %"
            rows.append((*row, item["worst_group"], number(item["dto"]), Safe(front), Safe(share)))
    columns = (
        Column("metric", left=True, heading=True),
        Column("model", left=True),
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
    return [Section(f"{title}: overall against worst group", columns, tuple(rows), (said,), detail=detail)]


def _screens(document: Mapping[str, Any], block: Block, title: str, *, detail: bool) -> list[Section]:
    rows = []
    for model, cells in block["screen"]["models"].items():
        for cell in cells:
            row = (plain(model), cell["class"], cell["group"], Safe(f"{cell['n']:,}"), change(cell, Footnotes()))
            rows.append((*row, p_text(cell["p_value"]), p_text(cell["q_value"])))
    if len(block["screen"]["models"]) > 1:
        rows.sort(key=lambda row: row[0])
    columns = (
        Column("model", left=True, heading=len(block["screen"]["models"]) > 1),
        Column("class", left=True),
        Column("group", left=True),
        Column("cases"),
        Column("change of recall (95 %)"),
        Column("p"),
        Column("q"),
    )
    heading = f"{title}: recall by class, exploratory, against {plain(document['baseline'])}"
    hidden = detail or len(document["differences"]) >= FEW
    return [Section(heading, columns, tuple(rows), (block["screen"]["label"],), detail=hidden, lead=SCREENED)]
