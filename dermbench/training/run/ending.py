"""Summary of a finished run: epoch and scores, failing classes, cost, and the next commands."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dermbench.artifacts.run import PREDICTIONS
from dermbench.training.network.scoring import OF_GROUP
from dermbench.training.run.folder import VALIDATION

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts import RunRecord
    from dermbench.training.config.train_config import TrainConfig

NAMED = 10
"""Largest number of classes without a right prediction that are named."""
LOWEST = 3
"""Number of classes with the lowest recall that are named if no class has recall 0."""
MENTIONED_SECONDS = 1.0
"""Time of decoding from which it is mentioned."""


def ending(record: RunRecord, config: TrainConfig, run: Path, data: Path, *, has_test: bool) -> str:
    """Return the summary of a finished run, one sentence on each line.

    Parameters
    ----------
    record
        Record of the finished run. Scores and recalls are of the epoch that was kept, on the validation images
        (``val``, or the run's fold).
    config
        Configuration of the run.
    run, data
        Run folder and dataset folder, for the next commands.
    has_test
        Whether the dataset has images in ``test``.
    """
    lines = [_finished(record, config), _scores(record, config), _groups(record, config)]
    lines += [*_classes(record), _cost(record, config), *_next(config, run, data, has_test=has_test)]
    return "\n".join(line for line in lines if line)


def _finished(record: RunRecord, config: TrainConfig) -> str:
    if not record.epochs:
        return f"Finished {'after a linear probe, ' if config.probe_l2 else ''}without an epoch of training."
    early = record.epochs < config.epochs or config.max_steps
    return f"Finished after {record.epochs} of {config.epochs} epochs{f' ({record.stopped})' if early else ''}."


def _scores(record: RunRecord, config: TrainConfig) -> str:
    total = sum(n for _, n in record.recall.values())
    images = f"{total:,} images of {config.held_out}" if total else config.held_out
    f1, accuracy = (_share(record.scores.get(name)) for name in ("val_macro_f1", "val_accuracy"))
    scores = f"macro-F1 {f1} and accuracy {accuracy} on {images}."
    if config.labels != "true":
        scores += f" The labels are {config.labels}: this run is a control."
    if not record.epochs:
        return f"It has {scores}"
    kept = f"Epoch {record.best_epoch}" if record.best_epoch else "The state before the first epoch"
    return f"{kept} was kept ({record.selection}): {scores}"


def _groups(record: RunRecord, config: TrainConfig) -> str:
    known = sorted(
        (value, name.removeprefix(OF_GROUP))
        for name, value in record.scores.items()
        if name.startswith(OF_GROUP) and value is not None
    )
    if len(known) < 2:
        return ""
    (low, worst), (high, best) = known[0], known[-1]
    return f"Accuracy by {config.group_by} goes from {_share(low)} ({worst}) to {_share(high)} ({best})."


def _classes(record: RunRecord) -> list[str]:
    """Name the classes with recall 0, or those with the lowest recall; and those without images."""
    rows = sorted((k / n, -n, name) for name, (k, n) in record.recall.items() if n)
    failed = [name for recall, _, name in rows if not recall]
    lines = []
    if failed:
        more = f" and {_counted(len(failed) - NAMED, 'more class', 'more classes')}" if len(failed) > NAMED else ""
        named = ", ".join(f"{name} (0 of {record.recall[name][1]:,})" for name in failed[:NAMED])
        lines.append(f"Never predicted right: {named}{more}.")
    elif lowest := [name for recall, _, name in rows if recall < 1][:LOWEST]:
        named = ", ".join(f"{name} ({record.recall[name][0]:,} of {record.recall[name][1]:,})" for name in lowest)
        lines.append(f"Lowest recall: {named}.")
    if absent := [name for name, (_, n) in record.recall.items() if not n]:
        lines.append(f"Not assessed, because none of their images was held out: {', '.join(absent)}.")
    return lines


def _cost(record: RunRecord, config: TrainConfig) -> str:
    decoding, memory = record.seconds.get("decode", 0.0), record.peak_memory_bytes
    taken = f"It took {sum(record.seconds.values()):,.0f} s"
    if decoding >= MENTIONED_SECONDS:
        taken += f", of which decoding the images {decoding:,.0f} s"
    if memory:
        taken += f"; peak memory {memory / 1e9:.2f} GB at batch size {config.batch_size}"
    return f"{taken}."


def _next(config: TrainConfig, run: Path, data: Path, *, has_test: bool) -> list[str]:
    validated, tested = run / PREDICTIONS / VALIDATION, run / PREDICTIONS / "test.parquet"
    if has_test:
        return [
            "Next:",
            _command("predict", run, "--data", data, "--split", "test", "--out", tested),
            _command("eval", tested, "--data", data, "--out", run / "report"),
        ]
    if config.folds:
        return ["Next: train the other folds, then predict --split held-out with all of them."]
    return [
        "Next (the dataset has no test images):",
        _command("eval", validated, "--data", data, "--split", "val"),
    ]


def _command(*words: object) -> str:
    return shlex.join(["dermbench", *map(str, words)])


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def _share(value: float | None) -> str:
    """Return a number from 0 to 1 with two decimals and no leading zero."""
    return "undefined" if value is None else f"{value:.2f}".removeprefix("0")
