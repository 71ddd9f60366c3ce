"""The run folder: record, configuration, history, weights and predictions of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, JsonValue

from dermbench.artifacts.records import Record
from dermbench.artifacts.tables import write_table
from dermbench.errors import printable

RUN = "run.json"
CONFIG = "config.toml"
HISTORY = "history.csv"
WEIGHTS = "model.safetensors"
CHECKPOINT = "checkpoint"
PREDICTIONS = "predictions"
HISTORY_COLUMNS = (
    *("epoch", "step", "lr", "train_loss", "val_loss", "val_macro_f1", "val_accuracy"),
    *("images_per_second", "seconds"),
)


class RunRecord(Record):
    """Content of ``run.json``.

    Attributes
    ----------
    status
        ``running``, ``interrupted`` (continue with ``--resume``) or ``finished``.
    task, classes, dataset_digest
        Task and its classes, and content hash of the dataset.
    config
        Full configuration after presets and overrides.
    seed, device, precision, processes, deterministic
        Settings of the computation; ``deterministic``: only operations that always give the same bits were used.
    pretrained
        Origin of the initial weights, in words, such as ``none (random initialisation)``.
    selection
        Rule that chose the epoch, always on ``val``.
    held_out
        For a run on folds, ``sha256:<hex>`` of the ids of the validation images.
    best_epoch, epochs
        Chosen epoch and number of epochs run, counted from 1; 0 is the state before the first epoch.
    stopped
        Why training ended: all epochs, early stopping or a limit of steps. Empty while it runs.
    scores
        {name: score of the chosen epoch}.
    recall
        {class: (validation images that the chosen epoch predicts correctly, validation images)}.
    seconds
        {phase: wall time}.
    images_per_second
        Training throughput, median over epochs.
    peak_memory_bytes
        Peak memory at the configured ``batch_size``, of the process with the highest: GPU memory if one is used,
        else memory of the process.
    environment, revision
        Versions and source commit.
    """

    schema_: Literal["dermbench.run/1"] = Field("dermbench.run/1", alias="schema")
    status: Literal["running", "interrupted", "finished"]
    task: str
    classes: tuple[str, ...]
    dataset_digest: str
    config: dict[str, JsonValue]
    seed: int
    device: str
    precision: str
    processes: int = 1
    deterministic: bool = False
    pretrained: str
    selection: str
    best_epoch: int | None = None
    epochs: int = 0
    stopped: str = ""
    parameters: int = 0
    held_out: str = ""
    class_weights: dict[str, float] = Field(default_factory=dict)
    scores: dict[str, float | None] = Field(default_factory=dict)
    recall: dict[str, tuple[int, int]] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    images_per_second: float | None = None
    peak_memory_bytes: int | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    revision: dict[str, str | bool] = Field(default_factory=dict)

    @property
    def model(self) -> str:
        """Name of the configured network; empty if the record has none."""
        name = self.config.get("model")
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, repr=False)
class Run:
    """A run folder.

    Attributes
    ----------
    path
        The folder.
    record
        Content of ``run.json``.

    Examples
    --------
    After the example of :func:`dermbench.train`:

    >>> import dermbench
    >>> dermbench.Run.read("run").record.status
    'finished'
    """

    path: Path
    record: RunRecord

    @classmethod
    def read(cls, path: Path | str) -> Run:
        """Read a run folder.

        Raises
        ------
        UsageError
            When the folder has no ``run.json``.
        InputError
            When ``run.json`` is malformed.
        """
        return cls(Path(path), RunRecord.read(Path(path) / RUN))

    def __repr__(self) -> str:
        told = self.record
        chosen = "" if told.best_epoch is None else f", epoch {told.best_epoch} of {told.epochs} chosen"
        about = f"{told.model}, {len(told.classes)} classes of {told.task}, {told.status}{chosen}"
        return printable(f"Run({str(self.path)!r}: {about})", keep="")


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Overwrite ``history.csv``, one row per epoch; scores of groups follow :data:`HISTORY_COLUMNS`."""
    names = dict.fromkeys([*HISTORY_COLUMNS, *(name for row in rows for name in row)])
    write_table(path, pd.DataFrame(list(rows), columns=list(names)))
