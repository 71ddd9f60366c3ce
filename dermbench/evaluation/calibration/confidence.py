"""What the probabilities are worth: calibration and abstention, overall and by subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts import report
from dermbench.errors import UsageError, name_some
from dermbench.evaluation.calibration.abstention import AURC
from dermbench.evaluation.calibration.reliability import calibration
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.every_metric import estimates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

AREA_RESAMPLES = 999
"""Most resamples for the interval of the area under the risk-coverage curve, which has to be traced for each."""


def calibration_record(
    sample: Sample,
    groupings: Sequence[Grouping],
    tables: Mapping[str | None, GroupTable],
    found: Mapping[str | None, GroupEstimates],
    plan: Plan,
    *,
    abstention: report.Abstention | report.Undefined,
    curves: report.ConfidenceCurves | None = None,
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
    abstention, curves
        Go into the record as they are.
    """
    if sample.y_prob is None:
        return report.Undefined(reason=NEEDS_PROBABILITIES)

    def records(grouping: Grouping | None) -> dict[str | None, report.GroupCalibration]:
        feature = None if grouping is None else grouping.feature
        areas = estimates(sample, [AURC], grouping, plan.at_most(AREA_RESAMPLES), table=tables[feature])
        return calibration(sample, found[feature] | areas, grouping, plan)

    by_feature = {each.feature: {str(name): item for name, item in records(each).items()} for each in groupings}
    return report.Calibration(
        overall=records(None)[None], features=by_feature, abstention=abstention, curves=curves
    )


def check_apart(truth: Truth, validation: Truth) -> None:
    """Check that thresholds are not fitted on what is scored.

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
                f"thresholds would be fitted on what is scored: validation and evaluated truth "
                f"share {len(shared):,} {column}: {name_some(shared)}",
                remedy="Give predictions for images that share no unit with those scored. In a --truth table the "
                "column split tells them apart: rows of val, and those of --split test.",
            )
