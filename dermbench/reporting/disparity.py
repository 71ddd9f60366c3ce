"""The disparity tables of one sensitive feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dermbench.reporting.names import HEADLINE, metric_title, shown_metrics
from dermbench.reporting.numbers import NONE, Footnotes, decimal, interval, p_value, verdict_text
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Block = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One disparity: its metric, its block of the report, and the feature's block."""

    metric: str
    block: Block
    feature: Mapping[str, Any]

    def get(self, *keys: str) -> Any:
        """Return the value under nested keys, None where one is missing."""
        found: Any = self.block
        for key in keys:
            found = (found or {}).get(key)
        return found


Write = Callable[[Item, Footnotes], str]

LEGENDS = {
    "gap": "gap: largest minus smallest group value.",
    "95 % interval": "95 % interval: of the gap, over all pairs of groups at once.",
    "chance alone": "chance alone: the gap when the groups make no difference (median / 95th percentile).",
    "p": "p: of the declared tests (range; trend where groups are ordered) after Holm; the verdict rests on it.",
    "could have detected": "could have detected: the smallest true difference of a group from the others that "
    "data of this size would show 4 times out of 5.",
    "at worst": "at worst: bad end of the worst group's interval, over all groups at once.",
    "runner-up": "runner-up: next worst group, and p that it differs from the worst.",
    "SD between groups": "SD between groups: spread beyond sampling error, group values taken for normal; "
    "with one odd group among equal ones its interval covers about 91 %.",
    "p of the gap": "p of the gap: how often chance alone gives a gap this large.",
    "p, range": "p, range and p, trend: of the declared tests, before Holm.",
}
"""What a column means, for those whose heading does not say it."""


def disparity_sections(
    title: str, feature: Mapping[str, Any], *, explain: bool = True, detail: bool = False
) -> list[Section]:
    """Return the tables of disparities, one row a metric: the gaps, then the worst group, spread and tests.

    A column is left out when no metric has its value; a value that is missing or undefined is a dash. With
    ``explain`` the columns are explained beneath.
    """
    found: dict[str, Block] = feature.get("disparities") or {}
    items = [Item(name, found[name], feature) for name in shown_metrics(found)]
    if not items:
        return []
    lead = sum(item.metric in HEADLINE for item in items) or None
    gaps = _table(f"Disparity by {title}", items, MAIN, explain=explain, always=MAIN[:2])
    more = _table(f"Worst group and spread by {title}", items, MORE, explain=explain)
    found_more = [replace(more, detail=detail, lead=lead)] if len(more.columns) > 1 else []
    return [replace(gaps, notes=(*_common_classes(items), *remarks(items), *gaps.notes), detail=True), *found_more]


def gap_text(block: Mapping[str, Any]) -> str:
    """Return ``.11 (chance .11, to .20)``: the gap beside what chance alone gives; a dash when undefined."""
    if block.get("difference") is None:
        return NONE
    gap = decimal(block["difference"])
    median, upper = block.get("null_median"), block.get("null_q95")
    if median is None or upper is None:
        return gap
    return f"{gap} (chance {decimal(median)}, to {decimal(upper)})"


def write_row(item: Item, parts: Iterable[str], notes: Footnotes) -> list[str]:
    """Return the texts of one disparity in the columns named ``parts``."""
    return [WRITERS[part](item, notes) for part in parts]


def remarks(items: Iterable[Item]) -> list[str]:
    """Return what the report says about single disparities, each remark once."""
    return list(dict.fromkeys(plain(note, limit=400) for item in items for note in item.get("notes") or []))


def _table(
    title: str, items: Sequence[Item], parts: Sequence[str], *, explain: bool, always: tuple[str, ...] = ()
) -> Section:
    notes = Footnotes()
    blank = {part for part in parts if all(WRITERS[part](item, Footnotes()) in _BLANK for item in items)}
    kept = [part for part in parts if part in always or part not in blank]
    rows = [(metric_title(item.metric), *write_row(item, kept, notes)) for item in items]
    columns = (Column("metric", left=True), *(COLUMNS[part] for part in kept))
    return Section(title, columns, tuple(rows), tuple(notes.lines()), explained=explain)


def _common_classes(items: Sequence[Item]) -> list[str]:
    counts = {
        item.metric: len(item.get("classes"))
        for item in items
        if item.get("classes") and item.get("difference") is not None
    }
    if not counts:
        return []
    named = ", ".join(metric_title(name) for name in counts)
    classes = " or ".join(str(n) for n in sorted(set(counts.values())))
    return [f"{named}: compared over the {classes} classes with enough cases in every group."]


def _none(item: Item, notes: Footnotes, *keys: str) -> Safe:
    """Return a dash, with the number of the reason that the block gives for one of the keys."""
    given = item.get("reasons") or {}
    reason = next((given[key] for key in keys if given.get(key)), None)
    return Safe(NONE if reason is None else NONE + notes.mark(reason))


