"""Messages and record of a run before its first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts import RunRecord
from dermbench.artifacts.provenance import environment, revision
from dermbench.errors import UsageError, name_some
from dermbench.training.data.balance import CLASS_WEIGHTS, class_weights
from dermbench.training.data.folds import FoldedData
from dermbench.training.run.selection import SELECTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydantic import JsonValue

    from dermbench.artifacts import Dataset
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.network.network import Network
    from dermbench.training.run.context import Job

TORCH_PACKAGES = ("torch", "torchvision", "timm", "safetensors", "pillow")


def class_counts(dataset: Dataset, config: TrainConfig) -> NDArray[np.int64]:
    """Return the number of training images of each class, shape (n_classes,).

    Raises
    ------
    UsageError
        When a class has none and the configuration does not allow that.
    """
    labels = dataset.part("train")["label"]
    counts = np.array([int((labels == name).sum()) for name in dataset.classes], dtype=np.int64)
    absent = [name for name, count in zip(dataset.classes, counts, strict=True) if not count]
    if absent and not config.allow_missing_classes:
        raise UsageError(
            f"{dataset.root}: no training image of class {name_some(absent)}",
            remedy="Prepare the dataset with another split or seed, or train without these classes with "
            "--set allow_missing_classes=true (the network cannot learn to predict them).",
        )
    return counts


def new_record(dataset: Dataset, job: Job, network: Network, counts: NDArray[np.int64]) -> RunRecord:
    """Return the record of a run that starts or is resumed."""
    config, runtime = job.config, job.runtime
    weights = class_weights(config.class_weights, counts)
    return RunRecord(
        status="running",
        task=dataset.info.task,
        classes=dataset.classes,
        dataset_digest=dataset.info.digest,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        device=runtime.name,
        precision=runtime.precision,
        processes=job.world.size,
        deterministic=config.deterministic or runtime.device.type == "cpu",
        pretrained=network.pretrained,
        selection=f"{SELECTIONS[config.selection].words} on {config.held_out}",
        parameters=network.parameters,
        held_out=dataset.held_out if isinstance(dataset, FoldedData) else "",
        class_weights={name: float(w) for name, w in zip(dataset.classes, weights, strict=True)},
        environment=environment(*TORCH_PACKAGES),
        revision=revision(),
    )


def weights_header(record: RunRecord, config: TrainConfig, network: Network) -> dict[str, JsonValue]:
    """Return the header of ``model.safetensors``, with all that is needed to use it without the run folder."""
    return {
        "schema": "dermbench.model/1",
        "model": config.model,
        "classes": list(record.classes),
        "image_size": config.image_size,
        "cache_size": config.cached_side,
        "crop_mode": config.crop_mode,
        "mean": list(network.mean),
        "std": list(network.std),
        "origin": None if network.origin is None else network.origin.model_dump(),
        "dataset": record.dataset_digest,
        "folds": config.folds,
        "fold": config.fold,
        "held_out": record.held_out,
    }


def announce(record: RunRecord, counts: NDArray[np.int64], job: Job) -> None:
    """Print the classes with their weights, the network and the device."""
    reporter, config = job.reporter, job.config
    formula = CLASS_WEIGHTS[config.class_weights][0]
    reporter.class_table(record.classes, counts, record.class_weights, formula)
    reporter.say(f"{config.model}: {record.parameters:,} parameters; weights: {record.pretrained}")
    reporter.say(f"{job.runtime.name}, {record.precision}, seed {record.seed}, labels {config.labels}")
    if job.world.size > 1:
        reporter.say(f"{job.world.size} processes share each batch of {config.batch_size}")
    if config.micro_batch and not config.freeze_norm:
        reporter.say(
            f"batch normalisation, where the network has it, sees micro-batches of {config.micro_batch}; "
            "freeze_norm=true makes them equal to the whole batch"
        )
