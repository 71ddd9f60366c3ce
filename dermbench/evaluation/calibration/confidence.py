"""The report's record of calibration and abstention, overall and by subgroup."""

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
"""Most resamples for the interval of the area under the risk-coverage curve, which is slow to compute."""


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
        Predictions and truth, and sensitive features.
    tables
        {feature: table} with the area under the risk-coverage curve; the key of the whole sample is None.
    found
        {feature: estimates} with the mean of confidence - accuracy; the key of the whole sample is None.
    plan
        Seed, number of resamples, workers.
    abstention, curves
        Parts that the record takes over unchanged.
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


def check_no_overlap(truth: Truth, validation: Truth) -> None:
    """Check that thresholds are not fitted on the images or units that are scored.

    Parameters
    ----------
    truth
        Truth of the scored images.
    validation
        Truth of the images for fitting.

    Raises
    ------
    UsageError
        When both hold the same image or unit (patient, lesion, group of duplicates).
    """
    columns = dict.fromkeys(("image_id", truth.unit_column, validation.unit_column))
    for column in columns:
        if column is None or column not in truth.table or column not in validation.table:
            continue
        scored, fitted = ({str(i) for i in each.table[column].dropna()} for each in (truth, validation))
        shared = sorted(scored & fitted)
        if shared:
            raise UsageError(
                f"thresholds would be fitted on scored images: validation and evaluated truth "
                f"share {len(shared):,} {column}: {name_some(shared)}",
                remedy="Give predictions for images that share no unit with the scored ones. In a --truth table, "
                "use the column split: val for fitting, and --split test for scoring.",
            )
