"""The primary gap corrected for errors in the skin types, with several labellings of the same images."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import is_skin_type
from dermbench.artifacts.report import LEVEL, Disparity, SkinTypeError, Undefined
from dermbench.artifacts.skin import BANDS
from dermbench.evaluation.adjustment.family import n_contrasts
from dermbench.evaluation.annotators import labellings
from dermbench.evaluation.core.groups import group
from dermbench.evaluation.skin_error.labelled import Labelled, types_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Contrast
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

MEANS = "only a metric that is a mean over images is corrected"
LEAST_TWICE = 100
"""Fewest images with two labels for an estimate of error rates."""
NO_ERROR, CHANCE = 0.005, 0.6
"""Lowest and highest error rate of a usable labelling; others are copies, or on another scale."""


def corrected_gap(
    sample: Sample, truth: Truth, grouping: Grouping, row: Disparity | Undefined, metric: Metric, plan: Plan
) -> SkinTypeError | Undefined:
    """Return the primary gap corrected for errors in the labels of skin type.

    Parameters
    ----------
    sample, truth
        The images, and the table with the columns ``fst`` and ``fst_<source>``.
    grouping
        The groups of the primary feature.
    row
        The primary row; its contrast is corrected.
    metric
        The primary metric.
    plan
        Seed; the number of resamples is at most :data:`~dermbench.evaluation.skin_error.labelled.RESAMPLES`.

    Returns
    -------
    SkinTypeError or Undefined
        Undefined without two different labellings, or if the primary question is not a mean by skin type.
    """
    feature = grouping.feature
    if not (is_skin_type(feature) or feature == "fst_band"):
        return Undefined(reason=f"the primary feature, {feature}, is not a skin type")
    if not metric.is_mean:
        return Undefined(reason=f"{MEANS}, {metric.title} is not")
    columns = [str(name) for name in truth.table.columns if is_skin_type(str(name))]
    ordered = sorted(columns, key=lambda name: (name != feature, name != "fst"))
    found = labellings([group(truth, name) for name in ordered])
    if len(found) < 2:
        return Undefined(reason="the truth has one labelling of the skin type, needed are two that differ")
    if isinstance(row, Undefined):
        return row
    if row.contrast is None:
        return Undefined(reason="the primary row has no contrast")
    data = Labelled.of(sample, grouping, found, metric, plan)
    refused = _unusable(tuple(one.feature for one in found), data)
    return Undefined(reason=refused) if refused is not None else _corrected(data, found, grouping, row.contrast)


def _corrected(data: Labelled, found: Sequence[Grouping], grouping: Grouping, contrast: Contrast) -> SkinTypeError:
    feature, metric, names = grouping.feature, data.metric, tuple(one.feature for one in found)
    sides = (contrast.first, contrast.second)
    family = n_contrasts(data.scores, data.grouping.known(), data.classes)
    made = data.records([sides], "primary", LEVEL / family)
    pairs = [(_band(feature, first), _band(feature, second)) for first, second in combinations(BANDS[::-1], 2)]
    made += data.records([pair for pair in pairs if set(pair) != set(sides)], "bands", LEVEL / len(pairs))
    return SkinTypeError(
        metric=metric.name,
        feature=feature,
        columns=names,
        model="adjacent" if data.alike else "dawid_skene",
        error_rates=dict(zip(names, data.error_rates(), strict=True)),
        assumption=data.assumption(),
        resamples=data.n_resamples,
        contrasts=made,
    )


def _unusable(names: tuple[str, ...], data: Labelled) -> str | None:
    """Say why the labellings do not allow an estimate of their errors; None if they do."""
    labels = data.patterns.labels[data.code]
    both = int(((labels >= 0).sum(axis=1) >= 2).sum())
    if both < LEAST_TWICE:
        return f"{both:,} images have two labels or more, needed are {LEAST_TWICE}"
    rates = dict(zip(names, data.error_rates(), strict=True))
    exact = [name for name, rate in rates.items() if rate < NO_ERROR]
    if exact:
        return f"{exact[0]} seems to follow from the other labellings (no errors are found in it): leave one out"
    wild = [name for name, rate in rates.items() if rate > CHANCE]
    if wild:
        return f"{wild[0]} and the others agree no better than by chance; is one scale the other way round?"
    return None


def _band(feature: str, name: str) -> tuple[str, ...]:
    """Return a band as groups of the feature."""
    return (name,) if feature == "fst_band" else types_of(name)
