"""Operating points, ROC curves and net benefit as records of the report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import (
    AtPrevalence,
    Clinical,
    Discrimination,
    Disparity,
    FittedOn,
    NetBenefit,
    OperatingGroup,
    OperatingPoint,
    RocPoint,
    Undefined,
)
from dermbench.errors import UsageError
from dermbench.evaluation.clinical.intervals import net_benefit, predictive_value
from dermbench.evaluation.clinical.points import Scored, fit
from dermbench.evaluation.clinical.rules import ARGMAX, parse_prevalences, parse_rule
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.disparity.rows import Questions, disparity_rows, verdict
from dermbench.evaluation.intervals.delong import area_estimate
from dermbench.evaluation.intervals.estimate import undefined
from dermbench.evaluation.intervals.every_metric import estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.report import Cell, Positive
    from dermbench.evaluation.clinical.points import Fitted
    from dermbench.evaluation.clinical.rules import Rule
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.rows import Rows
    from dermbench.evaluation.resampling.plan import Plan

PROBABILITIES = (0.01, 0.02, *(round(0.05 * k, 2) for k in range(1, 11)), 0.6, 0.7, 0.8, 0.9)
"""Threshold probabilities of a decision curve."""
ROC_POINTS = 41
"""Most points of a ROC curve, by the share of images above the threshold."""
GAP_STEPS = 5
"""Thresholds between the limits of a fitted one at which gaps are computed."""
BOTH = ("sensitivity", "specificity")
NO_POSITIVE, NO_OTHER = "there is no positive image", "every image is positive"


@dataclass(frozen=True)
class Asked:
    """The user's questions about positive classes.

    Attributes
    ----------
    rules
        Operating points besides the predicted class.
    prevalences
        Stated shares of positive cases, for predictive values.
    """

    rules: tuple[Rule, ...] = ()
    prevalences: tuple[float, ...] = ()


def asked_for(operating_points: Sequence[str], prevalences: Sequence[float]) -> Asked:
    """Read and check the user's operating points and prevalences.

    Raises
    ------
    UsageError
        When a rule or a prevalence is malformed.
    """
    rules = tuple(dict.fromkeys(map(parse_rule, operating_points)))
    return Asked(rules, parse_prevalences(prevalences))


@dataclass(frozen=True)
class Validation:
    """Images for fitting thresholds, with the name of their split and the hash of their truth."""

    sample: Sample
    split: str
    digest: str


def clinical_records(
    sample: Sample,
    positive: Positive | None,
    grouping: Grouping | None,
    asked: Asked,
    validation: Validation | None,
    plan: Plan,
) -> tuple[tuple[OperatingPoint, ...], Clinical | None]:
    """Return operating points and curves if positive classes lead or the user asks for them.

    Parameters
    ----------
    sample, positive
        The images, and their positive classes.
    grouping
        The feature of the primary question; None without one.
    asked, validation
        Rules and prevalences, and the images for fitting thresholds.
    plan
        Seed and number of permutations, for the gaps.

    Raises
    ------
    UsageError
        When the user asks for points without positive classes, probabilities or validation images.
    """
    if positive is None:
        if asked.rules or asked.prevalences:
            raise UsageError(
                "--operating-point and --prevalence need positive classes", remedy="Name them: --positive A,B"
            )
        return (), None
    for rule in asked.rules:
        if sample.y_prob is None:
            raise UsageError(
                f"--operating-point {rule.name}: {NEEDS_PROBABILITIES}",
                remedy="Ask the vendor for the scores, one column prob_CLASS for each class.",
            )
        if rule.fitted and validation is None:
            raise UsageError(
                f"--operating-point {rule.name}: its threshold is fitted on images of another split",
                remedy="Give the model's predictions for the val split: --validation FILE",
            )
    if not (positive.leads or asked.rules or asked.prevalences):
        return (), None
    return operating_points(sample, grouping, asked, validation, plan), clinical(sample, grouping)


def operating_points(
    sample: Sample, grouping: Grouping | None, asked: Asked, validation: Validation | None, plan: Plan
) -> tuple[OperatingPoint, ...]:
    """Return the predicted class and every operating point that is asked for, by group.

    Parameters
    ----------
    sample
        The images; ``sample.positive`` is set.
    grouping
        The feature of the primary question.
    asked, validation
        Rules and prevalences, and the images for fitting thresholds.
    plan
        Seed and number of permutations, for the gaps.
    """
    judged = Scored(sample.view("positive"))
    fitting = None if validation is None else Scored(validation.sample.view("positive"))
    found = []
    for rule in (ARGMAX, *asked.rules):
        fitted = fit(rule, judged if fitting is None else fitting)
        found.append(_point(judged, fitted, grouping, asked, validation, plan))
    return tuple(found)


def _point(
    judged: Scored,
    fitted: Fitted,
    grouping: Grouping | None,
    asked: Asked,
    validation: Validation | None,
    plan: Plan,
) -> OperatingPoint:
    rule = fitted.rule
    shown = None if grouping is None else grouping.with_unknown()
    groups = {} if shown is None else {name: shown.rows(g) for g, name in enumerate(shown.names)}
    gaps = {} if grouping is None or rule.kind == "argmax" else gap_rows(judged, fitted, grouping, plan)
    fitted_on = None
    if fitted.limits is not None and validation is not None:
        low, high = fitted.limits
        fitted_on = FittedOn(
            split=validation.split,
            n=len(validation.sample),
            digest=validation.digest,
            low=low if low > 0 else None,
            high=high if math.isfinite(high) else None,
        )
    return OperatingPoint(
        name=rule.name,
        rule=rule.kind,
        target=rule.target,
        threshold=fitted.threshold if math.isfinite(fitted.threshold) else None,
        fitted_on=fitted_on,
        feature=None if grouping is None else grouping.feature,
        overall=_group(judged, fitted, np.arange(len(judged.sample)), asked.prevalences),
        groups={name: _group(judged, fitted, rows, asked.prevalences) for name, rows in groups.items()},
        gaps=gaps,
    )


def _group(judged: Scored, fitted: Fitted, rows: NDArray[np.intp], prevalences: Sequence[float]) -> OperatingGroup:
    sensitivity, specificity = judged.shares(fitted, rows)

    def values(*, positive: bool) -> tuple[AtPrevalence, ...]:
        made = []
        for prevalence in prevalences:
            value = predictive_value(sensitivity, specificity, prevalence, positive=positive)
            made.append(AtPrevalence(prevalence=prevalence, cell=value.cell()))
        return tuple(made)

    return OperatingGroup(
        sensitivity=sensitivity.estimate(empty=NO_POSITIVE).cell(),
        specificity=specificity.estimate(empty=NO_OTHER).cell(),
        ppv=values(positive=True),
        npv=values(positive=False),
    )


def gap_rows(judged: Scored, fitted: Fitted, grouping: Grouping, plan: Plan) -> Rows:
    """Return the gaps in sensitivity and specificity; for a fitted threshold, they hold over its interval."""
    found = _gaps_at(judged.at(fitted), grouping, plan)
    if fitted.limits is None:
        return found
    further = [replace(fitted, threshold=float(t)) for t in judged.between(fitted, slice(None), GAP_STEPS)]
    others = [_gaps_at(judged.at(each), grouping, plan) for each in further]
    return {name: _most_cautious([row, *(other[name] for other in others)]) for name, row in found.items()}


def _most_cautious(rows: Sequence[Disparity | Undefined]) -> Disparity | Undefined:
    """Return the first row with the widest limits and largest p-value of the same gap at several thresholds."""
    first, known = rows[0], [row for row in rows if isinstance(row, Disparity)]
    if isinstance(first, Undefined) or len(known) < len(rows):
        return next(row for row in rows if isinstance(row, Undefined))
    highs = [row.high for row in known if row.high is not None]
    high = max(highs) if len(highs) == len(known) else None
    p, low = max(row.p_value or 0.0 for row in known), min(row.low or 0.0 for row in known)
    if first.p_value is None:
        return first
    changed = {"p_value": p, "low": low, "high": high, "contrast": None, "verdict": verdict(p, low, high)}
    reasons = {**first.reasons, "contrast": "a fitted threshold: which groups differ most depends on it"}
    if high is None and first.high is not None:
        reasons["high"] = "no upper limit at a threshold that is possible"
    return Disparity(
        **{name: getattr(first, name) for name in Disparity.model_fields} | changed | {"reasons": reasons}
    )


def _gaps_at(sample: Sample, grouping: Grouping, plan: Plan) -> Rows:
    metrics = [METRICS.get(name) for name in BOTH]
    table = group_tables(sample, [grouping], metrics)[grouping.feature]
    found = estimates(sample, metrics, grouping, plan, table=table)
    return disparity_rows(sample, grouping, metrics, table, found, plan, Questions(None, None, 1))


def clinical(sample: Sample, grouping: Grouping | None) -> Clinical | None:
    """Return ROC curves and decision curves by group; None without probabilities.

    Parameters
    ----------
    sample, grouping
        As for :func:`operating_points`.
    """
    if sample.y_prob is None:
        return None
    judged = Scored(sample.view("positive"))
    shown = None if grouping is None else grouping.with_unknown()
    groups = {} if shown is None else {name: shown.rows(g) for g, name in enumerate(shown.names)}
    everyone = np.arange(len(sample))

    def benefit(probability: float) -> NetBenefit:
        def cell(rows: NDArray[np.intp]) -> Cell:
            called, positive = judged.score[rows] >= probability, judged.positive[rows]
            units, clustered = sample.units[rows], sample.clustered
            return net_benefit(called, positive, units, probability, clustered=clustered).cell()

        share = float(judged.positive.mean())
        return NetBenefit(
            probability=probability,
            overall=cell(everyone),
            groups={name: cell(rows) for name, rows in groups.items()},
            everyone=share - (1 - share) * probability / (1 - probability),
        )

    return Clinical(
        feature=None if grouping is None else grouping.feature,
        overall=_discrimination(judged, everyone),
        groups={name: _discrimination(judged, rows) for name, rows in groups.items()},
        net_benefit=tuple(map(benefit, PROBABILITIES)),
    )


def _discrimination(judged: Scored, rows: NDArray[np.intp]) -> Discrimination:
    score, positive, sample = judged.score[rows], judged.positive[rows], judged.sample
    if positive.all() or not positive.any():
        reason = NO_OTHER if len(positive) and positive.all() else NO_POSITIVE
        return Discrimination(auroc=undefined(reason, len(rows)).cell(), roc=())
    unit = sample.units[rows] if sample.clustered else None
    both = np.column_stack([1 - score, score])
    area = area_estimate(positive.astype(np.intp), both, unit)
    return Discrimination(auroc=area.cell(), roc=_roc(score, positive))


def _roc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[RocPoint, ...]:
    """Return at most :data:`ROC_POINTS` points of the curve after the origin, evenly spread over its steps."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, np.True_)
    hits, misses = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    kept = np.unique(np.linspace(0, len(hits) - 1, min(len(hits), ROC_POINTS)).astype(np.intp))
    points = [(0.0, 0.0), *zip(misses[kept] / misses[-1], hits[kept] / hits[-1], strict=True)]
    return tuple(RocPoint(false_positive=float(x), true_positive=float(y)) for x, y in points)
