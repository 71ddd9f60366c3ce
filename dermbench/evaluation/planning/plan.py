"""The two kinds of plan: how large must a study be, and what can a given test set show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.plan import Assumptions, Curve, DropAnswer, MarginAnswer, Plan, PlanProvenance
from dermbench.artifacts.skin import BANDS, FST_NAMES
from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.notes import UNIT_NAMES
from dermbench.evaluation.planning.assumed import DEFAULT_AMOUNT, Assumed
from dermbench.evaluation.planning.checks import check_group, check_metric, check_numbers, check_sizes
from dermbench.evaluation.planning.dataset import planned_test_set
from dermbench.evaluation.planning.design import PerUnit, new_study
from dermbench.evaluation.planning.search import POWER
from dermbench.evaluation.planning.study import NewStudy, answer
from dermbench.evaluation.planning.test_set import (
    TestSet,
    groups_of,
    margin_answer,
    smallest_drop,
)
from dermbench.evaluation.planning.trials import N_PERMUTATIONS
from dermbench.evaluation.primary import default_metric
from dermbench.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.planning.study import Growth


def plan_study(
    group: str,
    sizes: Mapping[str, int] | None,
    assumed: Assumed,
    *,
    metric: str = "accuracy",
    per_unit: PerUnit | None = None,
    in_proportion: bool = False,
) -> Plan:
    """Plan a new study: how many patients of one group it needs.

    Parameters
    ----------
    group
        The group in question.
    sizes
        Number of patients of each group. Sizes without ``group`` are fixed while ``group`` grows. Sizes with
        ``group`` describe a test set, and the plan says what it can show; with ``in_proportion``, all groups grow
        in these proportions. None: all groups of the scale of ``group`` have as many patients as ``group``.
    assumed
        Rate, correlation, drop, margin and seed.
    metric
        A proportion: accuracy, sensitivity or specificity. All images of the study count for it.
    per_unit
        Number of images per patient; one by default.
    in_proportion
        Whether all groups grow in the proportions of ``sizes``.

    Raises
    ------
    UsageError
        With all problems of the options.
    """
    group = group.replace("\N{EN DASH}", "-")
    problems = check_numbers(assumed.rate, assumed.correlation, assumed.drop, assumed.margin)
    images = per_unit or PerUnit()
    problems += check_sizes(group, sizes, images.mean, in_proportion=in_proportion)
    problems += check_metric(metric)
    if problems:
        raise UsageError(f"plan: {'; '.join(problems)}")
    kind = METRICS.get(metric)
    feature, weights = _scale(group, sizes)
    ordered = feature != "group"
    clustered = images.mean > 1
    correlation = assumed.correlation if clustered else 0.0
    if sizes is not None and group in sizes and not in_proportion:
        design = new_study(feature, weights, images, kind, ordered=ordered)
        return _test_set(TestSet(design, assumed.rate, correlation, assumed.seed), assumed, [group], "patient")
    growth: Growth = "equal" if sizes is None else "in_proportion" if in_proportion else "others_fixed"
    study = NewStudy(
        feature, ordered, weights, group, growth, kind, assumed.rate, images, correlation, assumed.seed
    )
    answers = [answer(study, asked, amount) for asked, amount in assumed.asked()]
    fixed = answers[0][0].groups if growth == "others_fixed" else {}
    return Plan(
        kind="new_study",
        task=None,
        split=None,
        metric=metric,
        feature=feature,
        ordered=ordered,
        unit="patient",
        group=group,
        growth=growth,
        power=POWER,
        assumptions=Assumptions(
            rate=assumed.rate,
            correlation=correlation if clustered else None,
            images_per_unit=images.mean,
            images_vary=images.vary and clustered,
        ),
        groups={name: part for name, part in fixed.items() if name != group},
        sizes=tuple(made for made, _ in answers),
        curves=tuple(curve for _, curve in answers),
        provenance=_provenance(assumed, None),
    )


def plan_test_set(
    truth: Truth,
    assumed: Assumed,
    *,
    metric: str | None = None,
    feature: str | None = None,
    group: str | None = None,
) -> Plan:
    """Return what a test set can show: the smallest drop found in each group, and the smallest margin.

    Parameters
    ----------
    truth
        Labels, units and sensitive features of the test set.
    assumed
        Rate, correlation, drop, margin and seed.
    metric
        Accuracy, sensitivity or specificity; by default the metric of the primary question.
    feature
        Sensitive feature; by default skin type, or the first feature if none is a skin type.
    group
        Group to report; all by default.

    Raises
    ------
    UsageError
        With all problems of the options, or where there are fewer than two known groups with images.
    """
    problems = check_numbers(assumed.rate, assumed.correlation, assumed.drop, assumed.margin)
    metric = metric or default_metric(truth.positive)
    problems += check_metric(metric, truth=truth)
    if problems:
        raise UsageError(f"plan: {'; '.join(problems)}")
    test_set = planned_test_set(truth, assumed, metric, feature)
    check_group(test_set.design, group)
    names = test_set.design.grouping.names if group is None else [group]
    unit = UNIT_NAMES.get(truth.unit_column or "", "image")
    return _test_set(test_set, assumed, names, unit, truth=truth)


def _test_set(
    test_set: TestSet, assumed: Assumed, groups: Sequence[str], unit: str, *, truth: Truth | None = None
) -> Plan:
    design, names = test_set.design, test_set.design.grouping.names
    asked = min(DEFAULT_AMOUNT if assumed.drop is None else assumed.drop, test_set.rate)
    made: list[tuple[DropAnswer, Curve | None]] = [
        smallest_drop(test_set, names.index(name), asked) for name in groups
    ]
    margin: MarginAnswer = margin_answer(test_set, DEFAULT_AMOUNT if assumed.margin is None else assumed.margin)
    clustered = design.sample.clustered
    return Plan(
        kind="test_set",
        task=None if truth is None else truth.task,
        split=None if truth is None else truth.split,
        metric=design.metric.name,
        feature=design.grouping.feature,
        ordered=design.grouping.ordered,
        unit=unit,
        group=groups[0] if len(groups) == 1 else None,
        growth=None,
        power=POWER,
        assumptions=Assumptions(
            rate=test_set.rate,
            correlation=test_set.correlation if clustered else None,
            images_per_unit=float(design.enters.sum() / len(np.unique(design.sample.units[design.enters]))),
        ),
        groups=groups_of(design),
        drops=tuple(drop for drop, _ in made),
        margin=margin,
        curves=tuple(curve for _, curve in made if curve is not None),
        provenance=_provenance(assumed, None if truth is None else truth.digest),
    )


def _scale(group: str, sizes: Mapping[str, int] | None) -> tuple[str, dict[str, int]]:
    """Return the feature of the groups, and the units of each group in the order of its scale."""
    given = dict(sizes or {})
    named = {*given, group}
    for feature, scale in (("fst", FST_NAMES), ("fst_band", BANDS)):
        if named <= set(scale):
            kept = scale if sizes is None else [name for name in scale if name in named]
            return feature, {name: given.get(name, 1) for name in kept}
    return "group", {**given, group: given.get(group, 1)}


def _provenance(assumed: Assumed, digest: str | None) -> PlanProvenance:
    return PlanProvenance(version=__version__, seed=assumed.seed, permutations=N_PERMUTATIONS, truth_digest=digest)
