"""Sentences about a network and its training, from a run record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import counted, decimal, enumerated

if TYPE_CHECKING:
    from pydantic import JsonValue

    from dermbench.artifacts.run import RunRecord

OPTIMISER = ("optimizer", "learning_rate", "head_rate", "schedule", "warmup_epochs", "batch_size", "clip_norm")
REGULARISERS = ("weight_decay", "dropout", "drop_path", "label_smoothing", "ema_decay", "probe_l2")
PLAIN_METHOD = "erm"
"""Training method without a measure against differences between groups."""
AUGMENT_OFF = {"crop_scale": 1, "crop_ratio": 1}
"""Augmentations that are switched off by the value 1; others are switched off by 0."""


SCORES = {
    "val_accuracy": "accuracy",
    "val_macro_f1": "macro-F1",
    "val_worst_accuracy": "accuracy of the worst group",
    "val_loss": "loss",
}
"""{name in the record: words} of the scores that are mentioned."""


def setting(run: RunRecord, name: str) -> JsonValue:
    """Return one setting of the configuration; None if the record does not have it."""
    return run.config.get(name)


def network(run: RunRecord) -> list[str]:
    """Return the name, input and output of the network."""
    name = run.model or "of unrecorded name"
    said = [f"Network {name}" + (f" with {run.parameters:,} parameters." if run.parameters else ".")]
    size = setting(run, "image_size")
    if isinstance(size, int):
        said.append(f"It takes an image of {size} by {size} pixels{_cropping(run)} and nothing else.")
    return [*said, f"It gives a probability for each of {counted(len(run.classes), 'class')}."]


def _cropping(run: RunRecord) -> str:
    mode = setting(run, "crop_mode")
    return {"center": " (the centre of the photograph)", "squash": " (the whole photograph, squeezed)"}.get(
        str(mode), ""
    )


def initial(run: RunRecord) -> list[str]:
    """Return the initial weights."""
    return [f"Weights at the start: {run.pretrained}."]


def optimisation(run: RunRecord) -> list[str]:
    """Return loss, optimiser, regularisation, length and device of the training."""
    method = setting(run, "method")
    said = [f"Training method {_value(method)}{_listed(run, 'method_options')}."]
    if method == PLAIN_METHOD:
        said = [f"Training minimises the mean loss over images ({PLAIN_METHOD})."]
    said.append(f"Optimisation: {_settings(run, OPTIMISER)}.")
    said.append(f"Regularisation: {_settings(run, REGULARISERS, skip_zero=True) or 'none'}.")
    frozen = _settings(run, ("frozen_stages", "freeze_norm"), skip_zero=True)
    said += [f"Kept fixed: {frozen}."] if frozen else []
    said.append(f"Length: {counted(run.epochs, 'epoch')} run" + (f" ({run.stopped})." if run.stopped else "."))
    same = "all" if run.deterministic else "not all"
    said.append(
        f"Computed on {run.device} in {run.precision}, seed {run.seed}; {same} operations repeat to the bit."
    )
    return [*said, *unusual(run)]


def unusual(run: RunRecord) -> list[str]:
    """Return unusual facts: shuffled labels, folds, a run that has not ended."""
    said = []
    if setting(run, "labels") not in ("true", None):
        said.append(f"The training labels were not the true ones: labels = {_value(setting(run, 'labels'))}.")
    folds = setting(run, "folds")
    if isinstance(folds, int) and folds:
        held = f"part {_value(setting(run, 'fold'))}, counted from 0, chose the epoch and the others were learnt"
        said.append(f"Train and val were joined and cut into {folds} parts: {held}.")
    if run.status != "finished":
        said.append(f"The run has not ended (status {run.status}); what it says may change.")
    return said


def augmentation(run: RunRecord) -> list[str]:
    """Return the augmentation of training images."""
    found = setting(run, "augment")
    if not isinstance(found, dict):
        return []
    used = [
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in found.items()
        if value and value != AUGMENT_OFF.get(name)
    ]
    return [f"Training images were varied at random: {', '.join(used)}." if used else "No augmentation."]


def balance(run: RunRecord) -> list[str]:
    """Return what was done about unequal class sizes; empty if nothing was."""
    weights, sampler = setting(run, "class_weights"), setting(run, "sampler")
    said = []
    if weights not in ("none", None):
        said.append(f"The loss weighs classes ({_value(weights)}).")
    if sampler not in ("shuffle", None):
        said.append(f"Images were drawn by {_value(sampler)} instead of equally often.")
    return said


def against_group_differences(run: RunRecord) -> list[str]:
    """Return measures against differences between groups; empty if there are none."""
    method, sampler, rule = (setting(run, name) for name in ("method", "sampler", "selection"))
    said = []
    if method not in (PLAIN_METHOD, None):
        said.append(f"Training method {_value(method)}{_listed(run, 'method_options')}.")
    if isinstance(sampler, str) and "group" in sampler:
        said.append(f"Images were drawn by {_value(sampler)}, groups by {_value(setting(run, 'group_by'))}.")
    if rule == "worst_group":
        said.append("The epoch was chosen by the accuracy of the worst group.")
    return said


def selection(run: RunRecord) -> list[str]:
    """Return the selected epoch, the selection rule and the scores."""
    said = [f"The epoch was chosen by {run.selection}."]
    if run.best_epoch is not None:
        said.append(f"Epoch {run.best_epoch} of {run.epochs} was kept.")
    scores = [
        f"{words} {decimal(value)}"
        for name, words in SCORES.items()
        if (value := run.scores.get(name)) is not None
    ]
    return [*said, f"Its scores on val: {', '.join(scores)}."] if scores else said


def versions(environment: dict[str, str]) -> str:
    """Return ``name version`` of each package."""
    return ", ".join(f"{name} {number}" for name, number in sorted(environment.items()))


def _settings(run: RunRecord, names: tuple[str, ...], *, skip_zero: bool = False) -> str:
    parts = []
    for name in names:
        value = setting(run, name)
        if value is None or (skip_zero and not value):
            continue
        parts.append(name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {_value(value)}")
    return enumerated(parts) if parts else ""


def _listed(run: RunRecord, name: str) -> str:
    found = setting(run, name)
    if not isinstance(found, dict) or not found:
        return ""
    return f" ({', '.join(f'{key} {_value(value)}' for key, value in found.items())})"


def _value(value: JsonValue) -> str:
    return f"{value:g}" if isinstance(value, float) else "not recorded" if value is None else str(value)
