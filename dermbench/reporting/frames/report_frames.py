"""The tables of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined, rounded
from dermbench.reporting.frames.cells import CELL, FEATURE, GAP, INTERVAL, METRIC, REASON, cell_values, gap_values
from dermbench.reporting.frames.frame import Frame, Value, counts, flags, joined, numbers, texts
from dermbench.reporting.names import sorted_features, sorted_groups, sorted_metrics

if TYPE_CHECKING:
    from dermbench.artifacts.report import OperatingGroup, Report, ScreenRow

Rows = Iterator[tuple[Value, ...]]

LOWEST = (
    *texts(lowest_groups="groups in which the class is recognised least"),
    *counts(
        lowest_k="images of the class recognised in these groups",
        lowest_n="images of the class in these groups",
        rest_k="images of the class recognised in the other groups",
        rest_n="images of the class in the other groups",
    ),
    *numbers(lowest_q="corrected p-value of the difference to the other groups"),
)


def _metrics(report: Report) -> Rows:
    for name in sorted_metrics(report.overall):
        yield name, *cell_values(report.overall[name], report.n)


def _groups(report: Report) -> Rows:
    for feature in sorted_features(report.features):
        groups = report.features[feature].groups
        for name in sorted_groups(groups):
            group = groups[name]
            about = (feature, name, group.n, group.units, group.small)
            for metric in sorted_metrics(group.cells):
                yield *about, metric, *cell_values(group.cells[metric])


def _gaps(report: Report) -> Rows:
    for feature in sorted_features(report.features):
        rows = report.features[feature].disparities
        for metric in sorted_metrics(rows):
            yield feature, None, metric, *gap_values(rows[metric])
    for point in report.operating_points:
        for metric in sorted(point.gaps):
            yield point.feature, point.name, metric, *gap_values(point.gaps[metric])


def _classes(report: Report) -> Rows:
    for name in [name for name in report.classes if name in report.per_class]:
        row = report.per_class[name]
        for metric, cell in (("precision", row.precision), ("recall", row.recall), ("f1", row.f1)):
            yield name, row.support, metric, *cell_values(cell)


def _screen(report: Report) -> Rows:
    for feature in sorted_features(report.features):
        screen = report.features[feature].screen
        if isinstance(screen, Undefined):
            yield feature, *(None,) * (len(SCREEN) - 2), screen.reason
            continue
        for label in [name for name in report.classes if name in screen]:
            yield from _screened(feature, label, screen[label])


def _screened(feature: str, label: str, row: ScreenRow) -> Rows:
    worst = row.worst
    lowest: tuple[Value, ...] = (None,) * len(LOWEST)
    if worst is not None:
        lowest = (joined(worst.groups), worst.k, worst.n, worst.rest_k, worst.rest_n, worst.q)
    for group in sorted_groups(row.cells):
        cell = row.cells[group]
        recall = rounded(cell.k / cell.n) if cell.n else None
        reason = None if cell.n else "no image of the class in the group"
        told = (feature, label, group, cell.k, cell.n, recall, cell.low, cell.high, cell.q, cell.thin)
        yield *told, *lowest, reason


def _confusion(report: Report) -> Rows:
    labels = report.confusion.labels
    for true, line in zip(labels, report.confusion.matrix, strict=True):
        total = sum(line)
        for predicted, n in zip(labels, line, strict=True):
            yield true, predicted, n, rounded(n / total) if total else None


def _operating_points(report: Report) -> Rows:
    for point in report.operating_points:
        found = point.fitted_on
        fitted: tuple[Value, ...] = (None,) * 4 if found is None else (found.split, found.n, found.low, found.high)
        about = (point.name, point.rule, point.target, point.threshold, *fitted)
        for metric, prevalence, values in _scores(point.overall):
            yield *about, None, None, metric, prevalence, *values
        for name in sorted_groups(point.groups):
            for metric, prevalence, values in _scores(point.groups[name]):
                yield *about, point.feature, name, metric, prevalence, *values


def _scores(group: OperatingGroup) -> Iterator[tuple[str, float | None, tuple[Value, ...]]]:
    yield "sensitivity", None, cell_values(group.sensitivity)
    yield "specificity", None, cell_values(group.specificity)
    for name, stated in (("ppv", group.ppv), ("npv", group.npv)):
        for item in stated:
            yield name, item.prevalence, cell_values(item.cell)


SCREEN = (
    *FEATURE,
    *texts(label="true class", group="group"),
    *counts(k="images of the class recognised in the group", n="images of the class in the group"),
    *numbers(recall="k / n"),
    *INTERVAL,
    *numbers(q_value="corrected p-value of the difference to the other groups"),
    *flags(thin="fewer than 10 images"),
    *LOWEST,
    *REASON,
)
_ALL: tuple[Frame[Report], ...] = (
    Frame("metrics", "a metric of all images", (*METRIC, *CELL), _metrics),
    Frame(
        "groups",
        "a metric of one group",
        (
            *FEATURE,
            *texts(group="group"),
            *counts(group_n="images of the group", group_units="patients, lesions or images of the group"),
            *flags(small="too few images to compare"),
            *METRIC,
            *CELL,
        ),
        _groups,
    ),
    Frame(
        "gaps",
        "a gap in one metric between the groups of one feature",
        (
            *FEATURE,
            *texts(operating_point="operating point; empty for the predicted class and for probabilities"),
            *METRIC,
            *GAP,
        ),
        _gaps,
    ),
    Frame(
        "classes",
        "precision, recall or F1 of a class",
        (*texts(label="class"), *counts(support="images of the class"), *METRIC, *CELL),
        _classes,
    ),
    Frame("screen", "recall of one class in one group", SCREEN, _screen),
    Frame(
        "confusion",
        "images of one class predicted as another or as the same",
        (
            *texts(label="true class", predicted="predicted class"),
            *counts(n="images"),
            *numbers(share="share of the images of the true class"),
        ),
        _confusion,
    ),
    Frame(
        "operating_points",
        "a score at one operating point, of all images or of one group",
        (
            *texts(
                operating_point="name of the operating point", rule="argmax, threshold, sensitivity or specificity"
            ),
            *numbers(
                target="stated threshold, sensitivity or specificity",
                threshold="probability at and above which an image is called positive",
            ),
            *texts(fitted_split="split on which the threshold was found"),
            *counts(fitted_n="images of that split"),
            *numbers(
                threshold_low="lower 95 % limit of the threshold",
                threshold_high="upper 95 % limit of the threshold",
            ),
            *FEATURE,
            *texts(group="group; empty for all images"),
            *METRIC,
            *numbers(prevalence="assumed share of positive cases of a predictive value"),
            *CELL,
        ),
        _operating_points,
    ),
)
REPORT_FRAMES = {frame.name: frame for frame in _ALL}
"""{name: table} of a report, in reading order."""