def _gap(item: Item, notes: Footnotes) -> Safe:
    if item.get("difference") is not None:
        return Safe(decimal(item.get("difference")))
    if item.get("reason"):
        return Safe(NONE + notes.mark(item.get("reason")))
    dash = _none(item, notes, "reason", "difference")
    return dash if dash != NONE else Safe(NONE + notes.mark("no reason given"))


def _ends(item: Item, _notes: Footnotes) -> str:
    names = [item.get("worst_group"), item.get("best_group")]
    if None in names or item.get("difference") is None:
        return NONE
    return " → ".join(_group(str(name), item) for name in names)


def _group(name: str, item: Item) -> str:
    # the values that were compared: of a macro metric those over the classes common to all groups
    value = (item.get("values") or {}).get(name)
    if value is None:
        value = item.feature.get("groups", {}).get(name, {}).get(item.metric, {}).get("value")
    return plain(name, limit=40) + ("" if value is None else f" {decimal(value)}")


def _number(*keys: str, write: Callable[[float], str] = decimal, sign: str = "") -> Write:
    def text(item: Item, notes: Footnotes) -> str:
        value = item.get(*keys)
        return _none(item, notes, keys[0]) if value is None else Safe(sign + write(value))

    return text


def _interval(item: Item, notes: Footnotes) -> str:
    ends = interval(item.get("low"), item.get("high"))
    return _none(item, notes, "low", "high") if ends == NONE else Safe(ends)


def _chance(item: Item, notes: Footnotes) -> str:
    both = [item.get("null_median"), item.get("null_q95")]
    if both == [None, None]:
        return _none(item, notes, "null_median", "null_q95")
    return Safe(" / ".join(NONE if value is None else decimal(value) for value in both))


def _p(item: Item, notes: Footnotes) -> str:
    """Return the p-value that the verdict rests on; that of the gap where the report has no other."""
    return _number("tests", "adjusted", write=p_value)(item, notes) if item.get("tests") else _gap_p(item, notes)


def _spread(item: Item, notes: Footnotes) -> str:
    value, low, high = (item.get("between_group_sd", key) for key in ("value", "low", "high"))
    if value is None:
        return _none(item, notes, "between_group_sd")
    ends = interval(low, high)
    return Safe(decimal(value) if ends == NONE else f"{decimal(value)} {ends}")


def _verdict(item: Item, notes: Footnotes) -> str:
    if not item.get("verdict"):
        return _none(item, notes, "verdict")
    return verdict_text(item.get("verdict"), item.get("minimum_detectable"))


def _worst(item: Item, _notes: Footnotes) -> str:
    if item.get("worst") is None:
        return NONE
    n, value = item.get("worst", "n"), item.get("worst", "value")
    size = "" if n is None else f", n = {n:,}"
    return plain(item.get("worst", "group"), limit=40) + ("" if value is None else f" {decimal(value)}") + size


def _runner_up(item: Item, _notes: Footnotes) -> str:
    name, p = item.get("worst", "runner_up"), item.get("worst", "p_value")
    return NONE if name is None else plain(name, limit=40) + ("" if p is None else f", p = {p_value(p)}")


_gap_p = _number("p_value", write=p_value)
_BLANK = {NONE, NONE + "¹"}
WRITERS: dict[str, Write] = {
    "gap": _gap,
    "worst → best": _ends,
    "95 % interval": _interval,
    "chance alone": _chance,
    "p": _p,
    "could have detected": _number("minimum_detectable", sign="≥ "),
    "verdict": _verdict,
    "worst group": _worst,
    "at worst": _number("worst", "bound"),
    "runner-up": _runner_up,
    "SD between groups": _spread,
    "ratio": _number("ratio"),
    "p of the gap": _gap_p,
    "p, range": _number("tests", "omnibus", write=p_value),
    "p, trend": _number("tests", "trend", write=p_value),
}
"""How each column is written, by its heading."""
COLUMNS: dict[str, Column] = {
    part: Column(
        part,
        left=part in ("worst → best", "verdict", "worst group", "runner-up"),
        drop={
            "worst → best": 2,
            "95 % interval": 1,
            "ratio": 2,
            "p of the gap": 3,
            "p, range": 4,
            "p, trend": 4,
        }.get(part, 0),
        prose=part == "verdict",
        meaning=LEGENDS.get(part, ""),
    )
    for part in WRITERS
}
MAIN = ("gap", "worst → best", "95 % interval", "chance alone", "p", "could have detected", "verdict")
MORE = (
    "worst group",
    "at worst",
    "runner-up",
    "SD between groups",
    "ratio",
    "p of the gap",
    "p, range",
    "p, trend",
)
