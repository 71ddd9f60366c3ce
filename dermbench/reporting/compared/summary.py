"""Summarise a comparison in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, Undefined
from dermbench.artifacts.wording import counted, enumerated, feature_words, group_words, images_of, p_value
from dermbench.reporting.compared.cells import ends_text, number, signed
from dermbench.reporting.compared.feature_tables import ANSWERS
from dermbench.reporting.names import higher_is_better, metric_title, sorted_features, sorted_metrics
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.comparison import Comparison, Difference, GapChange, Gaps, RankedModel

NAMED = 3
"""Number of models that a sentence names; the others are counted."""


def tested_words(comparison: Comparison) -> str:
    """Return a sentence on the models and images that were compared."""
    images = images_of(comparison.n, comparison.split, comparison.task)
    models = counted(len(comparison.models), "model")
    on = f"{images}, in {counted(len(comparison.classes), 'class')}"
    return plain(f"{models} on {on}; each is compared with {_name(comparison.baseline)}.", limit=PROSE_LIMIT)


def comparison_summary(comparison: Comparison) -> tuple[str, ...]:
    """Return which models may be the best, which differ from the baseline, and whether that varies by group.

    Parameters
    ----------
    comparison
        The comparison.

    Returns
    -------
    tuple of str
        Two to five sentences; undefined results are given with their reason.
    """
    found = (
        _ranks(comparison),
        _unanswered(comparison),
        _against_baseline(comparison),
        _by_group(comparison),
        _margin(comparison),
    )
    return tuple(text for text in found if text)


def _unanswered(comparison: Comparison) -> str:
    """Return the numbers of images that count as wrong for lack of a usable prediction, by model."""
    ordered = sorted(comparison.unanswered.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{_name(model)} {n:,}" for model, n in ordered[:NAMED]]
    if len(ordered) > NAMED:
        named.append(counted(len(ordered) - NAMED, "further model"))
    images = counted(comparison.n, "image")
    return f"Without a usable prediction, so counted as wrong, of {images}: {enumerated(named)}." if named else ""


def comparison_reading(comparison: Comparison) -> str:
    """Explain a difference, with the numbers of the first model that has one."""
    metric, base = comparison.ranks.metric, _name(comparison.baseline)
    ranked = [item.model for item in comparison.ranks.models]
    for model in [*ranked, *comparison.differences]:
        effect = comparison.differences.get(model, {}).get(metric)
        if effect is None or effect.value is None:
            continue
        sides = f"{metric_title(metric)} of {_name(model)} minus that of {base}"
        head = f"Read a difference as: on the same images, {sides}"
        if effect.low is None or effect.high is None:
            why = _said(effect.reason or "no reason is given")
            return f"{head} is {signed(effect.value)}; it has no interval ({why})."
        ends = f"{signed(effect.low)} to {signed(effect.high)}"
        return f"{head} is {signed(effect.value)}; the data are compatible with {ends}.{_tested(effect)}"
    cell = comparison.models[comparison.baseline].get(metric)
    bare = cell is None or cell.value is None
    why = f"{base} has no value" if bare else f"no model has a value to set against {base}"
    return f"There is no difference in {metric_title(metric)} to read: {why}."


def _tested(effect: Difference) -> str:
    if effect.p_holm is None:
        return f" It was not tested: {_said(effect.reason)}." if effect.reason else ""
    shown = "is" if effect.p_holm <= LEVEL else "is not"
    return f" It {shown} beyond chance (p {p_value(effect.p_holm)}, corrected for the number of models)."


def _ranks(comparison: Comparison) -> str:
    ranks, title = comparison.ranks, metric_title(comparison.ranks.metric)
    if not ranks.models:
        return f"No ranks by {title}: {_said(ranks.reason or 'no model has a value')}."
    if ranks.reason is not None:
        return f"No rank bands by {title}: {_said(ranks.reason)}."
    without = _listed([_name(model) for model in ranks.without_value])
    aside = f" Without a value, so not ranked: {without}." if without else ""
    if len(ranks.models) == 1:
        return f"Only {_valued(ranks.models[0])} has a value in {title}.{aside}"
    first = [item for item in ranks.models if item.best == 1]
    if len(first) == 1:
        other = "no other model with a value" if without else "no other model"
        return f"Best by {title}: {_valued(first[0])}; {other} may rank first.{aside}"
    many = f"By {title}, {counted(len(first), 'model')} may be the best: "
    return f"{many}{_listed([_valued(item) for item in first])}.{aside}"


def _valued(item: RankedModel) -> str:
    ends = "" if item.low is None else f" {ends_text(item.low, item.high)}"
    return f"{_name(item.model)} {number(item.value)}{ends}"


def _against_baseline(comparison: Comparison) -> str:
    """Return which models are significantly better or worse than the baseline in the ranking metric."""
    metric = comparison.ranks.metric
    effects = {model: found[metric] for model, found in comparison.differences.items() if metric in found}
    sign = 1.0 if higher_is_better(metric) else -1.0
    groups: dict[str, list[tuple[float, str]]] = {
        "Better": [],
        "Worse": [],
        "Not told apart": [],
        "Not tested": [],
    }
    for model, effect in effects.items():
        if effect.value is None or effect.p_holm is None:
            why = _said(effect.reason or "no reason is given")
            groups["Not tested"].append((0.0, f"{_name(model)} ({why})"))
            continue
        gain = sign * effect.value
        kind = "Not told apart" if effect.p_holm > LEVEL else "Better" if gain > 0 else "Worse"
        ends = "" if effect.low is None else f" {ends_text(effect.low, effect.high)}"
        groups[kind].append((-abs(gain), f"{_name(model)} {signed(effect.value)}{ends}"))
    said = {
        kind: _listed([text for _, text in sorted(found, key=lambda item: item[0])])
        for kind, found in groups.items()
        if found
    }
    head = (
        f"Against {_name(comparison.baseline)} in {metric_title(metric)} (p at most .05 after Holm's correction): "
    )
    return f"{head}{'. '.join(f'{kind}: {text}' for kind, text in said.items())}." if said else ""


def _by_group(comparison: Comparison) -> str:
    """Return for which models the difference varies between groups of the first feature, class held fixed."""
    name = next(iter(sorted_features(comparison.features)), None)
    if name is None:
        return "No sensitive feature was compared, so nothing is known about differences by group."
    gaps, about = comparison.features[name].gap, feature_words(name)
    metric = _tested_gap(gaps, comparison.ranks.metric)
    if metric is None:
        return ""
    head = f"Whether the difference in {metric_title(metric)} varies by {about}, class held fixed"
    found = gaps[metric]
    if isinstance(found, Undefined):
        return f"{head}: not known, {_said(found.reason)}."
    known = {model: item for model, item in found.changes.items() if not isinstance(item, Undefined)}
    varies = {model: item for model, item in known.items() if item.p_holm is not None and item.p_holm <= LEVEL}
    unknown = {model: item for model, item in found.changes.items() if isinstance(item, Undefined)}
    said = [f"it does for {_listed([_change(model, item) for model, item in varies.items()])}"] if varies else []
    rest = [model for model, item in known.items() if item.p_holm is not None and model not in varies]
    untested = [_untested(model, item) for model, item in known.items() if item.p_holm is None]
    if len(rest) > NAMED:
        said.append(f"not shown for {counted(len(rest), 'model')}")
    elif rest:
        said.append(f"not shown for {_listed([_unsettled(model, known[model]) for model in rest])}")
    said += [f"not tested for {_listed(untested)}"] if untested else []
    said += [f"not known for {_listed([_why(model, item) for model, item in unknown.items()])}"] if unknown else []
    return f"{head}: {'; '.join(said)}." if said else ""


def _tested_gap(gaps: Mapping[str, Gaps | Undefined], first: str) -> str | None:
    """Return the first metric whose change by group is tested for some model, starting with the ranking metric."""
    names = [name for name in dict.fromkeys((first, *sorted_metrics(gaps))) if name in gaps]
    for name in names:
        found = gaps[name]
        if isinstance(found, Undefined):
            continue
        if any(not isinstance(c, Undefined) and c.p_holm is not None for c in found.changes.values()):
            return name
    return next(iter(names), None)


def _change(model: str, item: GapChange) -> str:
    first, second = (plain(group_words(side)) for side in (item.contrast.first, item.contrast.second))
    side = "higher" if item.contrast.value >= 0 else "lower"
    least = "" if not item.low else f", at least {number(item.low)}"
    most = f"between the two groups that differ most by {number(item.value)}{least}"
    return f"{_name(model)} ({number(abs(item.contrast.value))} {side} on {first} than on {second}; {most})"


def _unsettled(model: str, item: GapChange) -> str:
    high = "" if item.high is None else f", at most {number(item.high)}"
    return f"{_name(model)} (by {number(item.value)} here{high})"


def _untested(model: str, item: GapChange) -> str:
    why = _said(item.reasons.get("p_value", "no reason is given"))
    return f"{_name(model)} (by {number(item.value)} here; {why})"


def _why(model: str, item: Undefined) -> str:
    return f"{_name(model)} ({_said(item.reason)})"


def _margin(comparison: Comparison) -> str:
    """Return the answer on the stated margin in the ranking metric; empty without a margin."""
    name = next(iter(sorted_features(comparison.features)), None)
    answers = {} if name is None else comparison.features[name].margin.get(comparison.ranks.metric, {})
    if not answers:
        return ""
    said = []
    for verdict, words in ANSWERS.items():
        models = [_name(model) for model, item in answers.items() if item.verdict == verdict]
        said += [f"{words}: {_listed(models)}"] if models else []
    margin = next(iter(answers.values())).margin
    return f"Margin of {100 * margin:g} points in each group: {'; '.join(said)}."


def _listed(texts: Sequence[str]) -> str:
    """Return the first few texts and the number of others."""
    more = len(texts) - NAMED
    return enumerated(texts) if more <= 0 else f"{', '.join(texts[:NAMED])} and {counted(more, 'other')}"


def _name(model: str) -> str:
    return plain(model, limit=60)


def _said(reason: str) -> str:
    return plain(reason, limit=PROSE_LIMIT).rstrip(".")
