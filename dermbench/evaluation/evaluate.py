"""Evaluate one model: from predictions and truth to a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.provenance import environment
from dermbench.artifacts.report import (
    Disparity,
    Family,
    Primary,
    Provenance,
    Report,
    Undefined,
    Unit,
)
from dermbench.artifacts.report.summary import class_extremes, summary
from dermbench.artifacts.wrong_answers import count_as_wrong
from dermbench.errors import UsageError
from dermbench.evaluation.adjustment.adjusted import adjusted, read_covariates
from dermbench.evaluation.calibration.abstention import AURC, abstention
from dermbench.evaluation.calibration.confidence import calibration_record, check_no_overlap
from dermbench.evaluation.calibration.curves import confidence_curves
from dermbench.evaluation.calibration.reliability import CONFIDENCE_GAP
from dermbench.evaluation.cells import all_class_metrics, class_table, confusion_table, group_cells
from dermbench.evaluation.clinical.records import Validation, asked_for, clinical_records
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import further_annotators, group_all
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.core.scoring import applicable
from dermbench.evaluation.disparity.rows import Questions
from dermbench.evaluation.features import Evaluated, feature_records
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.no_answer import no_answer_record
from dermbench.evaluation.notes import notes
from dermbench.evaluation.primary import default_metric, resolve_primary
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.skin_error.corrected import corrected_gap
from dermbench.evaluation.without_twins import add_without_twins, leave_out
from dermbench.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.report import Abstention, Calibration, ConfidenceCurves, Feature
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.every_metric import GroupEstimates

    Splits = tuple[Truth, tuple[Predictions, Truth] | None]
    Tables = Mapping[str | None, GroupTable]

N_RESAMPLES = 9999


def evaluate(  # noqa: PLR0913 - everything that a report depends on
    predictions: Predictions,
    truth: Truth,
    *,
    sensitive: Sequence[str] | None = None,
    validation: tuple[Predictions, Truth] | None = None,
    primary: tuple[str, str] | None = None,
    operating_points: Sequence[str] = (),
    prevalences: Sequence[float] = (),
    margin: float | None = None,
    twins: Collection[str] | None = None,
    adjust: Sequence[str] = (),
    skin_type_error: bool = False,
    model: str | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    workers: int = 1,
    curves: bool = True,
) -> Report:
    """Compute every metric that applies, overall, by class and by subgroup.

    Parameters
    ----------
    predictions, truth
        Predictions and truth of the same images and classes. Images without a usable prediction count as wrong.
    sensitive
        Sensitive features: columns of the truth, or columns joined by commas for intersections. By default
        those of the task that the truth has, and all skin-type columns.
    validation
        Predictions of the same model, and truth, for another split, on which thresholds are fitted. It must share
        no image and no unit with ``truth``.
    primary
        Metric and sensitive feature of the primary question; by default sensitivity where positive classes lead
        (:class:`~dermbench.artifacts.report.Positive`), else accuracy, by skin type.
    operating_points
        Further ways to call images positive: ``sensitivity=.9``, ``specificity=.9`` (fitted on ``validation``) or
        ``threshold=.5``; see :func:`dermbench.evaluation.clinical.rules.parse_rule`.
    prevalences
        Stated shares of positive cases, for predictive values.
    margin
        Largest acceptable gap of the primary metric, stated before the results are known.
    twins
        Ids of images that show the same photograph as an image that the model may have seen. The report also
        gives the scores without them. None if unknown.
    adjust
        Columns of the truth for a second comparison of the primary groups, which holds these columns and the true
        class fixed. Empty: no such comparison.
    skin_type_error
        Whether to also correct the primary gap for errors in the skin types, estimated from several labellings.
    model
        Name of the model.
    seed
        Seed of all resamples and permutations.
    n_resamples
        Number of resamples and permutations.
    workers
        Threads; any number gives the same report.
    curves
        Whether to store the calibration curves, which only figures use.

    Returns
    -------
    Report
        Equal inputs give equal bytes.

    Raises
    ------
    UsageError
        When ids or classes differ, a sensitive feature is missing, the primary question or its margin does not
        apply, an operating point lacks positive classes, probabilities or ``validation``, or ``validation``
        shares an image or a unit with ``truth``.
    """
    plan = Plan(seed, n_resamples, workers)
    sample, digest = join(predictions, truth), predictions.digest
    predictions = count_as_wrong(predictions, truth)
    if validation is not None:
        check_no_overlap(truth, validation[1])
    metrics = applicable(sample)
    groupings = group_all(truth, sensitive)
    others = further_annotators(truth, groupings)
    default = default_metric(truth.positive)
    asked = resolve_primary(
        sample, [g.feature for g in groupings], primary=primary, margin=margin, default=default
    )
    wanted = asked_for(operating_points, prevalences)
    first = next((g for g in groupings if asked is not None and g.feature == asked[1]), None)
    points, clinical = clinical_records(sample, truth.positive, first, wanted, _fitting(validation), plan)
    covariates = read_covariates(truth, adjust, None if asked is None else asked[1])
    if skin_type_error and asked is None:
        raise UsageError("--skin-type-error: no sensitive feature is evaluated, so there are no groups to compare")
    tables = group_tables(sample, groupings, [*metrics, CONFIDENCE_GAP, AURC], overall=all_class_metrics(sample))
    found = _estimates(sample, groupings, tables, metrics, plan)
    data = Evaluated(
        sample, metrics, tables, found, plan, Questions(asked, margin, len(groupings)), truth.unit_column
    )
    per_class = class_table(sample, found[None])
    metric = METRICS.get(asked[0] if asked else default)
    features = feature_records(data, groupings, others, metric)
    report = Report(
        task=truth.task,
        split=truth.split,
        n=len(sample),
        classes=truth.classes,
        model=model,
        provenance=_provenance(predictions, digest, truth, metrics, plan),
        summary=(),
        overall=group_cells(tables[None], metrics, found[None])[0],
        per_class=per_class,
        class_extremes=class_extremes(per_class),
        confusion=confusion_table(sample),
        calibration=_calibration(
            sample,
            (truth, validation),
            groupings,
            tables,
            found,
            plan,
            curves=confidence_curves(sample, first) if curves and sample.y_prob is not None else None,
        ),
        positive=truth.positive,
        operating_points=points,
        clinical=clinical,
        primary=None if asked is None else Primary(metric=asked[0], feature=asked[1]),
        family=_family(features),
        features=features,
        no_answer=no_answer_record(predictions.unanswered),
        notes=tuple(notes(predictions, truth, sample, groupings)),
    )
    said = summary(report, title=metric.title, higher_is_better=metric.higher_is_better)
    report = report.model_copy(update={"summary": said})
    if asked is not None and first is not None:
        row = features[asked[1]].disparities[asked[0]]
        held = adjusted(sample, first, row, metric, covariates) if covariates else None
        errors = corrected_gap(sample, truth, first, row, metric, plan) if skin_type_error else None
        report = report.model_copy(update={"adjusted": held, "skin_type_error": errors})
    if twins is None:
        return report
    rest = leave_out(predictions, truth, twins)
    if len(rest[1]) in {0, len(truth)}:
        return add_without_twins(report, report if len(rest[1]) else None)
    again = evaluate(
        *rest,
        sensitive=[] if asked is None else [asked[1]],
        primary=asked,
        margin=margin,
        seed=seed,
        n_resamples=n_resamples,
        workers=workers,
        curves=False,
    )
    return add_without_twins(report, again)


def _fitting(validation: tuple[Predictions, Truth] | None) -> Validation | None:
    return None if validation is None else Validation(join(*validation), validation[1].split, validation[1].digest)


def _family(features: Mapping[str, Feature]) -> Family | None:
    """Return which gaps are tested, and how secondary p-values are corrected."""
    if not features:
        return None
    tested = [
        metric
        for feature in features.values()
        for metric, row in feature.disparities.items()
        if isinstance(row, Disparity) and row.p_value is not None
    ]
    return Family(
        n_questions=len(tested),
        features=tuple(features),
        metrics=tuple(dict.fromkeys(tested)),
        adjustment=(
            "the primary row has its own p-value; a secondary p-value is that of the largest statistic over all "
            f"metrics and contrasts of its feature, times the number of features ({len(features)})"
        ),
    )


def _estimates(
    sample: Sample,
    groupings: Sequence[Grouping],
    tables: Tables,
    metrics: Sequence[Metric],
    plan: Plan,
) -> dict[str | None, GroupEstimates]:
    """Return {feature: estimates} of all metrics; the key of the whole sample is None."""
    shared = [*metrics, CONFIDENCE_GAP]  # together, so that each grouping is resampled once
    found: dict[str | None, GroupEstimates] = {
        g.feature: estimates(sample, shared, g, plan, table=tables[g.feature]) for g in groupings
    }
    return found | {None: estimates(sample, [*shared, *all_class_metrics(sample)], None, plan, table=tables[None])}


def _calibration(
    sample: Sample,
    splits: Splits,
    groupings: Sequence[Grouping],
    tables: Tables,
    found: Mapping[str | None, GroupEstimates],
    plan: Plan,
    *,
    curves: ConfidenceCurves | None,
) -> Calibration | Undefined:
    truth, validation = splits
    made: Abstention | Undefined = Undefined(reason="no validation predictions")
    if sample.y_prob is not None and validation is not None:
        other = validation[1].split
        made = abstention(sample, join(*validation), groupings, split=truth.split, fitted_on=other)
    return calibration_record(sample, groupings, tables, found, plan, abstention=made, curves=curves)


def _provenance(
    predictions: Predictions, digest: str, truth: Truth, metrics: Sequence[Metric], plan: Plan
) -> Provenance:
    made_with = environment()
    return Provenance(
        version=__version__,
        environment=made_with,
        seed=plan.seed,
        resamples=plan.n_resamples,
        metric_versions={metric.name: metric.version for metric in metrics},
        predictions_digest=digest,
        truth_digest=truth.digest,
        unit=Unit(column=truth.unit_column, count=int(truth.unit.max()) + 1),
        interpreted=(*truth.scales.sentences, *truth.interpreted, *predictions.interpreted),
    )
