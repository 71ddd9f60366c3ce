"""The summary of a report: three to eight sentences, made only from its typed numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report.disparity import LEVEL, Disparity
from dermbench.artifacts.report.features import THIN
from dermbench.artifacts.report.parts import Undefined
from dermbench.artifacts.report.report import Extremes, SummarySentence
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN
from dermbench.artifacts.wording import (
    CROSS,
    counted,
    decimal,
    enumerated,
    feature_words,
    group_words,
    images_of,
    is_skin_type,
    limit,
    limits,
    p_value,
    span_words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.report.disparity import Contrast
    from dermbench.artifacts.report.features import Feature, Worst
    from dermbench.artifacts.report.parts import Cell
    from dermbench.artifacts.report.report import ClassRow, Report

EXTREMES = 3
"""Number of best and of worst classes that are named."""
OF_ONE_KIND = frozenset({"sensitivity", "specificity"})
"""Metrics over positive images only, or other images only; their plain values include no mix of both."""
FAILURES = 2
"""Number of classes named in the sentence on where recall fails."""


def summary(
    report: Report, *, title: str | None = None, higher_is_better: bool = True
) -> tuple[SummarySentence, ...]:
    """Return the sentences of a report.

    Parameters
    ----------
    report
        The report; its ``summary`` is not used.
    title, higher_is_better
        Title of the primary metric, by default its name, and whether higher values are better.

    Returns
    -------
    tuple of SummarySentence
        One sentence of each kind, in the order of :class:`SummarySentence`; empty sentences are left out.
    """
    found = (
        SummarySentence(kind="tested", text=_tested(report)),
        SummarySentence(kind="no_answer", text="" if report.no_answer is None else report.no_answer.sentence()),
        SummarySentence(kind="positive", text=_positive(report)),
        SummarySentence(kind="classes", text=_classes(report)),
        SummarySentence(kind="primary", text=_primary(report, title, low_is_bad=higher_is_better)),
        SummarySentence(kind="groups", text=_groups(report, title)),
        SummarySentence(kind="fails", text=_fails(report)),
        SummarySentence(kind="limits", text=_limits(report)),
    )
    return tuple(sentence for sentence in found if sentence.text)


def class_extremes(per_class: Mapping[str, ClassRow]) -> Extremes:
    """Return the classes with the highest and the lowest F1, at most three each, without overlap.

    Parameters
    ----------
    per_class
        {class: its scores}; of classes with equal F1, the first counts as better.
    """
    values = {name: row.f1.value for name, row in per_class.items()}
    ranked = sorted((n for n in values if values[n] is not None), key=lambda name: -(values[name] or 0.0))
    size = min(EXTREMES, len(ranked) // 2)
    return Extremes(best=tuple(ranked[:size]), worst=tuple(ranked[::-1][:size]))


def tested_images(report: Report) -> str:
    """Return ``1,227 images of the test split of ajl-21``, or ``30 images of the table truth``."""
    return images_of(report.n, report.split, report.task)


def _tested(report: Report) -> str:
    model = report.model or "The model"
    text = f"{model} was tested on {tested_images(report)}, in {counted(len(report.classes), 'class')}"
    name = _counted_feature(report)
    if name is None:
        return f"{text}."
    feature = report.features[name]
    sizes = [f"{group} {item.n:,}" for group, item in feature.groups.items() if group != UNKNOWN]
    return f"{text}; by {feature_words(name)}: {', '.join([*sizes, f'unknown {feature.unknown_n:,}'])}."


def _positive(report: Report) -> str:
    """Say how many positive and negative images are recognised, and how many positive ones in each group."""
    if report.positive is None or not report.positive.leads:
        return ""
    seen, others = (report.overall.get(name) for name in report.first_metrics)
    if seen is None or others is None:
        return ""
    if seen.value is None or others.value is None:
        return "Sensitivity and specificity need positive and other images; there are none of one kind."
    name = enumerated(report.positive.classes)
    said = (
        f"Of {seen.n or 0:,} positive images ({name}), {_hits(seen)} were recognised: sensitivity "
        f"{decimal(seen.value)}{_ends(seen)}. Of {others.n or 0:,} others, {_hits(others)} were recognised as "
        f"such: specificity {decimal(others.value)}{_ends(others)}."
    )
    chosen = None if report.primary is None else report.features.get(report.primary.feature)
    groups = {} if chosen is None else chosen.groups
    cells = {group: item.cells.get("sensitivity") for group, item in groups.items() if group != UNKNOWN}
    parts = [f"{group} {_hits(cell)} of {cell.n}" for group, cell in cells.items() if cell is not None and cell.n]
    assert report.primary is not None or not parts
    by = "" if report.primary is None or not parts else feature_words(report.primary.feature)
    return said + (f" Recognised by {by}: {', '.join(parts)}." if parts else "")


def _hits(cell: Cell) -> str:
    return f"{round((cell.value or 0.0) * (cell.n or 0)):,}"


def _ends(cell: Cell) -> str:
    shown = limits(cell.low, cell.high)
    return f" {shown}" if cell.low is not None and cell.high is not None else ""


def _counted_feature(report: Report) -> str | None:
    """Return the feature whose group sizes are named: a skin type, else the primary feature, else the first."""
    names = sorted(report.features, key=lambda name: (name != "fst", name))
    skin = [name for name in names if is_skin_type(name)]
    if skin:
        return skin[0]
    if report.primary is not None and report.primary.feature in report.features:
        return report.primary.feature
    return names[0] if names else None


def _classes(report: Report) -> str:
    best, worst = report.class_extremes.best, report.class_extremes.worst
    if not best or not worst:
        return "The classes cannot be ranked: fewer than two have an F1."
    return f"Highest F1: {_scores(best, report)}. Lowest: {_scores(worst, report)}."


def _scores(names: Sequence[str], report: Report) -> str:
    rows = [(name, report.per_class[name]) for name in names]
    return enumerated(f"{name} {decimal(row.f1.value or 0.0)} (n = {row.support:,})" for name, row in rows)


def _primary(report: Report, title: str | None, *, low_is_bad: bool) -> str:
    if report.primary is None:
        return ""
    name = report.primary.feature
    title = title or report.primary.metric.replace("_", " ")
    feature = report.features.get(name)
    row = None if feature is None else feature.disparities.get(report.primary.metric)
    if not isinstance(row, Disparity):
        reason = row.reason if isinstance(row, Undefined) else "it was not computed"
        return f"No answer on {title} {_between(name)}: {reason}."
    return _answer(row, title, report, low_is_bad=low_is_bad)


def _groups(report: Report, title: str | None) -> str:
    """Give the plain values of the best and of the worst group, which include class mix."""
    if report.primary is None or report.primary.feature not in report.features:
        return ""
    metric, feature = report.primary.metric, report.features[report.primary.feature]
    row = feature.disparities.get(metric)
    if not isinstance(row, Disparity) or row.raw is None or not row.raw.difference:
        return ""
    ends = (row.raw.worst_group, row.raw.best_group)
    cells = {name: group.cells[metric] for name, group in feature.groups.items() if metric in group.cells}
    if not cells.keys() >= set(ends):
        return ""
    worst, best = (_plain_value(cells, cells[name].value) for name in ends)
    mix = "" if metric in OF_ONE_KIND else ", class mix included"
    return f"{_capital(title or metric.replace('_', ' '))} as it stands{mix}: {worst}; {best}."


def _plain_value(cells: Mapping[str, Cell], value: float | None) -> str:
    """Return ``.57 [.42, .70] on type VI (n = 44)``; no interval if several groups have this value."""
    found = [name for name, cell in cells.items() if name != UNKNOWN and cell.value == value]
    scale = (*FST_NAMES, *BANDS)
    names = sorted(found, key=lambda name: scale.index(name) if name in scale else len(scale))
    ends = _ends(cells[names[0]]) if len(names) == 1 else ""
    sizes = enumerated(f"{cells[name].n or 0:,}" for name in names)
    return f"{decimal(value or 0.0)}{ends} on {group_words(names)} (n = {sizes})"


def _answer(row: Disparity, title: str, report: Report, *, low_is_bad: bool) -> str:
    assert report.primary is not None
    said, feature = row.verdict, report.primary.feature
    if said is None:
        reason = row.reasons["verdict"]
        return f"No verdict on {title} {_between(feature)}: {reason}; the gap is {_limits_of(row)}."
    margin = decimal(said.margin or 0.0)
    if said.kind == "within_margin":
        return (
            f"Within the stated margin of {margin}: the difference in {title} {_between(feature)}, averaged over "
            f"classes, is below {margin} ({_numbers(row)}); {_not_bounded(report)}."
        )
    if said.kind == "undecided":
        return _undecided(row, title, feature)
    beyond = f"{_capital(title)} differs {_between(feature)} beyond chance"
    if said.kind == "disparity_within_margin":
        beyond += f", by less than the stated margin of {margin}"
    contrast = "" if row.contrast is None else f": {_contrast(row.contrast, low_is_bad=low_is_bad)}"
    return f"{beyond}{contrast} ({_numbers(row)})."


def _undecided(row: Disparity, title: str, feature: str) -> str:
    known = f"the gap in {title} {_between(feature)}"
    if row.p_value is not None and row.p_value <= LEVEL:
        high = "" if row.high is None else f" and at most {decimal(row.high)}"
        beyond = f"{known} is beyond chance (p {p_value(row.p_value)}), but its size is not bounded from below"
        return f"Not settled: {beyond}; it is {decimal(row.gap)} here{high}."
    p = "" if row.p_value is None else f"; p {p_value(row.p_value)}"
    if row.high is None:
        return f"Not settled: {known} is {decimal(row.gap)} here, and has no upper limit{p}."
    return f"Not settled: {known} may be anywhere from 0 to {decimal(row.high)} ({decimal(row.gap)} here{p})."


def _contrast(contrast: Contrast, *, low_is_bad: bool) -> str:
    """Return ``type VI lies below types I and II by .15 [.06, .24]``, the worse side first."""
    worse, better = contrast.first, contrast.second
    if (contrast.value <= 0) != low_is_bad:
        worse, better = better, worse
    sign = -1 if contrast.value < 0 else 1
    ends = sorted(sign * end for end in (contrast.low, contrast.high) if end is not None)
    shown = f" {limits(*ends)}" if len(ends) == 2 else ""
    verb = "lie" if len(worse) > 1 or worse[0] in BANDS else "lies"
    side = "below" if low_is_bad else "above"
    return f"{group_words(worse)} {verb} {side} {group_words(better)} by {decimal(abs(contrast.value))}{shown}"


def _limits_of(row: Disparity) -> str:
    parts = [decimal(row.gap)]
    parts += [] if row.low is None else [f"at least {limit(row.low)}"]
    parts += [] if row.high is None else [f"at most {decimal(row.high)}"]
    return ", ".join(parts)


def _numbers(row: Disparity) -> str:
    p = "" if row.p_value is None else f"; p {p_value(row.p_value)}"
    return f"gap {_limits_of(row)}{p}"


def _not_bounded(report: Report) -> str:
    named = report.positive.classes if report.positive else ()
    named = named or tuple(name for name in report.classes if "melanoma" in name.lower())[:1]
    included = f", {enumerated(named)} included," if named else ""
    return f"differences within a class{included} are not bounded by this"


def _fails(report: Report) -> str:
    name = None if report.primary is None else report.primary.feature
    feature = None if name is None else report.features.get(name)
    if name is None or feature is None or isinstance(feature.screen, Undefined):
        return ""
    found = failures(feature)
    if not found:
        return _no_failure(feature, name)
    groups = [group for group in feature.groups if group != UNKNOWN]
    said = [failure_words(label, worst, groups) for label, worst in found[:FAILURES]]
    more = len(found) - len(said)
    rest = f"; {counted(more, 'further class')} also stand{'s' * (more == 1)} out" if more else ""
    return f"Where it fails: {'; '.join(said)}{rest}."


def _no_failure(feature: Feature, name: str) -> str:
    """Say that no class stands out, and how many cells have too few images to show it."""
    assert not isinstance(feature.screen, Undefined)
    cells = [cell for row in feature.screen.values() for cell in row.cells.values() if cell.n]
    thin = sum(cell.thin for cell in cells)
    few = f"; {thin:,} of {len(cells):,} class{CROSS}group cells hold fewer than {THIN} images" if thin else ""
    where = f"some groups of {feature_words(name)}"
    return f"No class is recognised clearly less in {where} than in others (q > .05){few}."


def failures(feature: Feature) -> list[tuple[str, Worst]]:
    """Return the classes that are recognised less in some groups than in the others, largest difference first.

    Only classes with a corrected p-value of .05 or less; empty if recall by class and group is undefined.
    """
    if isinstance(feature.screen, Undefined):
        return []
    found = []
    for label, row in feature.screen.items():
        if row.worst is not None and row.worst.q <= LEVEL and _drop(row.worst) > 0:
            found.append((label, row.worst))
    return sorted(found, key=lambda item: -_drop(item[1]))


def _drop(worst: Worst) -> float:
    return worst.rest_k / worst.rest_n - worst.k / worst.n


def failure_words(label: str, worst: Worst, groups: Sequence[str]) -> str:
    """Return ``melanoma on V-VI: 16 of 30 recognised, 140 of 160 on I-IV (q .002)``, of all known groups."""
    rest = [group for group in groups if group not in worst.groups]
    skin = all(group in {*FST_NAMES, *BANDS} for group in groups)
    others = span_words(rest) if skin else "the others"
    return (
        f"{label} on {span_words(worst.groups)}: {worst.k:,} of {worst.n:,} recognised, "
        f"{worst.rest_k:,} of {worst.rest_n:,} on {others} (q {p_value(worst.q)})"
    )


def _limits(report: Report) -> str:
    found = [*_thin(report), *_annotators(report)]
    if not report.features:
        found.append("no sensitive feature was evaluated, so nothing is known about differences between subgroups")
    if report.provenance.unit.column is None:
        found.append("no column says which images share a patient, so images count as independent")
    return f"What the data cannot say: {'; '.join(found)}." if found else ""


def _thin(report: Report) -> list[str]:
    name = _counted_feature(report)
    if name is None:
        return []
    groups = {group: item for group, item in report.features[name].groups.items() if group != UNKNOWN}
    small = [group for group, item in groups.items() if item.small and item.n]
    scale = FST_NAMES if set(groups) <= set(FST_NAMES) else BANDS if set(groups) <= set(BANDS) else tuple(groups)
    absent = [group for group in scale if group not in groups or not groups[group].n]
    found = [f"no image of {group_words(absent)}"] if absent else []
    if small:
        sizes = enumerated(f"{groups[group].n:,} of {group_words([group])}" for group in small)
        found.append(f"too few images to compare: {sizes}")
    return found


def _annotators(report: Report) -> list[str]:
    found = []
    for name, feature in report.features.items():
        block = feature.annotators
        if block is None or block.exact.value is None or block.exact.value >= 1.0:
            continue
        band = ""
        if not isinstance(block.gap, Undefined):
            ends = f"{decimal(block.gap.min)} to {decimal(block.gap.max)}"
            band = f", and with the labels of each of them alone the gap is {ends}"
        found.append(
            f"{len(block.columns)} annotators give the same {feature_words(name)} to "
            f"{decimal(block.exact.value)} of the images{band}"
        )
    return found


def _between(feature: str) -> str:
    return "between skin types" if is_skin_type(feature) else f"by {feature_words(feature)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
