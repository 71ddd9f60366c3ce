"""The disparity tables of one sensitive feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, Disparity, Undefined
from dermbench.artifacts.wording import NONE, counted, decimal, enumerated, limit, limits, p_value, span_words
from dermbench.reporting.names import headline_metrics, is_macro, metric_title, shown_metrics
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.report_sections import FeatureView, for_feature
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dermbench.artifacts.report import Report

Row = Disparity | Undefined
RAW = "raw, includes class mix"


@dataclass(frozen=True)
class Item:
    """One row of a disparity table: a metric and its gap, or the reason why there is none."""

    metric: str
    row: Row

    def title(self) -> str:
        """Return the title of the metric; the primary question is marked."""
        primary = isinstance(self.row, Disparity) and self.row.role == "primary"
        return metric_title(self.metric) + " (primary)" * primary


Write = Callable[[Disparity, Footnotes], str]

LEGENDS = {
    "gap": "gap: largest difference between two groups within a class, averaged over classes.",
    "at least": "at least, at most: 95 % limits of the gap.",
    "chance": "chance: the median gap when the groups make no difference.",
    "p": "p: of the largest contrast between groups; the verdict rests on it.",
    "overlap": "overlap: how alike the class mixes of two groups are, 1 when equal; pairs below .50 are not "
    "compared.",
    RAW: f"{RAW}: largest minus smallest group value.",
    "clearest contrast": "clearest contrast: the groups that differ most beyond their sampling error, with a "
    "simultaneous 95 % interval.",
    "SD between groups": "SD between groups: spread beyond sampling error.",
}
"""Explanations of columns whose heading does not suffice."""


@for_feature(20, Topic.GROUPS)
def disparity_sections(view: FeatureView) -> list[Section]:
    """Return the tables of disparities, one row per metric: gaps, then contrasts and spread.

    An undefined value is a dash with its reason below. The columns of the main feature are explained.
    """
    title, rows, report = view.title, view.feature.disparities, view.report
    order = dict.fromkeys([*headline_metrics(rows, report.first_metrics), *shown_metrics(rows)])
    items = [Item(metric, rows[metric]) for metric in order]
    if not items:
        return []
    gaps = _table(f"Disparity by {title}", items, MAIN, explain=view.main)
    more = _table(f"Contrasts and spread by {title}", items, MORE, explain=view.main)
    said = macro_notes(items, len(report.classes))
    return [
        replace(gaps, notes=(*said, *gaps.notes), detail=True),
        replace(more, detail=not view.main, lead=len(headline_metrics(rows, report.first_metrics))),
    ]


def gap_text(row: Row) -> str:
    """Return ``.12 [.03, .24]``: the gap with *at least* and *at most*; a dash for an unknown limit."""
    if isinstance(row, Undefined):
        return NONE
    ends = [NONE if end is None else limit(end) for end in (row.low, row.high)]
    return decimal(row.gap) + ("" if ends == [NONE, NONE] else f" [{', '.join(ends)}]")


def verdict_words(row: Row) -> str:
    """Return the verdict of a row in a few words: ``disparity``, ``within margin .10``, ``not settled``."""
    if isinstance(row, Undefined) or row.verdict is None:
        return NONE
    margin = "" if row.verdict.margin is None else f" {decimal(row.verdict.margin)}"
    if row.verdict.kind == "undecided":
        beyond = row.p_value is not None and row.p_value <= LEVEL
        return "size not bounded" if beyond else "not settled"
    words = {
        "disparity": "disparity",
        "within_margin": f"within margin{margin}",
        "disparity_within_margin": f"disparity, within margin{margin}",
    }
    return words[row.verdict.kind]


def write_row(item: Item, parts: Iterable[str], notes: Footnotes) -> list[str]:
    """Return the texts of one disparity for the columns ``parts``."""
    row = item.row
    if isinstance(row, Undefined):
        marked = Safe(NONE + notes.mark(row.reason))
        return [marked if i == 0 else NONE for i, _ in enumerate(parts)]
    return [WRITERS[part](row, notes) for part in parts]


def macro_notes(items: Iterable[Item], n_classes: int) -> list[str]:
    """Return how many classes the gaps of macro averages are based on."""
    found: dict[int, list[str]] = {}
    for item in items:
        if isinstance(item.row, Disparity) and is_macro(item.metric):
            found.setdefault(item.row.n_classes, []).append(metric_title(item.metric))
    return [f"{enumerated(names)}: gaps over {n} of {n_classes} classes." for n, names in sorted(found.items())]


def family_note(report: Report) -> list[str]:
    """Return the number of questions in the report, and how their p-values are corrected."""
    family = report.family
    if family is None:
        return []
    primary = "" if report.primary is None else " The primary question uses its own p."
    how = plain(family.adjustment, limit=PROSE_LIMIT)
    secondary = f"Secondary rows are exploratory; their p and limits are corrected: {how}."
    return [f"{counted(family.n_questions, 'question')}.{primary} {secondary}"]


def _table(title: str, items: Sequence[Item], parts: Sequence[str], *, explain: bool) -> Section:
    notes = Footnotes()
    rows = [(item.title(), *write_row(item, parts, notes)) for item in items]
    columns = (Column("metric", left=True), *(COLUMNS[part] for part in parts))
    return Section(title, columns, tuple(rows), tuple(notes.lines()), explained=explain)


def _number(name: str, write: Callable[[float], str] = decimal) -> Write:
    def text(row: Disparity, notes: Footnotes) -> str:
        value: float | None = getattr(row, name)
        return _none(row, notes, name) if value is None else Safe(write(value))

    return text


def _none(row: Disparity, notes: Footnotes, name: str) -> Safe:
    return Safe(NONE + notes.mark(row.reasons[name]))


def _verdict(row: Disparity, notes: Footnotes) -> str:
    return _none(row, notes, "verdict") if row.verdict is None else Safe(verdict_words(row))


def _overlap(row: Disparity, notes: Footnotes) -> str:
    text = _none(row, notes, "overlap") if row.overlap is None else Safe(decimal(row.overlap))
    if not row.not_comparable:
        return text
    reasons: dict[str, list[str]] = {}
    for pair in row.not_comparable:
        reasons.setdefault(pair.reason, []).append(" and ".join(plain(name, limit=40) for name in pair.groups))
    said = "; ".join(f"{', '.join(pairs)} ({plain(reason)})" for reason, pairs in reasons.items())
    return Safe(f"{text}{notes.mark(f'not comparable: {said}')}")


def _raw(row: Disparity, notes: Footnotes) -> str:
    if row.raw is None:
        return _none(row, notes, "raw")
    names = (row.raw.worst_group, row.raw.best_group)
    return f"{decimal(row.raw.difference)}, {' → '.join(plain(name, limit=40) for name in names)}"


def _ratio(row: Disparity, _notes: Footnotes) -> str:
    return Safe(NONE if row.raw is None or row.raw.ratio is None else decimal(row.raw.ratio))


def _contrast(row: Disparity, notes: Footnotes) -> str:
    found = row.contrast
    if found is None:
        return _none(row, notes, "contrast")
    sides = [plain(span_words(side), limit=60) for side in (found.first, found.second)]
    ends = limits(found.low, found.high)
    return f"{' minus '.join(sides)}: {decimal(found.value)}" + ("" if ends == NONE else f" {ends}")


def _spread(row: Disparity, notes: Footnotes) -> str:
    return cell_text(row.between_group_sd, notes)


WRITERS: dict[str, Write] = {
    "gap": _number("gap"),
    "at least": _number("low", limit),
    "at most": _number("high"),
    "chance": _number("chance"),
    "p": _number("p_value", p_value),
    "verdict": _verdict,
    "overlap": _overlap,
    RAW: _raw,
    "clearest contrast": _contrast,
    "SD between groups": _spread,
    "raw ratio": _ratio,
}
"""{heading: function that writes a cell of the column}."""
COLUMNS: dict[str, Column] = {
    part: Column(
        part,
        left=part in ("verdict", RAW, "clearest contrast"),
        drop={RAW: 3, "overlap": 2, "chance": 1, "raw ratio": 1}.get(part, 0),
        meaning=LEGENDS.get(part, ""),
    )
    for part in WRITERS
}
MAIN = ("gap", "at least", "at most", "chance", "p", "verdict", "overlap", RAW)
MORE = ("clearest contrast", "SD between groups", "raw ratio")
