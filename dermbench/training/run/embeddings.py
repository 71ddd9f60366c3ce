"""Train a linear probe on a table of embeddings, without the model that made them.

The table has ``image_id`` and either one column of lists or numeric columns. Rows for images outside the dataset
are ignored; training does not use rows of the ``test`` split.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dermbench.artifacts import RunRecord, make_predictions, write_predictions
from dermbench.artifacts.embeddings import read_embeddings
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.provenance import environment, revision
from dermbench.artifacts.run import HISTORY, PREDICTIONS, WEIGHTS, write_history
from dermbench.errors import InputError, UsageError
from dermbench.training.data.balance import class_weights
from dermbench.training.data.folds import FoldedData
from dermbench.training.network.probe import fit_logistic
from dermbench.training.network.scoring import class_hits, softmax, validation_scores
from dermbench.training.network.tensor_files import as_input_error, read_tensors, write_tensors
from dermbench.training.run.folder import VALIDATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.run.folder import RunFolder
    from dermbench.training.run.progress import Reporter

PREFIX = "embeddings:"
FIXED = {"epochs": 0, "method": "erm", "sampler": "shuffle", "labels": "true"}
"""Required configuration of a probe."""


def train_on_embeddings(folder: RunFolder, dataset: Dataset, config: TrainConfig, reporter: Reporter) -> RunRecord:
    """Fit a linear probe on embeddings and write a run folder; refuse any configuration but :data:`FIXED`."""
    other = [f"{key}={getattr(config, key)!r}" for key, only in FIXED.items() if getattr(config, key) != only]
    if other or not config.probe_l2:
        raise UsageError(
            f"only a linear probe can be trained on embeddings; the configuration has "
            f"{', '.join(other) or 'no probe_l2'}",
            remedy="--preset embeddings, or --set epochs=0 --set probe_l2=0.01",
        )
    started = time.perf_counter()
    path = Path(config.model.removeprefix(PREFIX))
    parts = {split: dataset.part(split) for split in ("train", "val")}
    values = {s: read_embeddings(path, rows["image_id"].to_numpy(dtype=object)) for s, rows in parts.items()}
    codes = {name: k for k, name in enumerate(dataset.classes)}
    labels = {s: np.array([codes[name] for name in rows["label"]], dtype=np.int64) for s, rows in parts.items()}
    counts = np.bincount(labels["train"], minlength=len(codes))
    weights = class_weights(config.class_weights, counts)
    coefficients, intercept = fit_logistic(
        values["train"], labels["train"], weights[labels["train"]], n_classes=len(codes), l2=config.probe_l2
    )
    logits = values["val"] @ coefficients.T + intercept
    scores = validation_scores(labels["val"], logits)
    record = RunRecord(
        status="finished",
        task=dataset.info.task,
        classes=dataset.classes,
        dataset_digest=dataset.info.digest,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        device="cpu",
        precision="fp64",
        held_out=dataset.held_out if isinstance(dataset, FoldedData) else "",
        pretrained=f"embeddings from {path.name} ({file_digest(path)})",
        selection="none: one linear probe",
        best_epoch=0,
        stopped="no epochs asked for",
        parameters=coefficients.size + intercept.size,
        class_weights=dict(zip(dataset.classes, map(float, weights), strict=True)),
        scores=scores,
        recall=class_hits(labels["val"], logits, dataset.classes),
        seconds={"train": time.perf_counter() - started},
        environment=environment("torch", "safetensors"),
        revision=revision(),
    )
    with folder.held():
        folder.write_config(record)
        header = {"schema": "dermbench.model/1", "model": config.model, "classes": list(dataset.classes)}
        tensors = {"weight": torch.from_numpy(coefficients), "bias": torch.from_numpy(intercept)}
        write_tensors(folder.path / WEIGHTS, tensors, header)
        write_history(folder.path / HISTORY, [{"epoch": 0, "step": 0, **scores}])
        ids = parts["val"]["image_id"].to_numpy(dtype=object)
        predictions = make_predictions(ids, softmax(logits), dataset.classes)
        write_predictions(folder.path / PREDICTIONS / VALIDATION, predictions)
        folder.write(record)
    reporter.say(f"linear probe on {values['train'].shape[1]:,} features of {len(labels['train']):,} images")
    return record


def predict_embeddings(run: Path, table: Path | str, image_id: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the logits of a probe for images whose embeddings a table holds, shape (n, n_classes).

    :class:`InputError` when the table lacks images, or has another number of features than the run.
    """
    tensors, _ = read_tensors(run / WEIGHTS)
    with as_input_error(run / WEIGHTS, "holds no linear probe"):
        weight, bias = (tensors[name].double().numpy() for name in ("weight", "bias"))
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise ValueError(f"weight and bias have the shapes {weight.shape} and {bias.shape}")
    values = read_embeddings(table, image_id)
    if values.shape[1] != weight.shape[1]:
        raise InputError(
            table, [f"holds {values.shape[1]:,} features, the run was trained on {weight.shape[1]:,}"]
        )
    logits: NDArray[np.float64] = values @ weight.T + bias
    return logits
