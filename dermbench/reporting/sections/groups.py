"""Tables of the metrics by group of a sensitive feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import NONE
from dermbench.reporting.names import (
    LEADING,
    SMALL,
    STANDARDISED,
    headline_metrics,
    metric_title,
    shown_metrics,
    sorted_groups,
)
from dermbench.reporting.numbers import Footnotes, cell_text, count
from dermbench.reporting.report_sections import FeatureView, for_feature
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dermbench.artifacts.report import Group

DAGGER = "†"
MIX = "standardised: as if every group had the class mix of all groups together, over classes with 10 true cases "
MIX += "in each."


@for_feature(10, Topic.GROUPS)
def group_sections(view: FeatureView) -> list[Section]:
    """Return the tables of one feature: one row per group, at most four metrics side by side.

    The order is: the report's first metrics, headline metrics, raw and class-mix standardised values, and further
    metrics.
    """
    title, groups = view.title, view.feature.groups
    names = {name for group in groups.values() for name in group.cells}
    standardised = [name for name in shown_metrics(names) if name.startswith(STANDARDISED)]
    metrics = shown_metrics(names - set(standardised))
    leading = headline_metrics(metrics, view.report.first_metrics)[:LEADING]
    rest = [name for name in metrics if name not in leading]
    tables = [_table(f"By {title}", groups, leading, detail=not view.main)] if leading else []
    if standardised:
        pairs = [name for s in standardised for name in (s.removeprefix(STANDARDISED), s) if name in names]
        tables.append(_standardised(f"By {title}, same class mix", groups, pairs))
    for i in range(0, len(rest), LEADING):
        part, more = rest[i : i + LEADING], f" ({i // LEADING + 1})" * (i > 0)
        tables.append(_table(f"By {title}, further metrics{more}", groups, part, detail=True))
    return tables


def _standardised(heading: str, groups: Mapping[str, Group], metrics: Sequence[str]) -> Section:
    """Return the table of standardised values; one sentence if no group has any."""
    known = {name: group for name, group in groups.items() if name != UNKNOWN}
    chosen = [name for name in metrics if name.startswith(STANDARDISED)]
    cells = [group.cells[name] for group in known.values() for name in chosen if name in group.cells]
    if any(cell.value is not None for cell in cells):
        return _table(heading, known, metrics, detail=True, legend=(MIX,))
    reasons = sorted({plain(cell.reason) for cell in cells if cell.reason})
    return Section(heading, notes=(f"{NONE} {'; '.join(reasons) or 'no group is known'}",), detail=True)


def _table(
    heading: str,
    groups: Mapping[str, Group],
    metrics: Sequence[str],
    *,
    detail: bool,
    legend: tuple[str, ...] = (),
) -> Section:
    notes = Footnotes(merge=True)
    rows: list[tuple[str, ...]] = []
    for name in sorted_groups(groups):
        group = groups[name]
        cells = [cell_text(group.cells.get(metric), notes) for metric in metrics]
        rows.append((plain(name) + DAGGER * group.small, count(group.n), *cells))
    columns = [
        Column("group", left=True),
        *(Column(t) for t in ("n", *(f"{metric_title(m)} (95 %)" for m in metrics))),
    ]
    legend = (*legend, *group_legend(groups, small=any(group.small for group in groups.values())))
    return Section(heading, tuple(columns), tuple(rows), (*legend, *notes.lines()), detail=detail)


def group_legend(groups: Iterable[str], *, small: bool = False) -> list[str]:
    """Return what the marks in a table of these groups mean."""
    found = [f"{DAGGER} fewer than {SMALL} images: too few to compare."] if small else []
    if UNKNOWN in groups:
        found.append("unknown: no value known; counted overall, never in a gap.")
    return found
