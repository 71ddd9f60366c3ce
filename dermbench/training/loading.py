"""A finished run as a network again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts import RunRecord
from dermbench.artifacts.run import CONFIG, RUN, WEIGHTS
from dermbench.errors import InputError, UsageError
from dermbench.training.checkpoint import read_tensors
from dermbench.training.configure import read_toml, validate
from dermbench.training.device import Runtime, make_runtime
from dermbench.training.embeddings import PREFIX
from dermbench.training.model import Network, build_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts import Dataset
    from dermbench.training.config import TrainConfig


def load_run(
    run: Path, dataset: Dataset, *, device: str = "auto"
) -> tuple[Network, TrainConfig, tuple[str, ...], Runtime]:
    """Return the network of a finished run on its device, its configuration, classes and runtime.

    Raises
    ------
    UsageError
        When there is no finished run, or its classes are not those of the dataset.
    """
    opened = open_run(run, device=device, data=str(dataset.root))
    check_classes(str(run), opened[2], dataset)
    return opened


def open_run(
    run: Path, *, device: str = "auto", data: str = "DATASET"
) -> tuple[Network, TrainConfig, tuple[str, ...], Runtime]:
    """Return what :func:`load_run` does, whatever dataset it is for."""
    if not (run / RUN).is_file():
        raise UsageError(f"{run}: not a run folder (no {RUN})", remedy="Make one with: dermbench train")
    record = RunRecord.read(run / RUN)
    if record.status != "finished" or not (run / WEIGHTS).is_file():
        raise UsageError(
            f"{run}: the run is not finished ({record.status})",
            remedy=f"Finish it with: dermbench train --data {data} --out {run} --resume",
        )
    exact = run / CONFIG  # run.json rounds: a rate of 1e-7 is 0 there
    config = validate(str(exact), read_toml(exact)) if exact.is_file() else validate(str(run / RUN), record.config)
    if config.model.startswith(PREFIX):
        raise UsageError(f"{run}: a probe on embeddings has no network, only predictions")
    tensors, header = read_tensors(run / WEIGHTS)
    network = build_network(config, len(record.classes), pretrained=False, origin=header.get("origin"))
    try:
        network.module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(run / WEIGHTS, [f"does not fit {config.model}: {error}"]) from error
    network.mean, network.std = tuple(header["mean"]), tuple(header["std"])
    network.pretrained = record.pretrained
    runtime = make_runtime(device, precision=config.precision, channels_last=config.channels_last)
    runtime.place(network.module)
    return network, config, record.classes, runtime


def check_classes(source: str, classes: Sequence[str], dataset: Dataset) -> None:
    """Refuse a model of other classes than the dataset's; their order does not matter.

    Raises
    ------
    UsageError
        Naming the classes that only one of them has.
    """
    ours, theirs = set(classes), set(dataset.classes)
    if ours != theirs:
        only = "; ".join(
            f"only in {where}: {', '.join(sorted(names))}"
            for where, names in ((source, ours - theirs), (str(dataset.root), theirs - ours))
            if names
        )
        raise UsageError(
            f"{source} predicts other classes than {dataset.root} has ({only})",
            remedy="Predict a dataset of the task the model was trained on.",
        )
