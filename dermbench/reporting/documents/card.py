"""Write a model card from the records, with marked gaps for the author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, Undefined
from dermbench.artifacts.wording import enumerated, is_skin_type, p_value, span_words
from dermbench.reporting.documents import class_words, dataset_words, report_words, run_words
from dermbench.reporting.documents.card_header import header
from dermbench.reporting.features import shown_features
from dermbench.reporting.markdown import markdown_section, markdown_table
from dermbench.reporting.names import feature_title
from dermbench.reporting.provenance import all_notes, provenance_line
from dermbench.reporting.reading import reading
from dermbench.reporting.report_sections import FeatureView
from dermbench.reporting.section import Column, Section
from dermbench.reporting.sections.calibration import calibration_sections
from dermbench.reporting.sections.clinical import operating_point_section
from dermbench.reporting.sections.groups import group_sections
from dermbench.reporting.sections.summary import METRICS_TITLE, metric_sections
from dermbench.reporting.sections.without_twins import twin_sections
from dermbench.reporting.text import PROSE_LIMIT, Safe, markdown_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dermbench.artifacts.report import Feature
    from dermbench.reporting.documents.evidence import Evidence

MARK = "Written by dermbench card"
AUTHOR = "The author must answer"


def card_markdown(evidence: Evidence) -> str:
    """Return the card: YAML header, then sections in plain sentences and tables.

    Parameters
    ----------
    evidence
        The records. Missing information is marked "The author must answer".
    """
    report = evidence.report
    name = report_words.name_of(report)
    parts = [
        header(evidence),
        f"<!-- {MARK}. -->",
        f"# Model card: {_shown(name)}",
        "**Not for clinical use.** Everything here comes from records of dermbench and from nothing else.",
        *_summary(evidence),
        "## Intended use",
        _ask("what the model is for, who is to use it on whom, and what it must not be used for"),
        *_training(evidence),
        *_evaluation(evidence),
        *_groups(evidence),
        *_failures(evidence),
        *_limits(evidence),
        *_calibration(evidence),
        *_provenance(evidence),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _shown(text: str) -> str:
    return markdown_text(text, limit=PROSE_LIMIT)


def _prose(sentences: Iterable[str]) -> str:
    return " ".join(map(_shown, sentences))


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_shown(sentence)}" for sentence in sentences)


def _ask(what: str) -> str:
    return f"{AUTHOR}: {what}: …"


def _summary(evidence: Evidence) -> list[str]:
    report, run = evidence.report, evidence.run
    said = [f"{report_words.name_of(report)} puts images into one of {len(report.classes):,} classes."]
    said += [] if run is None else run_words.network(run)
    parts = ["## What it is", _prose(said), f"Classes: {_classes(report.classes)}."]
    if run is None:
        parts.append(_ask("which kind of model it is, who made it, and under which licence it may be used"))
    else:
        parts.append(_ask("who made the model, and under which licence it may be used"))
    return [*parts, "## In short", _list(sentence.text for sentence in report.summary)]


def _classes(names: tuple[str, ...], most: int = 30) -> str:
    shown = ", ".join(map(markdown_text, names[:most]))
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _training(evidence: Evidence) -> list[str]:
    run, dataset = evidence.run, evidence.dataset
    parts = ["## Training data and procedure"]
    if run is None:
        return [*parts, _ask("what the model was trained on and how; no run record was given (--run)")]
    if evidence.kept:
        parts.append("The run folder keeps the very predictions that were evaluated (equal content hash).")
    else:
        parts.append(
            "The user who gave the run (--run) says that it made the evaluated predictions; no record shows it. "
            + _ask("whether it did")
        )
    data = [f"Trained on task {run.task}, dataset with the content hash {run.dataset_digest}."]
    if dataset is not None:
        same = "the dataset that was evaluated"
        if not evidence.trained_on_dataset:
            same = "another dataset than the one evaluated, or another preparation of it"
        data.append(f"By the content hash this is {same}.")
        data += (
            [*dataset_words.partition(dataset), *dataset_words.sizes(dataset)]
            if evidence.trained_on_dataset
            else []
        )
    sentences = [
        *run_words.initial(run),
        *run_words.augmentation(run),
        *run_words.optimisation(run),
        *(run_words.balance(run) or ["Classes were not balanced."]),
        *(
            run_words.against_group_differences(run)
            or ["Nothing in the training aims at differences between groups."]
        ),
        *run_words.selection(run),
    ]
    return [*parts, _prose(data), _list(sentences), _ask("further data, and models that were tried and not kept")]


def _evaluation(evidence: Evidence) -> list[str]:
    report, dataset = evidence.report, evidence.dataset
    parts = ["## Evaluation data", _prose(report_words.said(report, "tested", "no_answer"))]
    if dataset is not None:
        parts.append(_prose([*dataset_words.source(dataset), *dataset_words.left_out(dataset)]))
        parts.append(_list(dataset_words.characteristics(dataset)))
        parts.append(_prose(dataset_words.crossing(dataset)[0]))
    parts.append(_ask("where, when and from whom the images come, and how each diagnosis was made"))
    found = next(section for section in metric_sections(report) if section.title == METRICS_TITLE)
    parts += _section(found, "Metrics")
    if any(point.target is not None for point in report.operating_points):
        for section in operating_point_section(report)[:1]:
            parts += _section(section, section.title, 3)
    return parts


def _section(section: Section, title: str, level: int = 2) -> list[str]:
    """Return a section of the report under another heading."""
    _, *lines = markdown_section(section)
    return [f"{'#' * level} {markdown_text(title)}", "\n".join(lines).strip("\n")]


def _groups(evidence: Evidence) -> list[str]:
    report = evidence.report
    names = shown_features(report.features)
    others = " and other groups" * (not all(map(is_skin_type, names)))
    parts = [f"## Performance by Fitzpatrick skin type{others}"]
    parts += map(_shown, report_words.said(report, "positive", "primary"))
    parts += [] if report.primary is None else [_shown(reading(report))]
    if not report_words.has_skin_type(report):
        parts.append(
            "Performance by skin type was not evaluated. "
            + _ask("how the model does on each Fitzpatrick skin type")
        )
    for name in names:
        tables = group_sections(FeatureView(report, name, main=True))
        parts += _section(tables[0], f"By {feature_title(name)}", 3) if tables else []
    told = [*report_words.annotators(report), *report_words.sensitivity_analyses(report)]
    parts += [_list(told)] if told else []
    for section in twin_sections(report):
        parts += _section(section, section.title, 3)
    return parts


def _failures(evidence: Evidence) -> list[str]:
    report = evidence.report
    parts = ["## Where it fails", *(map(_shown, report_words.said(report, "fails", "classes")))]
    for name in shown_features(report.features):
        if rows := _outstanding(report.features[name]):
            columns = [
                Column(t, left=i < 2) for i, t in enumerate(("class", "groups", "recognised", "others", "q"))
            ]
            parts.append(
                f"Recall by class and {markdown_text(feature_title(name))}, lower than in the other groups:"
            )
            parts.append("\n".join(markdown_table(columns, rows)))
    return [*parts, _prose([*class_words.cross_table(report), *class_words.confusions(report)])]


def _outstanding(feature: Feature) -> list[tuple[str, ...]]:
    if isinstance(feature.screen, Undefined):
        return []
    return [
        (
            name,
            span_words(row.worst.groups),
            Safe(f"{row.worst.k:,} of {row.worst.n:,}"),
            Safe(f"{row.worst.rest_k:,} of {row.worst.rest_n:,}"),
            Safe(p_value(row.worst.q)),
        )
        for name, row in sorted(feature.screen.items())
        if row.worst is not None and row.worst.q <= LEVEL
    ]


def _limits(evidence: Evidence) -> list[str]:
    report = evidence.report
    said = [*report_words.said(report, "limits"), *all_notes(report)]
    return [
        "## Limits",
        _list(said),
        _ask("whom the data represent, and what must be known before the model is used"),
    ]


def _calibration(evidence: Evidence) -> list[str]:
    report = evidence.report
    parts = ["## Calibration", _prose(report_words.calibration(report))]
    tables = [table for table in calibration_sections(report) if table.rows and "Calibration" in table.title]
    return [*parts, *(_section(tables[0], tables[0].title, 3) if tables else [])]


def _provenance(evidence: Evidence) -> list[str]:
    report, told = evidence.report, evidence.report.provenance
    said = [
        f"{provenance_line(report)}.",
        f"Content hash of the predictions: {told.predictions_digest}.",
        f"Content hash of the truth: {told.truth_digest}.",
        *report_words.interval_methods(report),
        *report_words.resampling(report),
    ]
    if evidence.run is not None:
        said.append(f"Trained with {run_words.versions(evidence.run.environment)}.")
    if evidence.dataset is not None:
        said.append(f"Content hash of the dataset: {evidence.dataset.info.digest}.")
    used = ["the report", *(["the run"] if evidence.run else []), *(["the dataset"] if evidence.dataset else [])]
    return ["## Provenance", f"Made from {enumerated(used)}.", _list(said)]
