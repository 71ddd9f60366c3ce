"""Calibration and abstention tables, overall and by subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, decimal
from dermbench.reporting.features import shown_features
from dermbench.reporting.names import feature_title, sorted_groups
from dermbench.reporting.numbers import Footnotes, cell_text, count
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.sections.groups import group_legend
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.report import (
        Abstention,
        Calibration,
        CalibrationError,
        GroupCalibration,
        Report,
        Threshold,
    )

T = TypeVar("T")

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
        meaning="if perfect: the median error of a perfectly calibrated model; it grows as n shrinks.",
    ),
    Column("ECE-15", drop=1, meaning="ECE-15: expected calibration error, 15 bins."),
    Column("if perfect", drop=1),
    Column("AURC (95 %)", drop=2, meaning="AURC: area under the risk-coverage curve, lower is better."),
)


@for_report(110, Topic.CALIBRATION)
def calibration_sections(report: Report) -> list[Section]:
    """Return one calibration and one abstention table per feature; only the reason if undefined."""
    block = report.calibration
    if isinstance(block, Undefined):
        return [_reason("Calibration", block)]
    names = [name for name in shown_features(report.features) if name in block.features]
    tables = [_calibration(name, block, first=i == 0) for i, name in enumerate(names)]
    if not names:
        tables = [_calibration(None, block, first=True)]
    if isinstance(block.abstention, Undefined):
        return [*tables, _reason("Abstention", block.abstention)]
    return [
        *tables,
        *(_abstention(name, block.abstention, first=i == 0) for i, name in enumerate(names or [None])),
    ]


def _reason(title: str, block: Undefined) -> Section:
    return Section(title, notes=(f"{NONE} {plain(block.reason, limit=PROSE_LIMIT)}",), detail=True)


def _groups(name: str | None, overall: T, features: Mapping[str, Mapping[str, T]], *, first: bool) -> dict[str, T]:
    found = features.get(name, {}) if name is not None else {}
    groups = {key: found[key] for key in sorted_groups(found)}
    return {EVERYONE: overall} | groups if first else groups


def _calibration(name: str | None, block: Calibration, *, first: bool) -> Section:
    notes = Footnotes(merge=True)
    groups = _groups(name, block.overall, block.features, first=first)
    rows = tuple((plain(group), *_row(item, notes)) for group, item in groups.items())
    title = "Calibration" + ("" if name is None else f" by {feature_title(name)}")
    lines = (*group_legend(groups), *notes.lines())
    return Section(title, COLUMNS, rows, lines, detail=not first, explained=first)


def _row(item: GroupCalibration, notes: Footnotes) -> tuple[Safe, ...]:
    errors = [text for error in (item.squared_error, item.ece) for text in _beside(error, notes)]
    gap = cell_text(item.confidence_gap, notes)
    return count(item.confidence_gap.n), gap, *errors, cell_text(item.aurc, notes)


def _beside(error: CalibrationError, notes: Footnotes) -> tuple[Safe, Safe]:
    """Return a calibration error with three decimals, and the error expected under perfect calibration."""
    if error.value is None:
        return Safe(NONE + notes.mark(error.reason)), Safe(NONE)
    mark = notes.mark(error.reason) if error.chance is None and error.reason else ""
    chance = NONE + mark if error.chance is None else decimal(error.chance, digits=3)
    return Safe(decimal(error.value, digits=3)), Safe(chance)


def _abstention(name: str | None, block: Abstention, *, first: bool) -> Section:
    notes = Footnotes(merge=True)
    rows = tuple(
        (plain(group), cell_text(item.coverage, notes), cell_text(item.selective_risk, notes))
        for group, item in _groups(name, block.overall, block.features, first=first).items()
    )
    columns = (Column("group", left=True), Column("coverage (95 %)"), Column("error among the answered (95 %)"))
    title = "Abstention" + ("" if name is None else f" by {feature_title(name)}")
    legend = (_threshold(block.threshold),) if first else ()
    return Section(title, columns, rows, (*legend, *notes.lines()), detail=not first)


def _threshold(threshold: Threshold) -> str:
    shown, split = decimal(threshold.value), plain(threshold.split)
    return f"Answered: images with a confidence of {shown} or more, a threshold fitted on {split}."
