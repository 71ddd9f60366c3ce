"""Topics about methods of evaluation and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Cell, Undefined
from dermbench.artifacts.report.summary import tested_images
from dermbench.artifacts.wording import enumerated
from dermbench.reporting.documents import class_words, report_words, run_words
from dermbench.reporting.documents.dossier.facts import DATA_HELPS, NOTHING, RUN_HELPS, TOPICS, Facts
from dermbench.reporting.names import headline_metrics, metric_title, shown_metrics

if TYPE_CHECKING:
    from dermbench.reporting.documents.evidence import Evidence

PAIR = ("sensitivity", "specificity")
NO_GROUPS = "performance by skin type and other groups: none was evaluated"
NO_SKIN = "performance by skin type: it was not evaluated"
NO_INTERVALS = "intervals of the values that have none"


@TOPICS.register("sample_size")
def sample_size(e: Evidence) -> Facts:
    """Look up how many images there are; why as many is not recorded."""
    said = report_words.said(e.report, "tested", "limits")
    return Facts(tuple(said), ("report.json: summary",))


@TOPICS.register("metrics")
def metrics(e: Evidence) -> Facts:
    """Look up which metrics were computed."""
    known = [name for name, cell in e.report.overall.items() if cell.value is not None]
    names = [metric_title(name) for name in shown_metrics(known)]
    said = [f"Metrics: {enumerated(names)}."]
    said += ["By class: precision, recall and F1; confusion matrix."]
    if not isinstance(e.report.calibration, Undefined):
        said.append("Calibration: reliability curve, calibration errors, risk-coverage.")
    if e.report.clinical is not None:
        said.append("ROC curves and decision curves of the positive classes.")
    if e.report.features:
        said.append("Gaps between groups with the true class held fixed; recall by class and group.")
    return Facts(tuple(said), ("report.json: overall, per_class, calibration, clinical, features",))


@TOPICS.register("uncertainty")
def uncertainty(e: Evidence) -> Facts:
    """Look up how intervals and p-values were made, with which software."""
    said = [
        *report_words.interval_methods(e.report),
        *report_words.resampling(e.report),
        *report_words.tests(e.report),
        *report_words.correction(e.report),
        f"Software: {run_words.versions(e.report.provenance.environment)}.",
    ]
    gaps = [] if report_words.has_intervals(e.report) else [NO_INTERVALS]
    gaps += [] if e.report.family is not None else ["tests of significance: none was made"]
    return Facts(tuple(said), ("report.json: overall.*.method, provenance, family",), tuple(gaps))


@TOPICS.register("robustness")
def robustness(e: Evidence) -> Facts:
    """Look up which analyses repeat the primary one under other assumptions, and what comes of it."""
    said = [*report_words.annotators(e.report), *report_words.sensitivity_analyses(e.report)]
    if not said:
        return NOTHING
    return Facts(tuple(said), ("report.json: features.*.annotators, without_twins, adjusted, skin_type_error",))


@TOPICS.register("internal_test")
def internal_test(e: Evidence) -> Facts:
    """Look up results on data from the same source as the training data."""
    if e.run is None or not e.trained_on_dataset:
        return Facts(helps=f"{RUN_HELPS} with {DATA_HELPS}, both of one dataset,")
    said = [
        f"Tested on {tested_images(e.report)}, of the dataset that the run was trained on.",
        *report_words.headline(e.report),
        *run_words.selection(e.run)[-1:],
    ]
    return Facts(tuple(said), ("report.json: overall", "run.json: dataset_digest, scores"))


@TOPICS.register("external_test")
def external_test(e: Evidence) -> Facts:
    """Look up results on data from another source; only a run of another task shows that they are."""
    if e.run is None:
        return Facts(helps=RUN_HELPS)
    if e.run.task == e.report.task:
        return NOTHING
    said = [
        f"Trained on {e.run.task}, tested on {tested_images(e.report)}.",
        *report_words.headline(e.report),
    ]
    return Facts(tuple(said), ("run.json: task", "report.json: task, overall"))


@TOPICS.register("performance")
def performance(e: Evidence) -> Facts:
    """Look up values with intervals, of all images and by group."""
    said = [
        *report_words.headline(e.report),
        *report_words.by_group(e.report),
        *report_words.said(e.report, "primary"),
    ]
    gaps = [] if report_words.has_intervals(e.report) else [NO_INTERVALS]
    if not e.report.features:
        gaps.append(NO_GROUPS)
    elif not report_words.has_skin_type(e.report):
        gaps.append(NO_SKIN)
    return Facts(tuple(said), ("report.json: overall, features, summary",), tuple(gaps))


@TOPICS.register("diagnostic_accuracy")
def diagnostic_accuracy(e: Evidence) -> Facts:
    """Look up sensitivity and specificity with their precision, then the headline metrics."""
    pair = [name for name in PAIR if name in e.report.overall and e.report.positive is not None]
    leading = headline_metrics(e.report.overall, e.report.first_metrics)
    names = [*pair, *(name for name in leading if name not in pair)]
    said = [*report_words.values(e.report, names), *report_words.calibration(e.report)]
    if e.report.positive is None:
        gaps = ["which classes are positive; without that there is no sensitivity and no specificity"]
    else:
        said = [*class_words.positive(e.report), *said]
        precise = all(_precise(e.report.overall.get(name)) for name in PAIR)
        gaps = [] if precise else ["sensitivity and specificity with their intervals"]
    return Facts(tuple(said), ("report.json: positive, overall, calibration",), tuple(gaps))


def _precise(cell: Cell | None) -> bool:
    return cell is not None and cell.value is not None and cell.low is not None


@TOPICS.register("cross_table")
def cross_table(e: Evidence) -> Facts:
    """Look up true against predicted classes."""
    said = class_words.cross_table(e.report)
    gaps = [] if said else ["the table itself, which is in report.html and report.json"]
    if n := class_words.unanswered(e.report):
        gaps.append(
            f"the table without the {n:,} images that have no usable prediction and count as a wrong class"
        )
    return Facts((*said, *class_words.confusions(e.report)), ("report.json: confusion",), tuple(gaps))


@TOPICS.register("errors")
def errors(e: Evidence) -> Facts:
    """Look up which errors are made, and in which groups recall fails."""
    said = [
        *class_words.cross_table(e.report),
        *class_words.confusions(e.report),
        *report_words.said(e.report, "fails"),
    ]
    return Facts(tuple(said), ("report.json: confusion, features.*.screen",))


@TOPICS.register("group_errors")
def group_errors(e: Evidence) -> Facts:
    """Look up errors and gaps between groups: what was looked at and what came of it."""
    if not e.report.features:
        return Facts(
            ("No sensitive feature was evaluated.", *class_words.confusions(e.report)),
            ("report.json: features, confusion",),
            (NO_GROUPS,),
        )
    said = [
        *report_words.question(e.report),
        *report_words.tests(e.report),
        *report_words.said(e.report, "primary", "groups", "fails"),
    ]
    gaps = () if report_words.has_skin_type(e.report) else (NO_SKIN,)
    return Facts(tuple(said), ("report.json: primary, family, features, summary",), gaps)


@TOPICS.register("variability")
def variability(e: Evidence) -> Facts:
    """Look up how accuracy varies between groups."""
    if not e.report.features:
        return NOTHING
    said = [
        *report_words.question(e.report),
        *report_words.by_group(e.report),
        *report_words.said(e.report, "primary"),
    ]
    return Facts(tuple(said), ("report.json: primary, features, summary",))


@TOPICS.register("indeterminate")
def indeterminate(e: Evidence) -> Facts:
    """Look up what happens to images without a clear answer."""
    block = e.report.no_answer
    said = []
    if report_words.has_probabilities(e.report):
        said.append("The class with the highest probability counts, however low it is.")
    if block is None:
        said.append("Every evaluated image has a prediction.")
    else:
        said.append(
            block.sentence() or "A missing, refused or unreadable answer would count as wrong; there is none."
        )
    if isinstance(e.report.calibration, Undefined) or isinstance(e.report.calibration.abstention, Undefined):
        said.append("Abstention was not evaluated.")
    else:
        said.append("What abstention below a confidence threshold would change is in the report (calibration).")
    return Facts(tuple(said), ("report.json: no_answer, calibration.abstention",))


@TOPICS.register("stored_outputs")
def stored_outputs(e: Evidence) -> Facts:
    """Look up what identifies the evaluated predictions and labels."""
    told = e.report.provenance
    said = (
        (
            f"The report names the evaluated predictions and labels by content hashes: {told.predictions_digest} "
            f"and {told.truth_digest}. Whoever has both files can compute every number again."
        ),
    )
    return Facts(said, ("report.json: provenance.predictions_digest, provenance.truth_digest",))
