"""The disparity table of one sensitive feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dermbench.reporting.names import metric_title, sorted_metrics
from dermbench.reporting.numbers import NONE, Footnotes, decimal, interval, p_value
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]
Write = Callable[[Block, Footnotes], str]

GAP = "gap: largest minus smallest group value."
LEGENDS = {
    "chance alone": "chance alone: the gap when the groups make no difference (median / 95th percentile).",
    "p": "p: how often chance alone gives a gap this large.",
    "detectable": "detectable: the smallest true difference of a group from the others that data of this size "
    "would show 4 times out of 5.",
}
"""What a column means, for those whose heading does not say it."""


def disparity_section(title: str, feature: Mapping[str, Any], *, explain: bool = True) -> Section | None:
    """Return the table of disparities, one row a metric; None when the report has none.

    A column is left out when no metric has its keys; a value that is missing or undefined is a dash. With
    ``explain`` the columns are explained beneath.
    """
    disparities: dict[str, Block] = feature.get("disparities") or {}
    if not disparities:
        return None
    notes = Footnotes()
    names = disparities.keys() - {"micro_f1"} if "accuracy" in disparities else disparities.keys()
    blocks = [(name, disparities[name]) for name in sorted_metrics(names)]
    kept = [(column, text) for column, keys, text in _COLUMNS if any(_has(block, keys) for _, block in blocks)]
    rows = []
    for name, block in blocks:
        texts = [text(block, notes) for _, text in kept]
        rows.append((metric_title(name), _gap(block, notes), _ends(name, block, feature), *texts))
    columns = (Column("metric", left=True), Column("gap"), Column("worst → best", left=True))
    return Section(
        title=f"Disparity by {title}",
        columns=(*columns, *(column for column, _ in kept)),
        rows=tuple(rows),
        notes=(*_legend([column.title for column, _ in kept]) * explain, *_common_classes(blocks), *notes.lines()),
    )


def gap_text(block: Mapping[str, Any]) -> str:
    """Return ``.11 (chance .11, to .20)``: the gap beside what chance alone gives; a dash when undefined."""
    if block.get("difference") is None:
        return NONE
    gap = decimal(block["difference"])
    median, upper = block.get("null_median"), block.get("null_q95")
    if median is None or upper is None:
        return gap
    return f"{gap} (chance {decimal(median)}, to {decimal(upper)})"


def _legend(titles: list[str]) -> list[str]:
    return [" ".join([GAP, *(LEGENDS[title] for title in titles if title in LEGENDS)])]


def _common_classes(blocks: list[tuple[str, Block]]) -> list[str]:
    counts = {
        name: len(b["classes"]) for name, b in blocks if b.get("classes") and b.get("difference") is not None
    }
    if not counts:
        return []
    named = ", ".join(metric_title(name) for name in counts)
    classes = " or ".join(str(n) for n in sorted(set(counts.values())))
    return [f"{named}: compared over the {classes} classes with enough cases in every group."]


def _has(block: Block, keys: tuple[str, ...]) -> bool:
    return any(block.get(key) is not None for key in keys)


def _none(block: Block, notes: Footnotes, *keys: str) -> Safe:
    """Return a dash, with the number of the reason that the block gives for one of the keys."""
    given = block.get("reasons") or {}
    reason = next((given[key] for key in keys if given.get(key)), None)
    return Safe(NONE if reason is None else NONE + notes.mark(reason))


def _gap(block: Block, notes: Footnotes) -> Safe:
    if block.get("difference") is not None:
        return Safe(decimal(block["difference"]))
    if block.get("reason"):
        return Safe(NONE + notes.mark(block["reason"]))
    dash = _none(block, notes, "reason", "difference")
    return dash if dash != NONE else Safe(NONE + notes.mark("no reason given"))


def _ends(metric: str, block: Block, feature: Mapping[str, Any]) -> str:
    names = [block.get("worst_group"), block.get("best_group")]
    if None in names or block.get("difference") is None:
        return NONE
    return " → ".join(_group(str(name), metric, block, feature) for name in names)


def _group(name: str, metric: str, block: Block, feature: Mapping[str, Any]) -> str:
    # the values that were compared: of a macro metric those over the classes common to all groups
    value = (block.get("values") or {}).get(name)
    if value is None:
        value = feature.get("groups", {}).get(name, {}).get(metric, {}).get("value")
    return plain(name, limit=40) + ("" if value is None else f" {decimal(value)}")


def _number(key: str, write: Callable[[float], str] = decimal) -> Write:
    return lambda block, notes: _none(block, notes, key) if block.get(key) is None else Safe(write(block[key]))


def _interval(block: Block, notes: Footnotes) -> str:
    ends = interval(block.get("low"), block.get("high"))
    return _none(block, notes, "low", "high") if ends == NONE else Safe(ends)


def _chance(block: Block, notes: Footnotes) -> str:
    both = [block.get("null_median"), block.get("null_q95")]
    if both == [None, None]:
        return _none(block, notes, "null_median", "null_q95")
    return Safe(" / ".join(NONE if value is None else decimal(value) for value in both))


def _spread(block: Block, notes: Footnotes) -> str:
    spread = block.get("between_group_sd") or {}
    if spread.get("value") is None:
        return _none(block, notes, "between_group_sd")
    ends = interval(spread.get("low"), spread.get("high"))
    return Safe(decimal(spread["value"]) if ends == NONE else f"{decimal(spread['value'])} {ends}")


def _verdict(block: Block, notes: Footnotes) -> str:
    if not block.get("verdict"):
        return _none(block, notes, "verdict")
    return plain(block["verdict"], limit=PROSE_LIMIT)


_COLUMNS: tuple[tuple[Column, tuple[str, ...], Write], ...] = (
    (Column("95 % interval"), ("low", "high"), _interval),
    (Column("chance alone"), ("null_median", "null_q95"), _chance),
    (Column("p"), ("p_value",), _number("p_value", p_value)),
    (Column("detectable"), ("minimum_detectable",), _number("minimum_detectable")),
    (Column("ratio", detail=True), ("ratio",), _number("ratio")),
    (Column("SD between groups", detail=True), ("between_group_sd",), _spread),
    (Column("verdict", left=True, prose=True), ("verdict",), _verdict),
)
