"""What can be predicted with: runs, ONNX files, networks of timm, models of other packages, predictions files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dermbench.artifacts import RunRecord, read_predictions
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.run import RUN, WEIGHTS
from dermbench.artifacts.tables import SUFFIXES
from dermbench.errors import InputError, UsageError, name_some
from dermbench.training.config.device import computing, make_runtime
from dermbench.training.data.folds import POOL, FoldedData
from dermbench.training.data.pixels import load_samples
from dermbench.training.data.training_data import SPLITS
from dermbench.training.network.network import probe_features
from dermbench.training.network.scoring import collect, softmax, whole_batches
from dermbench.training.predicting.neighbours import Bank
from dermbench.training.predicting.onnx import onnx_logits, read_about
from dermbench.training.predicting.plugins import MODELS, probabilities_of
from dermbench.training.predicting.run_loading import check_classes, configuration, load_run
from dermbench.training.predicting.timm_model import load_timm
from dermbench.training.run.embeddings import PREFIX as EMBEDDINGS
from dermbench.training.run.embeddings import predict_embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.network.network import Network
    from dermbench.training.predicting.tta import View

TIMM, ONNX, PLUGIN = "timm:", ".onnx", "plugin:"
VALIDATION = "val"
TRAIN = "train"
LABELS_AS_THEY_ARE = "true"
"""What ``labels`` of the configuration is unless a run is a control."""
LIMIT = 32
"""Images at a time where neither caller nor run says."""


@dataclass(frozen=True)
class Request:
    """How to predict.

    Attributes
    ----------
    views
        Whose probabilities are averaged.
    batch_size
        Images at a time; None is the run's.
    device
        ``auto`` or a device of torch.
    weights
        Local weights of a ``timm:NAME`` network.
    embeddings
        Table for a run on embeddings; None is the one it was trained on.
    neighbours
        Images of ``train`` and ``val`` nearest to each, with whose labels its probabilities are mixed; 0 mixes
        nothing.
    """

    views: tuple[View, ...]
    batch_size: int | None = None
    device: str = "auto"
    weights: Path | str | None = None
    embeddings: Path | str | None = None
    neighbours: int = 0


def probabilities(
    name: str, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    """Return ids, probabilities (n_samples, n_classes) and their classes of one candidate.

    Raises
    ------
    InputError
        When it gives NaN for an image.
    """
    ids, prob, classes = _asked(name, dataset, split, request)
    wrong = ~np.isfinite(prob).all(axis=1)
    if wrong.any():
        raise InputError(
            name,
            [f"gives NaN in place of probabilities for {int(wrong.sum()):,} images: {name_some(ids[wrong])}"],
            remedy="Its weights or its normalisation are damaged, or its arithmetic overflows.",
        )
    return ids, prob, classes


def _asked(  # noqa: PLR0911 - one for each kind
    name: str, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    if request.neighbours:
        return _with_neighbours(name, dataset, split, request)
    if name.startswith(PLUGIN):
        return _of_plugin(name.removeprefix(PLUGIN), dataset, split, request)
    if name.endswith(ONNX):
        return _of_onnx(Path(name), dataset, split, request)
    if is_file(name):
        return _of_file(Path(name), dataset, split, request)
    if name.startswith(TIMM):
        network, config = load_timm(name.removeprefix(TIMM), dataset, request.weights)
        runtime = make_runtime(request.device)
        runtime.place(network.module)
        return _of_network(network, config, dataset.classes, runtime, dataset, split, request)
    record = _record(Path(name))
    if record is not None and record.model.startswith(EMBEDDINGS):
        return _of_embeddings(Path(name), record, dataset, split, request)
    return _of_network(*load_run(Path(name), dataset, device=request.device), dataset, split, request)


def is_file(name: str) -> bool:
    """Return whether a candidate is a predictions file."""
    return name.lower().endswith(SUFFIXES) and not Path(name).is_dir()


def validation_of(name: str, dataset: Dataset, *, held_out: bool = False) -> Dataset:
    """Return the data as a candidate saw them: what it was validated on is ``val`` there.

    Parameters
    ----------
    name
        Candidate.
    dataset
        Whose images are to be predicted.
    held_out
        Whether the candidate is asked for images that it has not seen, so that it must be known.

    Raises
    ------
    UsageError
        When that is not known: of a run on folds of another dataset or of other folds, and with ``held_out`` of
        whatever was not trained on this dataset.
    """
    folds, fold, digest, seen = _trained_on(name)
    if (folds or held_out) and digest != dataset.info.digest:
        trained = f"{name} was trained on {'folds of ' if folds else ''}" if digest else f"{name} does not say "
        other = f"another dataset than {dataset.root} ({digest} and {dataset.info.digest})"
        raise UsageError(
            f"{trained}{other if digest else 'what it was trained on'}: "
            "which images it has not seen is not known here",
            remedy="Predict the test split without --calibrate, or name the dataset it was trained on.",
        )
    if not folds:
        return dataset
    cut = FoldedData.cut(dataset, folds, fold)
    if seen not in {"", cut.held_out}:
        raise UsageError(
            f"{name}: fold {fold} of {folds} holds out other images here than when it was trained",
            remedy="Predict with the version of dermbench it was trained with, or train it again.",
        )
    return cut


def _trained_on(name: str) -> tuple[int, int, str, str]:
    """Return folds, fold, and the hashes of dataset and held-out images of a candidate, 0 and "" where unknown."""
    if name.endswith(ONNX) and Path(name).is_file():
        about = read_about(Path(name))
        return about.folds, about.fold, about.dataset, about.held_out
    if name.startswith((TIMM, PLUGIN)) or (record := _record(Path(name))) is None:
        return 0, 0, "", ""
    config = configuration(Path(name), record)
    return config.folds, config.fold, record.dataset_digest, record.held_out


def describe(name: str) -> Mapping[str, str]:
    """Return what a side record says of a candidate: its name, and hash and selection where it has them."""
    if name.startswith((TIMM, PLUGIN)):
        return {"name": name}
    if name.endswith(ONNX) or is_file(name):
        return {"name": Path(name).name, "digest": file_digest(Path(name))}
    record = RunRecord.read(Path(name) / RUN)
    return {
        "name": Path(name).name,
        "digest": file_digest(Path(name) / WEIGHTS),
        "model": Path(record.model).name,
        "selection": record.selection,
    }


def _record(run: Path) -> RunRecord | None:
    return RunRecord.read(run / RUN) if (run / RUN).is_file() else None


def _with_neighbours(
    name: str, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    """Ask a network, and the labels of the images of ``train`` and ``val`` that it finds most alike."""
    record = _record(Path(name))
    other = name.startswith((TIMM, PLUGIN)) or name.endswith(ONNX) or is_file(name)
    if other or (record is not None and record.model.startswith(EMBEDDINGS)):
        raise UsageError(
            f"{name}: neighbours are images of train and val, found by the features of a run's network",
            remedy="Predict it without --neighbours; several files of predictions can be averaged.",
        )
    if record is not None and record.dataset_digest != dataset.info.digest:
        raise UsageError(
            f"{name} was trained on another dataset: its train and val are not in {dataset.root}",
            remedy="Predict without --neighbours.",
        )
    if record is not None and record.config.get("labels", LABELS_AS_THEY_ARE) != LABELS_AS_THEY_ARE:
        raise UsageError(
            f"{name} is a control: the labels of neighbours would tell it what it was kept from learning",
            remedy="Predict without --neighbours.",
        )
    seen = dataset if isinstance(dataset, FoldedData) else validation_of(name, dataset)
    return _of_network(*load_run(Path(name), dataset, device=request.device), dataset, split, request, seen)


def _of_network(
    network: Network,
    config: TrainConfig,
    classes: tuple[str, ...],
    runtime: Runtime,
    dataset: Dataset,
    split: str,
    request: Request,
    seen: Dataset | None = None,
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    samples = load_samples(dataset, split, config.cached_side, config.crop_mode).to(runtime.device)
    total, k = np.zeros((len(samples), len(classes))), len(classes)
    with computing(runtime):
        bank = None if seen is None else _bank(network, config, classes, runtime, seen)
        for view in request.views:
            size = view.side(config.image_size)
            batches = whole_batches(
                samples, network, runtime, size=size, batch_size=request.batch_size or config.batch_size
            )
            if bank is None:
                total += softmax(collect(partial(_look, network, view), batches, network, runtime))
            else:
                both = collect(partial(_look_twice, network, view), batches, network, runtime)
                total += bank.blended(softmax(both[:, :k]), samples.image_id, both[:, k:], request.neighbours)
    return samples.image_id, total / len(request.views), classes


def _bank(
    network: Network, config: TrainConfig, classes: tuple[str, ...], runtime: Runtime, seen: Dataset
) -> Bank:
    """Return the images of ``train`` and ``val`` as a network sees them, classes in its order."""
    order = np.array([classes.index(label) for label in seen.classes])
    whole = (seen.pool, (POOL,)) if isinstance(seen, FoldedData) and seen.pool is not None else (seen, SPLITS)
    parts = []
    for split in whole[1]:
        samples = load_samples(whole[0], split, config.cached_side, config.crop_mode).to(runtime.device)
        parts.append(replace(samples, labels=order[samples.labels]))
    return Bank.of_samples(network, parts, config, runtime, len(classes))


def _look_twice(network: Network, view: View, images: torch.Tensor) -> torch.Tensor:
    """Return logits and features side by side."""
    features = probe_features(network, view.turn(images))
    return torch.cat([network.head(features).float(), features.float()], dim=1)


def _look(network: Network, view: View, images: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = network.module(view.turn(images))
    return logits


def _of_onnx(
    path: Path, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    _refuse_sizes(str(path), request)
    found = [onnx_logits(path, dataset, split, request.batch_size or LIMIT, turn=v.turn) for v in request.views]
    samples, classes, _ = found[0]
    return samples.image_id, np.mean([softmax(logits) for _, _, logits in found], axis=0), classes


def _of_file(
    path: Path, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    """Return what a file says of a split; images of other splits may be in it."""
    if len(request.views) > 1:
        raise UsageError(
            f"{path}: predictions have no views",
            remedy="Predict the others with --tta to a file of their own, then the mean of the files without.",
        )
    found = read_predictions(path, dataset.truth(split), ignore_ids=set(dataset.manifest["image_id"]))
    if found.y_prob is None:
        raise UsageError(f"{path} has predicted classes alone", remedy="A mean needs columns prob_CLASS.")
    row = {image: k for k, image in enumerate(found.image_id)}
    ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
    return ids, found.y_prob[[row[image] for image in ids]], found.classes


def _of_plugin(
    name: str, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    _refuse_sizes(f"{PLUGIN}{name}", request)
    samples = load_samples(dataset, split, int(MODELS.get(name).image_size))
    step, parts = request.batch_size or LIMIT, []
    for start in range(0, len(samples), step):
        index = np.arange(start, min(start + step, len(samples)))
        images = samples.batch(index, make_runtime("cpu").device)
        views = [
            (view.turn(images) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
            for view in request.views
        ]
        parts.append(np.mean([probabilities_of(name, view, dataset.classes) for view in views], axis=0))
    return samples.image_id, np.concatenate(parts), dataset.classes


def _of_embeddings(
    run: Path, record: RunRecord, dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    if len(request.views) > 1:
        raise UsageError(f"{run}: embeddings have no views", remedy="Predict without --tta.")
    check_classes(str(run), record.classes, dataset)
    ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
    table = request.embeddings or record.model.removeprefix(EMBEDDINGS)
    logits = predict_embeddings(run, table, ids)
    if logits.shape[1] != len(record.classes):
        raise InputError(run / WEIGHTS, [f"gives {logits.shape[1]} classes, {RUN} names {len(record.classes)}"])
    return ids, softmax(logits), record.classes


def _refuse_sizes(name: str, request: Request) -> None:
    if any(view.scale != 1 for view in request.views):
        raise UsageError(f"{name} takes images of one size", remedy="Choose --tta mirror, flips or dihedral.")
