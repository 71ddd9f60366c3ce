"""Topics about the data: sources, selection, partitions, who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report.summary import tested_images
from dermbench.reporting.documents import class_words, dataset_words, report_words, run_words
from dermbench.reporting.documents.dossier.facts import DATA_HELPS, NOTHING, RUN_HELPS, TOPICS, Facts

if TYPE_CHECKING:
    from dermbench.reporting.documents.evidence import Evidence

TRAINED_ELSEWHERE = "Whether the model was trained on this dataset is not recorded."


@TOPICS.register("data_source")
def data_source(e: Evidence) -> Facts:
    """Look up where the images come from."""
    said, sources = [f"Evaluated: {tested_images(e.report)}."], ["report.json: task, split, n"]
    if e.dataset is not None:
        said += dataset_words.source(e.dataset)
        sources.append("dataset.toml: title, source, citation, licence")
    if e.run is not None:
        said.append(f"Trained on task {e.run.task} ({same_data(e)}).")
        sources.append("run.json: task, dataset_digest")
    gaps = () if e.run is not None else ("which data the model was trained on",)
    return Facts(tuple(said), tuple(sources), gaps, "" if e.dataset is not None else DATA_HELPS)


def same_data(e: Evidence) -> str:
    """Look up whether run and dataset are of one manifest."""
    if e.run is None or e.dataset is None:
        return "whether on the dataset that was evaluated is not compared: no dataset folder was given"
    if e.trained_on_dataset:
        return "the dataset that was evaluated, by its content hash; training used its train and val splits"
    return "by the content hash another dataset than the one evaluated, or another preparation of it"


@TOPICS.register("selection_of_images")
def selection_of_images(e: Evidence) -> Facts:
    """Look up which images were taken out when the data were prepared."""
    if e.dataset is None:
        return Facts(helps=DATA_HELPS)
    said = dataset_words.left_out(e.dataset) or ["No image of the release was left out when it was prepared."]
    return Facts(tuple(said), ("dataset.toml: left_out",))


@TOPICS.register("preparation")
def preparation(e: Evidence) -> Facts:
    """Look up what happened to images and tables before the model saw them."""
    found: dict[str, list[str]] = {}
    if e.run is not None:
        size, mode = run_words.setting(e.run, "image_size"), run_words.setting(e.run, "crop_mode")
        scaled = f"Images were scaled to {size} by {size} pixels (crop mode {mode or 'not recorded'})."
        found["run.json: config"] = [scaled] * (size is not None) + run_words.augmentation(e.run)
    if e.dataset is not None:
        done = [*e.dataset.info.interpreted, *dataset_words.left_out(e.dataset)]
        found["dataset.toml: interpreted, left_out"] = done
    said = [text for texts in found.values() for text in texts]
    sources = [source for source, texts in found.items() if texts]
    helps = RUN_HELPS if e.run is None else "" if e.dataset is not None else DATA_HELPS
    return Facts(tuple(said), tuple(sources), helps=helps)


@TOPICS.register("missing_data")
def missing_data(e: Evidence) -> Facts:
    """Look up what was done where a prediction, a skin type or an image is missing."""
    block = e.report.no_answer
    if block is None:
        said = ["Predictions: every evaluated image had to have one; none is missing."]
    else:
        said = [f"Predictions: {block.sentence() or 'no image lacks one; a missing one would count as wrong.'}"]
    sources = ["report.json: no_answer"]
    if e.report.features:
        unknown = report_words.unknown_groups(e.report)
        said += unknown or ["Sensitive features: known for every evaluated image."]
        sources.append("report.json: features.*.unknown_n")
    if e.dataset is not None:
        said += dataset_words.left_out(e.dataset)
        sources.append("dataset.toml: left_out")
    return Facts(tuple(said), tuple(sources), helps="" if e.dataset is not None else DATA_HELPS)


@TOPICS.register("reference_labels")
def reference_labels(e: Evidence) -> Facts:
    """Look up which classes the reference standard has."""
    said = [f"The labels of {tested_images(e.report)} count as true, in {len(e.report.classes):,} classes."]
    sources = ["report.json: classes, provenance.truth_digest"]
    if e.report.positive is not None:
        said += class_words.positive(e.report)
        sources.append("report.json: positive")
    if e.report.provenance.interpreted:
        said += e.report.provenance.interpreted
        sources.append("report.json: provenance.interpreted")
    if e.dataset is not None and e.dataset.info.citation:
        said.append(f"The data are described in: {e.dataset.info.citation}.")
        sources.append("dataset.toml: citation")
    return Facts(tuple(said), tuple(sources))


@TOPICS.register("annotator_agreement")
def annotator_agreement(e: Evidence) -> Facts:
    """Look up how well annotators of the sensitive features agree; no record is about those of diagnoses."""
    said = report_words.annotators(e.report)
    return Facts(tuple(said), ("report.json: features.*.annotators",)) if said else NOTHING


@TOPICS.register("partitions")
def partitions(e: Evidence) -> Facts:
    """Look up how images were put into training, validation and test sets."""
    if e.dataset is None:
        return Facts(helps=DATA_HELPS)
    said = [*dataset_words.partition(e.dataset), *dataset_words.sizes(e.dataset)]
    sources = ["dataset.toml: split", "manifest.parquet: split"]
    if e.run is not None:
        said.append(f"The model was trained on: {same_data(e)}.")
        said += [text for text in run_words.unusual(e.run) if "joined" in text]
        sources.append("run.json: dataset_digest, config")
    gaps = () if e.trained_on_dataset else (TRAINED_ELSEWHERE,)
    return Facts(tuple(said), tuple(sources), gaps, "" if e.run is not None else RUN_HELPS)


@TOPICS.register("disjoint")
def disjoint(e: Evidence) -> Facts:
    """Look up what the sets do not share: patients, lesions, photographs."""
    if e.dataset is None:
        return Facts(helps=DATA_HELPS)
    said, apart = dataset_words.crossing(e.dataset)
    unit = e.dataset.info.split.get("unit", "not recorded")
    gaps = (
        ()
        if apart
        else ("whether images of one patient or one photograph are in several sets, and why that is acceptable",)
    )
    if not e.trained_on_dataset:
        gaps = (*gaps, "whether the model was trained on these sets and on no image of the test set")
    return Facts(
        (f"Unit that stays in one set: {unit}.", *said),
        ("dataset.toml: split", "manifest.parquet: split and ids"),
        gaps,
    )


@TOPICS.register("flow")
def flow(e: Evidence) -> Facts:
    """Look up numbers from the release to the evaluated images."""
    said, sources = [], []
    if e.dataset is not None:
        said = [*dataset_words.left_out(e.dataset), *dataset_words.sizes(e.dataset)]
        sources.append("dataset.toml: images, left_out; manifest.parquet")
    said.append(f"Evaluated: {tested_images(e.report)}.")
    sources.append("report.json: n")
    if e.report.no_answer is not None and e.report.no_answer.overall.absent:
        said.append(e.report.no_answer.sentence())
        sources.append("report.json: no_answer")
    return Facts(tuple(said), tuple(sources), helps="" if e.dataset is not None else DATA_HELPS)


@TOPICS.register("characteristics")
def characteristics(e: Evidence) -> Facts:
    """Look up who is in each set: skin type, sex, age, body site, classes."""
    said = report_words.said(e.report, "tested")
    sources = ["report.json: features, per_class"]
    said.append(f"Classes of the evaluated images: {class_words.supports(e.report, e.report.classes)}.")
    gaps: tuple[str, ...] = ()
    if e.dataset is not None:
        said += [*dataset_words.characteristics(e.dataset), *dataset_words.lacking(e.dataset)]
        sources.append("manifest.parquet")
    else:
        gaps = ("the sets that the model was trained and tuned on",)
    return Facts(tuple(said), tuple(sources), gaps, "" if e.dataset is not None else DATA_HELPS)


@TOPICS.register("sets_compared")
def sets_compared(e: Evidence) -> Facts:
    """Look up how the evaluated images differ from those the model was trained on."""
    if e.dataset is None or not e.trained_on_dataset:
        return Facts(helps=f"{RUN_HELPS} with {DATA_HELPS}, both of one dataset,")
    said = [text for split in ("train", e.report.split) for text in dataset_words.classes(e.dataset, split)]
    return Facts(
        (*dataset_words.characteristics(e.dataset), *said),
        ("manifest.parquet: split, label and patient columns", "run.json: dataset_digest"),
    )


@TOPICS.register("numbers_analysed")
def numbers_analysed(e: Evidence) -> Facts:
    """Look up images, units and positive images behind each analysis."""
    unit = e.report.provenance.unit
    by = "image" if unit.column is None else unit.column
    said = [f"Evaluation: {e.report.n:,} images, {unit.count:,} units by {by}."]
    sources = ["report.json: n, provenance.unit, per_class"]
    if e.report.positive is not None:
        said.append(f"Positive images: {class_words.n_positive(e.report):,} of {e.report.n:,}.")
    said.append(f"Images a class: {class_words.supports(e.report, e.report.classes)}.")
    gaps: tuple[str, ...] = ()
    if e.dataset is not None and e.trained_on_dataset:
        said += dataset_words.sizes(e.dataset)
        sources.append("manifest.parquet: split")
    else:
        gaps = ("numbers of the data that the model was trained and tuned on",)
    if unit.column != "patient_id":
        gaps = (*gaps, "numbers of patients; these are images")
    return Facts(tuple(said), tuple(sources), gaps)


@TOPICS.register("other_diagnoses")
def other_diagnoses(e: Evidence) -> Facts:
    """Look up classes of the images that are not positive."""
    if e.report.positive is None:
        return NOTHING
    others = [name for name in e.report.classes if name not in e.report.positive.classes]
    return Facts(
        (f"Images that are not positive, by class: {class_words.supports(e.report, others)}.",),
        ("report.json: per_class.*.support, positive",),
    )


@TOPICS.register("spectrum")
def spectrum(e: Evidence) -> Facts:
    """Look up the mix of classes and skin types of the evaluated images."""
    said = [
        f"Mix of the evaluated images by class: {class_words.supports(e.report, e.report.classes)}.",
        *report_words.said(e.report, "tested"),
    ]
    return Facts(tuple(said), ("report.json: per_class.*.support, summary",))
