"""Tables of the positive classes: operating points, predictive values, ROC areas, the decision curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import NONE, decimal, enumerated
from dermbench.reporting.names import feature_title, sorted_groups
from dermbench.reporting.numbers import Footnotes, cell_text, count
from dermbench.reporting.report_sections import for_report
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.sections.disparity import gap_text, verdict_words
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.artifacts.report import Clinical, Discrimination, OperatingGroup, OperatingPoint, Report

EVERYONE = "all images"
GAPS_SAID = (
    "Exploratory. For a fitted threshold, limits and p allow for its uncertainty: they hold for any "
    "threshold between its limits."
)
POINTS = "Sensitivity and specificity"


@for_report(25, Topic.CLINICAL)
def operating_point_section(report: Report) -> list[Section]:
    """Return the table of operating points; empty without points."""
    points = report.operating_points
    return [] if not points or report.positive is None else [_points(report, points)]


@for_report(40, Topic.CLINICAL)
def clinical_sections(report: Report) -> list[Section]:
    """Return the tables of predictive values, gaps at thresholds and curves; empty without operating points."""
    points, tables = report.operating_points, list[Section]()
    if not points or report.positive is None:
        return tables
    if any(point.overall.ppv for point in points):
        tables.append(_predictive_values(points))
    gaps = [point for point in points if point.gaps]
    if gaps:
        tables.append(_gaps(gaps))
    if report.clinical is not None:
        tables += [_areas(report.clinical), _decision_curve(report.clinical)]
    return tables


def _points(report: Report, points: tuple[OperatingPoint, ...]) -> Section:
    assert report.positive is not None
    notes = Footnotes()
    rows = [
        (
            _point_title(point),
            name,
            count(group.sensitivity.n),
            cell_text(group.sensitivity, notes),
            count(group.specificity.n),
            cell_text(group.specificity, notes),
        )
        for point in points
        for name, group in _groups(point)
    ]
    columns = (
        Column("called positive by", left=True, heading=True),
        Column("group", left=True),
        Column("positive"),
        Column("sensitivity (95 %)"),
        Column("other"),
        Column("specificity (95 %)"),
    )
    said = [f"Positive: {enumerated(plain(name, limit=60) for name in report.positive.classes)}."]
    if any(point.fitted_on is not None for point in points):
        said.append("The intervals include that the threshold was found on a limited number of validation images.")
    return Section(POINTS, columns, tuple(rows), (*said, *notes.lines()))


def _point_title(point: OperatingPoint) -> str:
    if point.rule == "argmax":
        return "the predicted class"
    at = "nothing is called positive" if point.threshold is None else f"at {decimal(point.threshold, digits=3)}"
    if point.fitted_on is None:
        return f"threshold {at.removeprefix('at ')}"
    found = point.fitted_on
    return f"{plain(point.name)} on {plain(found.split)} ({found.n:,} images): {at}"


def _groups(point: OperatingPoint) -> Iterator[tuple[str, OperatingGroup]]:
    yield EVERYONE, point.overall
    for name in sorted_groups(point.groups):
        yield plain(name), point.groups[name]


def _predictive_values(points: tuple[OperatingPoint, ...]) -> Section:
    notes = Footnotes()
    stated = [each.prevalence for each in points[0].overall.ppv]
    rows = [
        (
            _point_title(point),
            name,
            *(cell_text(each.cell, notes) for pair in zip(group.ppv, group.npv, strict=True) for each in pair),
        )
        for point in points
        for name, group in _groups(point)
    ]
    heads = [
        f"{kind} at {decimal(share, digits=3).rstrip('0')} (95 %)" for share in stated for kind in ("PPV", "NPV")
    ]
    columns = (
        Column("called positive by", left=True, heading=True),
        Column("group", left=True),
        *map(Column, heads),
    )
    said = (
        "PPV, NPV: share of positive and of negative calls that are right at the stated share of positive cases."
    )
    return Section("Predictive values at stated prevalences", columns, tuple(rows), (said, *notes.lines()))


def _gaps(points: list[OperatingPoint]) -> Section:
    rows = [
        (
            _point_title(point),
            metric,
            gap_text(row),
            NONE if isinstance(row, Undefined) or row.p_value is None else decimal(row.p_value, digits=3),
            verdict_words(row),
        )
        for point in points
        for metric, row in sorted(point.gaps.items())
    ]
    columns = (
        Column("called positive by", left=True, heading=True),
        Column("metric", left=True),
        Column("gap [at least, at most]"),
        Column("p"),
        Column("verdict", left=True),
    )
    title = feature_title(points[0].feature or "")
    return Section(f"Gaps by {title} at these thresholds", columns, tuple(rows), (GAPS_SAID,))


def _areas(block: Clinical) -> Section:
    notes = Footnotes()
    rows = [(name, count(part.auroc.n), cell_text(part.auroc, notes)) for name, part in _parts(block)]
    columns = (Column("group", left=True), Column("n"), Column("AUROC (95 %)"))
    return Section("Area under the ROC curve", columns, tuple(rows), tuple(notes.lines()))


def _parts(block: Clinical) -> Iterator[tuple[str, Discrimination]]:
    yield EVERYONE, block.overall
    for name in sorted_groups(block.groups):
        yield plain(name), block.groups[name]


def _decision_curve(block: Clinical) -> Section:
    notes = Footnotes()
    names = sorted_groups(block.groups)
    rows = [
        (
            decimal(point.probability),
            cell_text(point.overall, notes),
            decimal(point.everyone),
            *(cell_text(point.groups[name], notes) for name in names),
        )
        for point in block.net_benefit
    ]
    heads = (f"{EVERYONE} (95 %)", "act on everyone", *(f"{plain(name)} (95 %)" for name in names))
    columns = (Column("threshold probability", left=True), *map(Column, heads))
    said = (
        "Net benefit: true positives an image, less false positives times the odds of the threshold probability, "
        "at which acting and not acting are worth the same. It needs calibrated probabilities and the prevalence "
        "of the clinic; acting on nobody is worth 0."
    )
    return Section("Decision curve", columns, tuple(rows), (said, *notes.lines()), detail=True)
