"""Load the network of a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts import RunRecord
from dermbench.artifacts.guarded import read_toml
from dermbench.artifacts.network_headers import WeightsHeader, read_header
from dermbench.artifacts.run import CONFIG, RUN, WEIGHTS
from dermbench.errors import InputError, UsageError, name_some
from dermbench.training.config.device import Runtime, make_runtime
from dermbench.training.network.network import Network, build_network
from dermbench.training.network.tensor_files import fill, read_safetensors
from dermbench.training.run.configure import validate
from dermbench.training.run.embeddings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts import Dataset
    from dermbench.training.config.train_config import TrainConfig


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
    """Return the same as :func:`load_run`, without checking the classes of a dataset."""
    if not (run / RUN).is_file():
        raise UsageError(f"{run}: not a run folder (no {RUN})", remedy="Make one with: dermbench train")
    record = RunRecord.read(run / RUN)
    if record.status != "finished" or not (run / WEIGHTS).is_file():
        raise UsageError(
            f"{run}: the run is not finished ({record.status})",
            remedy=f"Finish it with: dermbench train --data {data} --out {run} --resume",
        )
    config = configuration(run, record)
    if config.model.startswith(PREFIX):
        raise UsageError(f"{run}: a probe on embeddings has no network, only predictions")
    header = read_header(run / WEIGHTS, WeightsHeader)
    if header is None or header.mean is None or header.std is None:
        raise InputError(run / WEIGHTS, ["has no normalisation of images: not a run's file of weights"])
    if header.classes != record.classes:
        raise InputError(run / WEIGHTS, [f"is for other classes than {RUN} says: {name_some(header.classes)}"])
    network = build_network(config, len(record.classes), pretrained=False, origin=header.origin)
    fill(network.module, read_safetensors(run / WEIGHTS), run / WEIGHTS, what=config.model)
    network.mean, network.std = header.mean, header.std
    network.pretrained = record.pretrained
    runtime = make_runtime(device, precision=config.precision)
    runtime.place(network.module)
    return network, config, record.classes, runtime


def configuration(run: Path, record: RunRecord) -> TrainConfig:
    """Return the configuration of a run."""
    exact = run / CONFIG  # run.json rounds small rates such as 1e-7 to 0
    if exact.exists():
        return validate(str(exact), read_toml(exact))
    return validate(str(run / RUN), dict(record.config))


def check_classes(source: str, classes: Sequence[str], dataset: Dataset) -> None:
    """Refuse a model whose classes are not the dataset's, in any order.

    Raises
    ------
    UsageError
        When classes differ; it names the classes that only one of them has.
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
