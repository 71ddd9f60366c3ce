"""Topics about the model: what it is, how it was trained, how its predictions were made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import counted
from dermbench.reporting.documents import class_words, dataset_words, report_words, run_words
from dermbench.reporting.documents.dossier.facts import DATA_HELPS, NOTHING, RUN_HELPS, TOPICS, Facts

if TYPE_CHECKING:
    from dermbench.reporting.documents.evidence import Evidence

KEPT = "The run folder keeps the very predictions that were evaluated (equal content hash)."
NOT_KEPT = "that this run made the evaluated predictions (no record shows it)"
NO_RUN = Facts(helps=RUN_HELPS)


def unproven_run(e: Evidence) -> tuple[str, ...]:
    """Return a gap if no record shows that the run made the predictions."""
    return () if e.kept else (NOT_KEPT,)


@TOPICS.register("technology")
def technology(e: Evidence) -> Facts:
    """Look up which kind of model it is."""
    if e.run is None:
        return NO_RUN
    said = (
        f"{report_words.name_of(e.report)} puts images into {counted(len(e.report.classes), 'class')}.",
        f"It is a neural network (deep learning): {e.run.model or 'its name is not recorded'}.",
    )
    return Facts(said, ("report.json: model, classes", "run.json: config.model"), unproven_run(e))


@TOPICS.register("model")
def model(e: Evidence) -> Facts:
    """Look up architecture, input and output."""
    if e.run is None:
        return NO_RUN
    said = [*run_words.network(e.run), *run_words.initial(e.run)]
    return Facts(tuple(said), ("run.json: config, parameters, classes, pretrained",), unproven_run(e))


@TOPICS.register("inputs")
def inputs(e: Evidence) -> Facts:
    """Look up what the model predicts from: the image alone, and how it is brought into form."""
    if e.run is None:
        return NO_RUN
    return Facts(
        tuple(run_words.network(e.run)[1:2]), ("run.json: config.image_size, config.crop_mode",), unproven_run(e)
    )


@TOPICS.register("software")
def software(e: Evidence) -> Facts:
    """Look up packages with their versions."""
    said = [f"Evaluated with {run_words.versions(e.report.provenance.environment)}."]
    sources = ["report.json: provenance.environment"]
    if e.run is None:
        gaps: tuple[str, ...] = ("software with which the model was trained",)
        return Facts(tuple(said), tuple(sources), gaps, RUN_HELPS)
    said.append(f"Trained with {run_words.versions(e.run.environment)} on {e.run.device}.")
    sources.append("run.json: environment, device")
    if "commit" in e.run.revision:
        changed = " with changes that were not committed" if e.run.revision.get("dirty") else ""
        said.append(f"Source revision of the training: {e.run.revision['commit']}{changed}.")
        sources.append("run.json: revision")
    return Facts(tuple(said), tuple(sources), unproven_run(e))


@TOPICS.register("initial_weights")
def initial_weights(e: Evidence) -> Facts:
    """Look up what training started from."""
    if e.run is None:
        return NO_RUN
    said = [*run_words.initial(e.run), f"Seed: {e.run.seed}."]
    return Facts(tuple(said), ("run.json: pretrained, seed",), unproven_run(e))


@TOPICS.register("training")
def training(e: Evidence) -> Facts:
    """Look up augmentation, hyperparameters, when training stopped."""
    if e.run is None:
        return NO_RUN
    said = [*run_words.augmentation(e.run), *run_words.optimisation(e.run)]
    said.append("Every setting is in config.toml and run.json of the run folder; scores by epoch in history.csv.")
    return Facts(tuple(said), ("run.json: config, epochs, stopped, device, precision",), unproven_run(e))


@TOPICS.register("chosen_model")
def chosen_model(e: Evidence) -> Facts:
    """Look up how the epoch was chosen."""
    if e.run is None:
        return NO_RUN
    said = tuple(run_words.selection(e.run))
    return Facts(said, ("run.json: selection, best_epoch, scores",), unproven_run(e))


@TOPICS.register("development")
def development(e: Evidence) -> Facts:
    """Look up model, training and choice in one."""
    if e.run is None:
        return NO_RUN
    said = [
        *run_words.network(e.run),
        *run_words.initial(e.run),
        *run_words.optimisation(e.run),
        *run_words.selection(e.run),
    ]
    return Facts(tuple(said), ("run.json: config, pretrained, selection, best_epoch, scores",), unproven_run(e))


@TOPICS.register("development_and_sizes")
def development_and_sizes(e: Evidence) -> Facts:
    """Look up model, training and choice, with the sizes of the sets."""
    found = development(e)
    if not found.sentences:
        return found
    if e.dataset is None or not e.trained_on_dataset:
        gaps = (*found.gaps, "sizes of the training and validation sets")
        return replace(found, gaps=gaps, helps=DATA_HELPS if e.dataset is None else "")
    said = (*found.sentences, *dataset_words.sizes(e.dataset))
    return replace(found, sentences=said, sources=(*found.sources, "manifest.parquet: split"))


@TOPICS.register("ensemble")
def ensemble(e: Evidence) -> Facts:
    """Look up whether several models were combined; a run is one network."""
    if not e.kept:
        return NOTHING if e.run is not None else NO_RUN
    said = (KEPT, "A run is one network.")
    gaps = ("that no other network took part in these predictions",)
    return Facts(said, ("run folder: predictions", "report.json: provenance.predictions_digest"), gaps)


@TOPICS.register("class_balance")
def class_balance(e: Evidence) -> Facts:
    """Look up what was done about unequal class sizes."""
    if e.run is None:
        return NO_RUN
    sources = ("run.json: config.class_weights, config.sampler",)
    said = run_words.balance(e.run)
    if not said:
        return Facts(("Neither the loss nor the drawing of images balances classes.",), sources, applies=False)
    return Facts(tuple(said), sources, unproven_run(e))


@TOPICS.register("group_methods")
def group_methods(e: Evidence) -> Facts:
    """Look up what in training aims at differences between groups."""
    if e.run is None:
        return NO_RUN
    said = run_words.against_group_differences(e.run) or [
        "Nothing in the training aims at differences between groups."
    ]
    return Facts(tuple(said), ("run.json: config.method, config.sampler, config.selection",), unproven_run(e))


@TOPICS.register("predictions")
def predictions(e: Evidence) -> Facts:
    """Look up how predictions came about and what identifies them."""
    said = [f"Predictions were read from a file with the content hash {e.report.provenance.predictions_digest}."]
    said += e.report.provenance.interpreted
    sources = ["report.json: provenance"]
    if e.run is None:
        gaps: tuple[str, ...] = ("how the predictions were computed",)
        return Facts(tuple(said), tuple(sources), gaps, RUN_HELPS)
    said += [KEPT] if e.kept else []
    return Facts((*said, *run_words.network(e.run)), (*sources, "run.json: config"), unproven_run(e))


@TOPICS.register("outputs")
def outputs(e: Evidence) -> Facts:
    """Look up what the model gives, and how that becomes a class."""
    probabilities = report_words.has_probabilities(e.report)
    kind = "a probability for each class" if probabilities else "a class"
    said = [f"Output: {kind}, of {counted(len(e.report.classes), 'class')}."]
    said += ["The class with the highest probability counts as predicted."] if probabilities else []
    said += operating_points(e)
    return Facts(tuple(said), ("report.json: classes, overall, operating_points",))


def operating_points(e: Evidence) -> list[str]:
    """Look up each threshold, and where it comes from."""
    found = []
    for point in e.report.operating_points:
        if point.target is None:
            continue
        if point.fitted_on is None:
            found.append(f"Operating point {point.name}: the threshold {point.target:g} was stated.")
            continue
        at = "nothing is called positive" if point.threshold is None else f"threshold {point.threshold:.3g}"
        found.append(
            f"Operating point {point.name}: {at}, found on {point.fitted_on.split} ({point.fitted_on.n:,} images)."
        )
    return found


@TOPICS.register("cut_offs")
def cut_offs(e: Evidence) -> Facts:
    """Look up thresholds at which images are called positive."""
    if e.report.positive is None:
        return NOTHING
    said = [
        *class_words.positive(e.report),
        *(
            operating_points(e)
            or ["No threshold was used: the predicted class says whether an image is positive."]
        ),
    ]
    return Facts(tuple(said), ("report.json: positive, operating_points",))


@TOPICS.register("model_access")
def model_access(e: Evidence) -> Facts:
    """Look up what a third party needs to run the model."""
    if e.run is None:
        return NO_RUN
    said = (
        (
            "The run folder holds weights (model.safetensors), configuration (config.toml) and this record; "
            "dermbench predict computes predictions from it."
        ),
    )
    return Facts((*run_words.network(e.run), *said), ("run.json",), unproven_run(e))


@TOPICS.register("analysis_code")
def analysis_code(e: Evidence) -> Facts:
    """Look up which program made the evaluation."""
    said = [f"Evaluated with dermbench {e.report.provenance.version}; seed {e.report.provenance.seed}."]
    sources = ["report.json: provenance"]
    if e.run is not None and "commit" in e.run.revision:
        said.append(f"Training: source revision {e.run.revision['commit']}.")
        sources.append("run.json: revision")
    return Facts(tuple(said), tuple(sources))
