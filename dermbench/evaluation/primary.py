"""The primary question: the one metric and sensitive feature whose gap is tested on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import RegistryError, UsageError
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Positive
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample

DEFAULT_METRIC, POSITIVE_METRIC = "accuracy", "sensitivity"


def default_metric(positive: Positive | None) -> str:
    """Return the default metric of the primary question: sensitivity if positive classes lead, else accuracy."""
    return POSITIVE_METRIC if positive is not None and positive.leads else DEFAULT_METRIC


def resolve_primary(
    sample: Sample,
    features: Sequence[str],
    *,
    primary: tuple[str, str] | None,
    margin: float | None,
    default: str = DEFAULT_METRIC,
) -> tuple[str, str] | None:
    """Return metric and feature of the primary question, checked against the data.

    Parameters
    ----------
    sample
        Predictions and truth.
    features
        Sensitive features that are evaluated.
    primary
        Metric and feature that the user asks for. By default ``default`` and the first skin-type feature, or the
        first feature if none is a skin type.
    margin
        Largest acceptable gap of the primary metric; None if none is stated.
    default
        Metric if the user asks for none.

    Returns
    -------
    tuple of str or None
        None without a sensitive feature.

    Raises
    ------
    UsageError
        With all problems: a metric that is unknown, does not apply or has no tested gap; a feature that is not
        evaluated; a margin outside of the metric's range.
    """
    first = next((name for name in features if name.startswith("fst")), next(iter(features), None))
    if primary is None and first is None:
        if margin is not None:
            raise UsageError("--margin is for the primary gap; no sensitive feature is evaluated")
        return None
    name, feature = primary or (default, str(first))
    problems = []
    if feature not in features:
        problems.append(f"feature {feature!r} is not evaluated; there are {', '.join(features) or 'none'}")
    try:
        metric = METRICS.get(name)
    except RegistryError as error:
        problems.append(str(error))
    else:
        problems += _metric_problems(metric, sample)
        width = metric.bounds[1] - metric.bounds[0]
        if margin is not None and not 0 < margin < width:
            problems.append(f"margin {margin:g} is not between 0 and {width:g}")
    if problems:
        raise UsageError(f"primary question {name}:{feature}: {'; '.join(problems)}")
    return name, feature


def _metric_problems(metric: Metric, sample: Sample) -> list[str]:
    if metric.view == "positive" and sample.positive is None:
        return [f"{metric.name} needs positive classes; name them: --positive A,B"]
    if not sample.applies(metric):
        return [f"{metric.name} is not defined for this task"]
    if metric.needs_probabilities and sample.y_prob is None:
        return [f"{metric.name} {NEEDS_PROBABILITIES}"]
    if not metric.tested or (metric.kind == "ranking" and sample.view(metric.view).n_classes > 2):
        return [f"the gaps of {metric.name} are not tested"]
    return []
