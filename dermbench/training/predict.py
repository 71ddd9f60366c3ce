"""``predict``: a run, an ONNX model or a timm model with local weights in, predictions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts import RunRecord, make_predictions, read_dataset, write_predictions
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.run import RUN, WEIGHTS
from dermbench.errors import InputError, UsageError
from dermbench.training.checkpoint import read_tensors
from dermbench.training.configure import validate
from dermbench.training.device import Runtime, computing, make_runtime
from dermbench.training.model import Network, build_network
from dermbench.training.onnx import onnx_logits
from dermbench.training.pixels import load_samples
from dermbench.training.scoring import predict_logits, softmax
from dermbench.training.timm_model import load_timm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts import Predictions
    from dermbench.training.config import TrainConfig

TIMM = "timm:"
ONNX = ".onnx"


def predict(
    run: Path | str,
    data: Path | str | Dataset,
    *,
    split: str = "test",
    out: Path | str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    weights: Path | str | None = None,
) -> Predictions:
    """Predict the images of one split.

    Parameters
    ----------
    run
        Run folder, ``.onnx`` file, or ``timm:NAME`` together with ``weights``.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    split
        ``train``, ``val`` or ``test``.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing.
    batch_size
        Images at a time; by default that of the run.
    device
        ``auto`` or a device of torch.
    weights
        Local weights of a ``timm:NAME`` model, with a classifier of the dataset's size.

    Returns
    -------
    Predictions
        Softmax in double precision of the logits, sorted by ``image_id``.

    Raises
    ------
    UsageError
        When there is no such run, it is unfinished, or its classes are not those of the dataset.
    InputError
        When weights or images cannot be read.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    name = str(run)
    if weights is not None and not name.startswith(TIMM):
        raise UsageError(f"weights are given, but {name!r} has its own", remedy=f"Weights go with {TIMM}NAME.")
    if name.endswith(ONNX):
        samples, classes, logits = onnx_logits(Path(name), dataset, split, batch_size or 32)
    else:
        network, config, classes, runtime = _load(name, dataset, device, weights)
        samples = load_samples(dataset, split, config.cached_side).to(runtime.device)
        with computing(runtime):
            logits = predict_logits(
                samples, network, runtime, size=config.image_size, batch_size=batch_size or config.batch_size
            )
    predictions = make_predictions(samples.image_id, softmax(logits), classes)
    if out is not None:
        write_predictions(out, predictions)
    return predictions


def _load(
    name: str, dataset: Dataset, device: str, weights: Path | str | None
) -> tuple[Network, TrainConfig, tuple[str, ...], Runtime]:
    if name.startswith(TIMM):
        network, config = load_timm(name.removeprefix(TIMM), dataset, weights)
        runtime = make_runtime(device)
        runtime.place(network.module)
        return network, config, dataset.classes, runtime
    return load_run(Path(name), dataset, device=device)


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
    config = validate(str(run / RUN), record.config)
    tensors, header = read_tensors(run / WEIGHTS)
    network = build_network(config, len(record.classes), pretrained=False)
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
