"""The tables of one sensitive feature's groups, and which features are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import NONE
from dermbench.reporting.names import (
    LEADING,
    SMALL,
    STANDARDISED,
    feature_title,
    headline_metrics,
    metric_title,
    shown_metrics,
    sorted_features,
    sorted_groups,
)
from dermbench.reporting.numbers import Footnotes, cell_text, count
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dermbench.artifacts.report import Feature, Group

DAGGER = "†"
MIX = "standardised: as if every group had the class mix of all groups together, over classes with 10 true cases "
MIX += "in each."


def twins(features: Mapping[str, Feature]) -> dict[str, str]:
    """Return {feature: earlier feature} for features with the same groups, sizes and values throughout."""
    first: dict[str, str] = {}
    found = {}
    for name in sorted_features(features):
        key = repr(_fingerprint(features[name].groups))
        if key == "[]":
            continue
        if key in first:
            found[name] = first[key]
        first.setdefault(key, name)
    return found


def _fingerprint(groups: Mapping[str, Group]) -> list[tuple[str, int, list[tuple[str, float | None]]]]:
    return [
        (name, group.n, sorted((metric, cell.value) for metric, cell in group.cells.items()))
        for name, group in sorted(groups.items())
    ]


def twin_note(name: str, first: str) -> str:
    """Return the line that stands for a feature that is the same as an earlier one."""
    return f"{feature_title(name)}: identical with {feature_title(first)} in every group and value."


def group_sections(
    title: str, feature: Feature, first: Sequence[str] = (), *, detail: bool = False
) -> list[Section]:
    """Return the tables of one feature: a row a group, at most four metrics side by side.

    Headline metrics come first, those of ``first`` before all, then raw beside class-mix standardised values, then
    further metrics.
    """
    groups = feature.groups
    names = {name for group in groups.values() for name in group.cells}
    standardised = [name for name in shown_metrics(names) if name.startswith(STANDARDISED)]
    metrics = shown_metrics(names - set(standardised))
    leading = headline_metrics(metrics, first)[:LEADING]
    rest = [name for name in metrics if name not in leading]
    tables = [_table(f"By {title}", groups, leading, detail=detail)] if leading else []
    if standardised:
        pairs = [name for s in standardised for name in (s.removeprefix(STANDARDISED), s) if name in names]
        tables.append(_standardised(f"By {title}, same class mix", groups, pairs))
    for i in range(0, len(rest), LEADING):
        part, more = rest[i : i + LEADING], f" ({i // LEADING + 1})" * (i > 0)
        tables.append(_table(f"By {title}, further metrics{more}", groups, part, detail=True))
    return tables


def _standardised(heading: str, groups: Mapping[str, Group], metrics: Sequence[str]) -> Section:
    """Return one sentence when no group has a standardised value."""
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
