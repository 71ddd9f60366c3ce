"""Explain how to read a report, with the numbers of its own primary row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, Disparity, Undefined
from dermbench.artifacts.wording import decimal, group_words, limit
from dermbench.reporting.names import higher_is_better, metric_title
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Contrast, Report


def reading(report: Report) -> str:
    """Explain the primary gap: what it compares, its limits, the gap expected by chance, and the conclusion.

    Parameters
    ----------
    report
        The report.

    Returns
    -------
    str
        One to four short sentences; without a gap, the reason.
    """
    if report.primary is None:
        return "No sensitive feature was evaluated, so there is no gap between subgroups to read."
    metric, name = report.primary.metric, report.primary.feature
    feature = report.features.get(name)
    row = None if feature is None else feature.disparities.get(metric)
    if not isinstance(row, Disparity):
        reason = row.reason if isinstance(row, Undefined) else "it was not computed"
        return f"There is no gap to read: {_said(reason)}."
    return " ".join([*_size(row, metric), _chance(row), _conclusion(row)])


def _size(row: Disparity, metric: str) -> list[str]:
    """Return which groups differ by how much, and which sizes are compatible with the data."""
    title = metric_title(metric)
    sides = "" if row.contrast is None else _sides(row.contrast, title, higher=higher_is_better(metric))
    if not sides:
        apart = f"the two groups that differ most are {decimal(row.gap)} apart in {title}"
        return [f"Read the gap as: class held fixed, {apart}, {_bounds(row)}."]
    gap = f"The two groups that differ most are {decimal(row.gap)} apart, {_bounds(row)}."
    return [f"Read the gap as: class held fixed, {sides}.", gap]


def _sides(contrast: Contrast, title: str, *, higher: bool) -> str:
    """Return ``accuracy on type VI is .15 below type I; the data are compatible with .06 to .24``."""
    first, second = contrast.first, contrast.second
    if (contrast.value <= 0) != higher:
        first, second = second, first
    side, other = ("below", "above") if higher else ("above", "below")
    text = f"{title} on {_groups(first)} is {decimal(abs(contrast.value))} {side} {_groups(second)}"
    if contrast.low is None or contrast.high is None:
        return text
    sign = -1 if contrast.value < 0 else 1
    low, high = sorted((sign * contrast.low, sign * contrast.high))
    ends = f"{limit(low)} to {limit(high)}"
    if low < 0:
        ends = f"anything from {limit(-low)} {other} to {limit(high)} {side}"
    return f"{text}; the data are compatible with {ends}"


def _groups(names: tuple[str, ...]) -> str:
    return plain(group_words(names), limit=PROSE_LIMIT)


def _bounds(row: Disparity) -> str:
    low = f"at least {limit(row.low)}" if row.low is not None else f"without a lower limit ({_reason(row, 'low')})"
    if row.high is None:
        return f"{low} and without an upper limit ({_reason(row, 'high')})"
    return f"{low} and at most {decimal(row.high)}"


def _chance(row: Disparity) -> str:
    if row.chance is None:
        return f"Which gap is usual by chance is not known: {_reason(row, 'chance')}."
    return f"If the groups made no difference, a gap of {decimal(row.chance)} would be usual."


def _conclusion(row: Disparity) -> str:
    if row.verdict is None:
        return f"There is no verdict: {_reason(row, 'verdict')}."
    margin = "" if row.verdict.margin is None else decimal(row.verdict.margin)
    below = f"below the stated margin of {margin}"
    return {
        "disparity": "So there is a difference beyond chance.",
        "disparity_within_margin": f"So there is a difference beyond chance, and it is {below}.",
        "within_margin": f"So the gap is {below}, averaged over classes; within a single class it may be larger.",
        "undecided": _undecided(row, margin),
    }[row.verdict.kind]


def _undecided(row: Disparity, margin: str) -> str:
    if _beyond_chance(row):
        return "So there is a difference beyond chance, of unknown smallest size."
    within = f"a gap below the stated margin of {margin}" if margin else "its absence"
    return f"So neither a difference nor {within} is shown."


def _beyond_chance(row: Disparity) -> bool:
    return row.p_value is not None and row.p_value <= LEVEL


def _reason(row: Disparity, name: str) -> str:
    return _said(row.reasons.get(name, "no reason is given"))


def _said(reason: str) -> str:
    return plain(reason, limit=PROSE_LIMIT).rstrip(".")
