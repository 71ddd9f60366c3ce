"""Columns that several tables share: a value with its interval, a gap with its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity, Undefined
from dermbench.reporting.frames.frame import counts, joined, numbers, reasons_text, texts

if TYPE_CHECKING:
    from dermbench.artifacts.report import Cell, Contrast
    from dermbench.reporting.frames.frame import Value

FEATURE = texts(feature="sensitive feature")
METRIC = texts(metric="metric, by its key in report.json")
REASON = texts(reason="why a number of the row is undefined")
INTERVAL = numbers(low="lower end of the 95 % interval", high="upper end of the 95 % interval")
CELL = (
    *numbers(value="the estimate"),
    *INTERVAL,
    *counts(n="images behind the value"),
    *texts(method="how the interval was made"),
    *REASON,
)
CONTRAST = (
    *texts(
        contrast_kind="pair (two groups) or cut (groups of an ordered feature below and above a point)",
        contrast_first="groups on the first side of the clearest contrast",
        contrast_second="groups on the second side",
    ),
    *numbers(
        contrast_value="first side minus second, class held fixed",
        contrast_low="lower simultaneous 95 % limit",
        contrast_high="upper simultaneous 95 % limit",
    ),
)
GAP = (
    *texts(role="primary or secondary question"),
    *numbers(
        gap="largest within-class difference between two groups",
        low="the gap is at least this (95 %)",
        high="the gap is at most this (95 %)",
        chance="median gap when the groups make no difference",
        p_value="p-value of the verdict; corrected in secondary rows",
    ),
    *texts(verdict="disparity, within_margin, disparity_within_margin or undecided"),
    *numbers(margin="margin stated before the results", overlap="smallest overlap of two groups' class mixes"),
    *counts(n_groups="groups behind the gap", n_classes="classes behind the gap"),
    *CONTRAST,
    *numbers(
        raw_difference="largest minus smallest group value, includes class mix",
        raw_ratio="smallest divided by largest group value",
    ),
    *texts(best_group="group with the best value", worst_group="group with the worst value"),
    *numbers(
        sd="standard deviation between groups beyond sampling error",
        sd_low="lower end of the 95 % interval of sd",
        sd_high="upper end of the 95 % interval of sd",
    ),
    *texts(not_comparable="pairs of groups that are not compared"),
    *REASON,
)


def cell_values(cell: Cell, n: int | None = None) -> tuple[Value, ...]:
    """Return the values of :data:`CELL`; ``n`` replaces a missing number of images."""
    return cell.value, cell.low, cell.high, n if cell.n is None else cell.n, cell.method, cell.reason


def contrast_values(contrast: Contrast | None) -> tuple[Value, ...]:
    """Return the values of :data:`CONTRAST`."""
    if contrast is None:
        return (None,) * len(CONTRAST)
    sides = joined(contrast.first), joined(contrast.second)
    return contrast.kind, *sides, contrast.value, contrast.low, contrast.high


def gap_values(row: Disparity | Undefined) -> tuple[Value, ...]:
    """Return the values of :data:`GAP`."""
    if isinstance(row, Undefined):
        return *((None,) * (len(GAP) - 1)), row.reason
    raw, sd = row.raw, row.between_group_sd
    verdict = (None, None) if row.verdict is None else (row.verdict.kind, row.verdict.margin)
    reasons = {**row.reasons, **({} if sd.reason is None else {"sd": sd.reason})}
    return (
        *(row.role, row.gap, row.low, row.high, row.chance, row.p_value),
        *(*verdict, row.overlap, row.n_groups, row.n_classes),
        *contrast_values(row.contrast),
        *((None,) * 4 if raw is None else (raw.difference, raw.ratio, raw.best_group, raw.worst_group)),
        *(sd.value, sd.low, sd.high),
        "; ".join(f"{joined(pair.groups)}: {pair.reason}" for pair in row.not_comparable) or None,
        reasons_text(reasons),
    )
