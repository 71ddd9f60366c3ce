"""Sentences about the data, methods and results of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Adjusted, Cell, Disparity, SkinTypeError, Undefined
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import (
    counted,
    decimal,
    enumerated,
    feature_words,
    group_words,
    interval,
    is_skin_type,
)
from dermbench.reporting.features import shown_features
from dermbench.reporting.names import (
    feature_title,
    headline_metrics,
    metric_title,
    shown_metrics,
    sorted_groups,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dermbench.artifacts.report import AdjustedContrast, CorrectedContrast, Report


def name_of(report: Report) -> str:
    """Return the name of the model, or a phrase if it has none."""
    return report.model or "a model without a name"


def said(report: Report, *kinds: str) -> list[str]:
    """Return the summary sentences of these kinds, unchanged."""
    return [sentence.text for sentence in report.summary if sentence.kind in kinds]


def has_skin_type(report: Report) -> bool:
    """Return whether performance by Fitzpatrick skin type, or band of types, was evaluated."""
    return any(is_skin_type(name) and _n_known(report, name) for name in report.features)


def _n_known(report: Report, name: str) -> int:
    return sum(group.n for key, group in report.features[name].groups.items() if key != UNKNOWN)


def has_probabilities(report: Report) -> bool:
    """Return whether the predictions have probabilities; without them calibration is undefined."""
    return not isinstance(report.calibration, Undefined)


def value_words(cell: Cell) -> str:
    """Return ``.62 [.59, .65], n = 400``, or the reason if undefined."""
    if cell.value is None:
        return f"undefined ({cell.reason})"
    ends = "" if cell.low is None else f" {interval(cell.low, cell.high)}"
    n = "" if cell.n is None else f", n = {cell.n:,}"
    return f"{decimal(cell.value)}{ends}{n}"


def headline(report: Report) -> list[str]:
    """Return the headline metrics on all images, with interval and number of images."""
    return values(report, headline_metrics(report.overall, report.first_metrics))


def values(report: Report, names: Iterable[str]) -> list[str]:
    """Return these metrics on all images, with interval and number of images."""
    return [f"{_capital(metric_title(name))}: {value_words(report.overall[name])}." for name in names]


def by_group(report: Report) -> list[str]:
    """Return the first headline metric in each group of each sensitive feature."""
    found = []
    for name in shown_features(report.features):
        groups = report.features[name].groups
        metrics = headline_metrics(
            {metric for group in groups.values() for metric in group.cells}, report.first_metrics
        )
        for metric in metrics[:1]:
            parts = [
                f"{key} {value_words(groups[key].cells[metric])}"
                for key in sorted_groups(groups)
                if metric in groups[key].cells
            ]
            found.append(f"{_capital(metric_title(metric))} by {feature_title(name)}: {'; '.join(parts)}.")
    return found


def cells(report: Report) -> Iterator[Cell]:
    """Yield every value of the report: on all images, by class and by group."""
    yield from report.overall.values()
    for row in report.per_class.values():
        yield from (row.precision, row.recall, row.f1)
    for feature in report.features.values():
        for group in feature.groups.values():
            yield from group.cells.values()


def has_intervals(report: Report) -> bool:
    """Return whether some headline metric is defined, and all defined ones have an interval."""
    found = [report.overall[name] for name in headline_metrics(report.overall, report.first_metrics)]
    return any(cell.value is not None for cell in found) and all(
        cell.low is not None for cell in found if cell.value is not None
    )


def interval_methods(report: Report) -> list[str]:
    """Return the interval methods, and the numbers of values without an interval and of undefined values."""
    methods: dict[str, list[str]] = {}
    for name in shown_metrics(report.overall):
        if method := report.overall[name].method:
            methods.setdefault(method, []).append(metric_title(name))
    bare = sum(cell.value is not None and cell.low is None for cell in cells(report))
    unknown = sum(cell.value is None for cell in cells(report))
    said = "; ".join(f"{method} ({', '.join(names)})" for method, names in methods.items())
    found = [f"95 % intervals of all images: {said}."] if said else ["No value of all images has an interval."]
    found += [f"Values without an interval: {bare:,}."] if bare else []
    return [*found, *([f"Undefined values, each with its reason: {unknown:,}."] if unknown else [])]


def resampling(report: Report) -> list[str]:
    """Return what is resampled, how often and with which seed."""
    told = report.provenance
    by = "image (independence between images is assumed)" if told.unit.column is None else told.unit.column
    return [
        f"Resampled and permuted by {by}: {told.unit.count:,} units, {told.resamples:,} times, seed {told.seed}."
    ]


def tests(report: Report) -> list[str]:
    """Return how many gaps between groups were tested."""
    if report.family is None:
        return []
    about = enumerated([feature_title(name) for name in report.family.features])
    n = counted(report.family.n_questions, "question")
    return [f"Gaps between groups were tested with the true class held fixed: {n} by {about}."]


def correction(report: Report) -> list[str]:
    """Return how p-values were corrected for the number of questions."""
    return [] if report.family is None else [f"Correction: {report.family.adjustment}."]


def question(report: Report) -> list[str]:
    """Return the primary question and its margin."""
    if report.primary is None:
        return []
    title, feature = metric_title(report.primary.metric), feature_words(report.primary.feature)
    found = report.features.get(report.primary.feature)
    row = None if found is None else found.disparities.get(report.primary.metric)
    margin = None if not isinstance(row, Disparity) or row.verdict is None else row.verdict.margin
    stated = "no margin was stated" if margin is None else f"the stated margin is {decimal(margin)}"
    return [f"Primary question: the gap in {title} by {feature}; {stated}."]


def unknown_groups(report: Report) -> list[str]:
    """Return for how many images each sensitive feature is unknown."""
    return [
        f"{feature_title(name)} is unknown for {report.features[name].unknown_n:,} images; they count overall and "
        "in no gap."
        for name in shown_features(report.features)
        if report.features[name].unknown_n
    ]


def annotators(report: Report) -> list[str]:
    """Return how well several annotators of a sensitive feature agree."""
    found = []
    for name in shown_features(report.features):
        block = report.features[name].annotators
        if block is None:
            continue
        gap = block.gap
        alone = "" if isinstance(gap, Undefined) else f"{decimal(gap.min)} to {decimal(gap.max)}"
        ends = alone and f"; with the labels of each of them alone the primary gap is {alone}"
        found.append(
            f"{feature_title(name)} by {len(block.columns)} annotators: the same label for "
            f"{value_words(block.exact)}, at most one step apart for {value_words(block.within_one)}{ends}."
        )
    return found


def sensitivity_analyses(report: Report) -> list[str]:
    """Return the primary result without twins, with columns held fixed, and corrected for skin-type errors."""
    found = []
    rest = report.without_twins
    if rest is not None and rest.n == report.n:
        found.append("No evaluated image is known to have a twin in training data.")
    elif rest is not None:
        names = headline_metrics(rest.overall, report.first_metrics)[:1]
        values = "".join(f"; {metric_title(name)} {value_words(rest.overall[name])}" for name in names)
        found.append(
            f"Without images that have a twin in training data {rest.n:,} of {report.n:,} are left{values}."
        )
    held, errors = report.adjusted, report.skin_type_error
    if isinstance(held, Adjusted):
        row = held.contrasts[0]
        both = f"{value_words(row.by_class)} with the class held fixed"
        more = f"with {enumerated(held.columns)} held fixed as well {value_words(row.adjusted)}"
        found.append(f"{_sides(row, held.metric)}: {both}, {more}.")
    if isinstance(errors, SkinTypeError):
        pair = errors.contrasts[0]
        better = f"corrected for errors in the skin types {value_words(pair.corrected)}"
        found.append(f"{_sides(pair, errors.metric)}: {value_words(pair.uncorrected)} by the labels, {better}.")
    return found


def _sides(row: AdjustedContrast | CorrectedContrast, metric: str) -> str:
    return f"{_capital(metric_title(metric))}, {group_words(row.first)} minus {group_words(row.second)}"


def calibration(report: Report) -> list[str]:
    """Return the difference between confidence and accuracy, and the calibration error."""
    if isinstance(report.calibration, Undefined):
        return [f"Calibration is not known: {report.calibration.reason}."]
    overall = report.calibration.overall
    gap = overall.confidence_gap
    found = [f"Mean confidence minus accuracy: {value_words(gap)} (above 0: overconfident)."]
    error = overall.ece
    if error.value is None:
        return [*found, f"Expected calibration error: undefined ({error.reason})."]
    beside = (
        ""
        if error.chance is None
        else f"; a perfectly calibrated model would show {decimal(error.chance, digits=3)}"
    )
    return [*found, f"Expected calibration error: {decimal(error.value, digits=3)}{beside}."]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
