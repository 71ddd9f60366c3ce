"""What the probabilities are worth: calibration and abstention, overall and by subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.reporting.groups import group_legend, twins
from dermbench.reporting.names import feature_title, sorted_features, sorted_groups
from dermbench.reporting.numbers import NONE, Footnotes, cell_text, cell_value, decimal
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.report import Report

Block = dict[str, Any]

EVERYONE = "all images"
CONFIDENCE = "confidence \N{MINUS SIGN} accuracy"
COLUMNS = (
    Column("group", left=True),
    Column("n"),
    Column(
        f"{CONFIDENCE} (95 %)",
        meaning=f"{CONFIDENCE}: above 0 the model is overconfident, below 0 underconfident.",
    ),
    Column("squared error", meaning="squared error: squared calibration error over bins of equal mass, debiased."),
    Column(
        "if perfect",
        meaning="if perfect: what perfect calibration gives (median / 95th percentile); it grows as n shrinks.",
    ),
    Column("ECE-15", drop=1, meaning="ECE-15: expected calibration error, 15 bins."),
    Column("if perfect", drop=1),
    Column("AURC (95 %)", drop=2, meaning="AURC: area under the risk-coverage curve, lower is better."),
)


def calibration_sections(report: Report) -> list[Section]:
    """Return calibration and abstention tables, one a feature; the reason alone where there is none."""
    block = report.calibration
    if block.get("overall") is None:
        reason = plain(block.get("reason") or "")
        return [Section("Calibration", notes=(f"{NONE} {reason}",), detail=True)] if reason else []
    same, features = twins(report.features), block.get("features") or {}
    names = [name for name in sorted_features(features) if name not in same]
    tables = [
        _calibration(name, block, report.features.get(name, {}), first=i == 0) for i, name in enumerate(names)
    ]
    if not names:
        tables = [_calibration(None, block, {}, first=True)]
    abstention = block.get("abstention") or {}
    if abstention:
        tables += [_abstention(name, abstention, first=i == 0) for i, name in enumerate(names or [None])]
    return tables


def _groups(name: str | None, block: Block, *, first: bool) -> dict[str, Block]:
    found = dict((block.get("features") or {}).get(name) or {}) if name is not None else {}
    groups = {key: found[key] for key in sorted_groups(found)}
    return {EVERYONE: block["overall"]} | groups if first else groups


def _calibration(name: str | None, block: Block, feature: Mapping[str, Any], *, first: bool) -> Section:
    notes = Footnotes(merge=True)
    rows = []
    for group, item in _groups(name, block, first=first).items():
        gap = item.get("confidence_gap") or {}
        errors = [text for key in ("squared_error", "ece") for text in _beside(item.get(key), notes)]
        n = Safe(NONE if gap.get("n") is None else f"{gap['n']:,}")
        rows.append((plain(group), n, cell_text(gap or None, notes), *errors, cell_text(item.get("aurc"), notes)))
    legend = group_legend({group: {} for group in feature.get("groups") or {}})
    title = "Calibration" + ("" if name is None else f" by {feature_title(name)}")
    return Section(title, COLUMNS, tuple(rows), (*legend, *notes.lines()), detail=not first, explained=first)


def _beside(error: Block | None, notes: Footnotes) -> tuple[Safe, Safe]:
    """Return a calibration error with three decimals, and what perfect calibration gives."""
    item = error or {}
    if item.get("value") is None:
        return cell_value(error, notes), Safe(NONE)
    both = [item.get("null_median"), item.get("null_q95")]
    chance = " / ".join(NONE if value is None else decimal(value, digits=3) for value in both)
    if both == [None, None]:
        mark = notes.mark(item["reason"]) if item.get("reason") else ""
        chance = f"{NONE}{mark}"
    return Safe(decimal(item["value"], digits=3)), Safe(chance)


def _abstention(name: str | None, block: Block, *, first: bool) -> Section:
    notes = Footnotes(merge=True)
    rows = tuple(
        (plain(group), *(cell_text(item.get(key), notes) for key in ("coverage", "selective_risk")))
        for group, item in _groups(name, block, first=first).items()
    )
    columns = (Column("group", left=True), Column("coverage (95 %)"), Column("error among the answered (95 %)"))
    title = "Abstention" + ("" if name is None else f" by {feature_title(name)}")
    legend = (_threshold(block.get("threshold") or {}),) if first else ()
    return Section(title, columns, rows, (*legend, *notes.lines()), detail=not first)


def _threshold(threshold: Block) -> str:
    value, split = threshold.get("value"), plain(threshold.get("split") or "another split")
    shown = NONE if value is None else decimal(value)
    return f"Answered: images with a confidence of {shown} or more, a threshold fitted on {split}."
