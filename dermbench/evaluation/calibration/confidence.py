"""What the probabilities are worth: calibration and abstention, overall and by subgroup."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dermbench.errors import UsageError, name_some
from dermbench.evaluation.calibration.abstention import AURC, abstention, fit_threshold
from dermbench.evaluation.calibration.reliability import calibration
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES
from dermbench.evaluation.intervals.every_metric import estimates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.calibration.abstention import Abstention
    from dermbench.evaluation.calibration.reliability import Calibration
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

Document = dict[str, Any]
AREA_RESAMPLES = 999
"""Most resamples for the interval of the area under the risk-coverage curve, which has to be traced for each."""
COVERAGE = 0.8
"""Share of the validation images that the threshold of abstention answers."""


def calibration_block(
    sample: Sample,
    groupings: Sequence[Grouping],
    tables: Mapping[str | None, GroupTable],
    found: Mapping[str | None, GroupEstimates],
    plan: Plan,
) -> Document:
    """Return {overall, features {feature {group}}}: confidence - accuracy, calibration errors, curve, AURC.

    Without probabilities it is {reason}.

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
    """
    if sample.y_prob is None:
        return {"reason": NEEDS_PROBABILITIES}
    options = {"seed": plan.seed, "n_resamples": plan.n_resamples}

    def documents(feature: str | None, grouping: Grouping | None) -> dict[str | None, Document]:
        areas = estimates(sample, [AURC], grouping, plan.at_most(AREA_RESAMPLES), table=tables[feature])
        return {
            name: _calibration(item) | {"aurc": areas[name, AURC.name].interval().document()}
            for name, item in calibration(sample, grouping, gaps=found[feature], **options).items()
        }

    by_feature = {each.feature: documents(each.feature, each) for each in groupings}
    return {"overall": documents(None, None)[None], "features": by_feature}


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


def abstention_block(
    sample: Sample, validation: Sample, groupings: Sequence[Grouping], *, split: str, fitted_on: str
) -> Document:
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
    return {
        "threshold": asdict(threshold),
        "overall": _abstention(overall),
        "features": {
            feature: {name: _abstention(item) for name, item in table.items() if name is not None}
            for feature, table in tables.items()
        },
    }


def _calibration(item: Calibration) -> Document:
    """Return the block of a group; ``reasons`` says why a curve has no point."""
    why = {} if item.curve else {"reasons": {"curve": item.ece.reason}}
    return why | {
        "confidence_gap": item.confidence_gap.document(),
        "squared_error": _present(asdict(item.squared_error)),
        "ece": _present(asdict(item.ece)),
        "curve": [{"confidence": b.confidence, "accuracy": b.accuracy.document()} for b in item.curve],
    }


def _abstention(item: Abstention) -> Document:
    return {"coverage": item.coverage.document(), "selective_risk": item.selective_risk.document()}


def _present(document: Document) -> Document:
    return {key: item for key, item in document.items() if key == "value" or item is not None}
