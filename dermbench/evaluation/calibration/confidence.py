"""What the probabilities are worth: calibration and abstention, overall and by subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts import report
from dermbench.errors import UsageError, name_some
from dermbench.evaluation.calibration.abstention import AURC, abstention, fit_threshold
from dermbench.evaluation.calibration.reliability import calibration
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.every_metric import estimates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.calibration.abstention import Abstention
    from dermbench.evaluation.calibration.reliability import Bin, Calibration, CalibrationError
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Interval
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

AREA_RESAMPLES = 999
"""Most resamples for the interval of the area under the risk-coverage curve, which has to be traced for each."""
COVERAGE = 0.8
"""Share of the validation images that the threshold of abstention answers."""


def calibration_record(
    sample: Sample,
    groupings: Sequence[Grouping],
    tables: Mapping[str | None, GroupTable],
    found: Mapping[str | None, GroupEstimates],
    plan: Plan,
    *,
    abstention: report.Abstention | report.Undefined,
) -> report.Calibration | report.Undefined:
    """Return calibration of all images and of each group; undefined without probabilities.

    Parameters
    ----------
    sample, groupings
        What is described.
    tables
        {feature: table} that hold the area under the risk-coverage curve; the whole sample is None.
    found
        {feature: estimates} that hold the mean of confidence - accuracy; the whole sample is None.
    plan
        Seed, number of resamples, workers.
    abstention
        Goes into the record as it is.
    """
    if sample.y_prob is None:
        return report.Undefined(reason=NEEDS_PROBABILITIES)

    def records(feature: str | None, grouping: Grouping | None) -> dict[str | None, report.GroupCalibration]:
        areas = estimates(sample, [AURC], grouping, plan.at_most(AREA_RESAMPLES), table=tables[feature])
        made = calibration(sample, grouping, gaps=found[feature], seed=plan.seed, n_resamples=plan.n_resamples)
        return {
            name: _calibration(item, areas[name, AURC.name].interval(), curve=feature is None)
            for name, item in made.items()
        }

    by_feature = {
        each.feature: {str(name): item for name, item in records(each.feature, each).items()} for each in groupings
    }
    return report.Calibration(overall=records(None, None)[None], features=by_feature, abstention=abstention)


def check_apart(truth: Truth, validation: Truth) -> None:
    """Check that the threshold of abstention is not fitted on what is scored.

    Parameters
    ----------
    truth
        Of the images that are scored.
    validation
        Of the images that the threshold is fitted on.

    Raises
    ------
    UsageError
        When they share an image, or a unit (patient, lesion, group of duplicates) of either.
    """
    columns = dict.fromkeys(("image_id", truth.unit_column, validation.unit_column))
    for column in columns:
        if column is None or column not in truth.table or column not in validation.table:
            continue
        scored, fitted = ({str(i) for i in each.table[column].dropna()} for each in (truth, validation))
        shared = sorted(scored & fitted)
        if shared:
            raise UsageError(
                f"the threshold of abstention would be fitted on what is scored: validation and evaluated truth "
                f"share {len(shared):,} {column}: {name_some(shared)}",
                remedy="Give the predictions for a split that shares no image and no unit with the one scored.",
            )


def abstention_record(
    sample: Sample, validation: Sample, groupings: Sequence[Grouping], *, split: str, fitted_on: str
) -> report.Abstention:
    """Return coverage and selective risk at one threshold that was fitted on validation images.

    Parameters
    ----------
    sample
        What is scored.
    validation
        The same model's predictions for another split.
    groupings
        Sensitive features.
    split, fitted_on
        Names of the split that is scored and of the one that the threshold is fitted on.
    """
    threshold = fit_threshold(validation, coverage=COVERAGE, split=fitted_on)
    tables = {g.feature: abstention(sample, threshold, g, split=split) for g in groupings}
    overall = abstention(sample, threshold, split=split)[None]
    return report.Abstention(
        threshold=report.Threshold(
            value=threshold.value, coverage=threshold.coverage, split=threshold.split, digest=threshold.digest
        ),
        overall=_answered(overall),
        features={
            feature: {name: _answered(item) for name, item in table.items() if name is not None}
            for feature, table in tables.items()
        },
    )


def _calibration(item: Calibration, area: Interval, *, curve: bool) -> report.GroupCalibration:
    return report.GroupCalibration(
        confidence_gap=item.confidence_gap.cell(),
        squared_error=_error(item.squared_error),
        ece=_error(item.ece),
        aurc=area.cell(),
        curve=tuple(map(_point, item.curve)) if curve else (),
    )


def _error(error: CalibrationError) -> report.CalibrationError:
    return report.CalibrationError(
        value=error.value,
        chance=error.null_median,
        p_value=error.p_value,
        n=error.n,
        n_bins=error.n_bins,
        reason=error.reason,
    )


def _point(found: Bin) -> report.CurvePoint:
    accuracy = found.accuracy
    return report.CurvePoint(
        confidence=found.confidence, accuracy=accuracy.value, low=accuracy.low, high=accuracy.high, n=accuracy.n
    )


def _answered(item: Abstention) -> report.Answered:
    return report.Answered(coverage=item.coverage.cell(), selective_risk=item.selective_risk.cell())
