"""The tables of one sensitive feature's groups, and which features are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.artifacts.skin import UNKNOWN
from dermbench.reporting.names import (
    HEADLINE,
    SMALL,
    STANDARDISED,
    feature_title,
    metric_title,
    shown_metrics,
    sorted_features,
    sorted_groups,
)
from dermbench.reporting.numbers import NONE, Footnotes, cell_text, is_cell
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUP_METRICS = 4
"""Metrics side by side in a table of groups."""
DAGGER = "†"
MIX = "standardised: as if every group had the class mix of all groups together, over classes with 10 true cases "
MIX += "in each."


def twins(features: Mapping[str, Any]) -> dict[str, str]:
    """Return {feature: earlier feature} for features with the same groups, sizes and values throughout."""
    first: dict[str, str] = {}
    found = {}
    for name in sorted_features(features):
        key = repr(_fingerprint(features[name].get("groups") or {}))
        if key == "[]":
            continue
        if key in first:
            found[name] = first[key]
        first.setdefault(key, name)
    return found


def _fingerprint(groups: Mapping[str, Any]) -> list[tuple[str, Any, list[tuple[str, Any]]]]:
    return [
        (name, block.get("n"), sorted((m, cell["value"]) for m, cell in block.items() if is_cell(cell)))
        for name, block in sorted(groups.items())
    ]


def twin_note(name: str, first: str) -> str:
    """Return the line that stands for a feature that is the same as an earlier one."""
    return f"{feature_title(name)}: identical with {feature_title(first)} in every group and value."


def group_sections(title: str, feature: Mapping[str, Any], *, detail: bool = False) -> list[Section]:
    """Return the tables of one feature: a row a group, at most four metrics side by side.

    Headline metrics come first, then raw beside class-mix standardised values, then further metrics.
    """
    groups = feature.get("groups") or {}
    names = {name for block in groups.values() for name, item in block.items() if is_cell(item)}
    standardised = [name for name in shown_metrics(names) if name.startswith(STANDARDISED)]
    metrics = shown_metrics(names - set(standardised))
    leading = [name for name in metrics if name in HEADLINE] or metrics[:GROUP_METRICS]
    rest = [name for name in metrics if name not in leading]
    tables = [_table(f"By {title}", groups, leading, detail=detail)] if leading else []
    if standardised:
        pairs = [name for s in standardised for name in (s.removeprefix(STANDARDISED), s) if name in names]
        tables.append(_standardised(f"By {title}, same class mix", groups, pairs))
    for i in range(0, len(rest), GROUP_METRICS):
        part, more = rest[i : i + GROUP_METRICS], f" ({i // GROUP_METRICS + 1})" * (i > 0)
        tables.append(_table(f"By {title}, further metrics{more}", groups, part, detail=True))
    return tables


def _standardised(heading: str, groups: Mapping[str, Any], metrics: Sequence[str]) -> Section:
    """Return one sentence when no group has a standardised value."""
    known = {name: block for name, block in groups.items() if name != UNKNOWN}
    cells = [block.get(m) or {} for block in known.values() for m in metrics if m.startswith(STANDARDISED)]
    if any(cell.get("value") is not None for cell in cells):
        return _table(heading, known, metrics, detail=True, legend=(MIX,))
    reasons = sorted({plain(cell["reason"]) for cell in cells if cell.get("reason")})
    return Section(heading, notes=(f"{NONE} {'; '.join(reasons) or 'no reason given'}",), detail=True)


def _table(
    heading: str,
    groups: Mapping[str, Any],
    metrics: Sequence[str],
    *,
    detail: bool,
    legend: tuple[str, ...] = (),
) -> Section:
    notes = Footnotes(merge=True)
    rows: list[tuple[str, ...]] = []
    for name in sorted_groups(groups):
        block = groups[name]
        cells = [cell_text(block.get(metric), notes) for metric in metrics]
        rows.append((plain(name) + DAGGER * is_small(block), count(block.get("n")), *cells))
    columns = [
        Column("group", left=True),
        *(Column(t) for t in ("n", *(f"{metric_title(m)} (95 %)" for m in metrics))),
    ]
    legend = (*legend, *group_legend(groups))
    return Section(heading, tuple(columns), tuple(rows), (*legend, *notes.lines()), detail=detail)


def is_small(block: Mapping[str, Any]) -> bool:
    """Return whether a group has too few images to compare."""
    n = block.get("n")
    return bool(block.get("small", n is not None and n < SMALL))


def group_legend(groups: Mapping[str, Any]) -> list[str]:
    """Return what the marks in a table of these groups mean."""
    found = []
    if any(is_small(block) for block in groups.values()):
        found.append(f"{DAGGER} fewer than {SMALL} images: too few to compare.")
    if UNKNOWN in groups:
        found.append("unknown: no value known; counted overall, never in a gap.")
    return found


def count(n: int | None) -> Safe:
    """Return a number of images."""
    return Safe(NONE if n is None else f"{n:,}")
