"""One worked sentence on how to read a report, made from the numbers of its own primary row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, Disparity, Undefined
from dermbench.artifacts.wording import decimal, group_words, limit, p_value
from dermbench.reporting.names import higher_is_better, metric_title
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Contrast, Report

DIFFERS = ("disparity", "disparity_within_margin")
"""Kinds of verdicts that say that groups differ."""


def reading(report: Report) -> str:
    """Return how to read the primary gap: what it compares, what the data allow, what chance gives, what follows.

    Parameters
    ----------
    report
        The report.

    Returns
    -------
    str
        One to five short sentences. Where there is no gap, why there is none.
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
    """Return what differs by how much, and which sizes the data are compatible with."""
    title, shown = metric_title(metric), row.contrast
    if shown is not None and row.verdict is not None and row.verdict.kind in DIFFERS:
        sides = _sides(shown, title, higher=higher_is_better(metric))
        gap = f"The two groups that differ most are {decimal(row.gap)} apart, {_bounds(row)}."
        return [f"Read the gap as: class held fixed, {sides}.", gap]
    apart = f"{title} of the two groups that differ most is {decimal(row.gap)} apart"
    return [f"Read the gap as: class held fixed, {apart}; {_compatible(row)}."]


def _sides(contrast: Contrast, title: str, *, higher: bool) -> str:
    """Return ``accuracy on type VI is .15 below type I; the data are compatible with .06 to .24``."""
    first, second = contrast.first, contrast.second
    if (contrast.value <= 0) != higher:
        first, second = second, first
    side = "below" if higher else "above"
    text = f"{title} on {_groups(first)} is {decimal(abs(contrast.value))} {side} {_groups(second)}"
    if contrast.low is None or contrast.high is None:
        return text
    sign = -1 if contrast.value < 0 else 1
    low, high = sorted((sign * contrast.low, sign * contrast.high))
    return f"{text}; the data are compatible with {limit(low)} to {limit(high)}"


def _groups(names: tuple[str, ...]) -> str:
    return plain(group_words(names), limit=PROSE_LIMIT)


def _bounds(row: Disparity) -> str:
    low = f"at least {limit(row.low)}" if row.low is not None else f"without a lower limit ({_reason(row, 'low')})"
    high = f"at most {decimal(row.high)}" if row.high is not None else "without an upper limit"
    return f"{low} and {high}" + ("" if row.high is not None else f" ({_reason(row, 'high')})")


def _compatible(row: Disparity) -> str:
    if row.low is None or row.high is None or (not row.low and _beyond_chance(row)):
        return f"it is {_bounds(row)}"
    low = "0" if not row.low else limit(row.low)
    return f"the data are compatible with {low} to {decimal(row.high)}"


def _chance(row: Disparity) -> str:
    if row.chance is None:
        return f"Which gap is usual by chance is not known: {_reason(row, 'chance')}."
    return f"If the groups made no difference, a gap of {decimal(row.chance)} would be usual."


def _conclusion(row: Disparity) -> str:
    if row.verdict is None:
        return f"There is no verdict: {_reason(row, 'verdict')}."
    margin = "" if row.verdict.margin is None else decimal(row.verdict.margin)
    if row.verdict.kind == "undecided":
        return _undecided(row, margin)
    p = "" if row.p_value is None else f" (p {p_value(row.p_value)})"
    beyond, below = f"there is a difference beyond chance{p}", f"below the stated margin of {margin}"
    return {
        "disparity": f"So {beyond}.",
        "disparity_within_margin": f"So {beyond}, and it is {below}.",
        "within_margin": f"So the gap is {below}, averaged over classes; within a single class it may be larger.",
    }[row.verdict.kind]


def _undecided(row: Disparity, margin: str) -> str:
    if _beyond_chance(row):
        return (
            f"So there is a difference beyond chance (p {p_value(row.p_value or 0.0)}), of unknown smallest size."
        )
    within = f"a gap below the stated margin of {margin}" if margin else "its absence"
    p = "" if row.p_value is None else f" (p {p_value(row.p_value)})"
    return f"So neither a difference nor {within} is shown{p}."


def _beyond_chance(row: Disparity) -> bool:
    return row.p_value is not None and row.p_value <= LEVEL


def _reason(row: Disparity, name: str) -> str:
    return _said(row.reasons.get(name, "no reason is given"))


def _said(reason: str) -> str:
    return plain(reason, limit=PROSE_LIMIT).rstrip(".")
