"""``export``: write the network of a run as an ONNX file for ``predict``, and check it against the original."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dermbench.artifacts import RunRecord, read_dataset
from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.network_headers import HEADER
from dermbench.artifacts.run import RUN
from dermbench.errors import DermbenchError, MissingDependencyError, UsageError
from dermbench.training.config.seeding import torch_generator
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.scoring import softmax, whole_batches
from dermbench.training.predicting.predictors.onnx import ONNX_REMEDY, open_session
from dermbench.training.predicting.run_loading import load_run, open_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.network.network import Network

CHECKED = 64
"""Number of images that the check compares."""
TOLERANCE = 1e-4
"""Largest allowed difference of a probability."""


@dataclass(frozen=True)
class Export:
    """An ONNX file, its size in bytes, and the largest ``difference`` of a probability over ``images`` images."""

    path: Path
    size: int
    images: int
    difference: float


def export(
    run: Path | str, out: Path | str, *, data: Path | str | Dataset | None = None, split: str = "val"
) -> Export:
    """Write the network of a finished run as ONNX.

    The file takes any number of normalised images (float32, n x 3 x size x size) and returns logits. Its
    metadata entry ``dermbench`` holds what ``predict`` needs. The file is kept only if its probabilities equal
    those of the network within :data:`TOLERANCE`.

    Parameters
    ----------
    run
        Finished run folder.
    out
        File to write, ``.onnx``.
    data, split
        Images for the comparison, the first :data:`CHECKED` of the split; by default noise.

    Raises
    ------
    MissingDependencyError
        When onnx, onnxscript or onnxruntime is not installed.
    UsageError
        When there is no finished run, or ``out`` does not end with ``.onnx``.
    DermbenchError
        When the network cannot be exported, or the file gives other probabilities.
    """
    target = Path(out)
    if target.suffix.lower() != ".onnx":
        raise UsageError(f"{target}: an export is written as .onnx")
    if absent := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]:
        raise MissingDependencyError(f"export needs {', '.join(absent)}", remedy=ONNX_REMEDY)
    dataset = None if data is None else data if isinstance(data, Dataset) else read_dataset(data)
    if dataset is None:
        network, config, classes, runtime = open_run(Path(run), device="cpu")
    else:
        network, config, classes, runtime = load_run(Path(run), dataset, device="cpu")
    network.module.eval()
    record = RunRecord.read(Path(run) / RUN)
    about = {
        "schema": "dermbench.onnx/1",
        "classes": list(classes),
        "image_size": config.image_size,
        "cache_size": config.cached_side,
        "crop_mode": config.crop_mode,
        "folds": config.folds,
        "fold": config.fold,
        "held_out": record.held_out,
        "mean": list(network.mean),
        "std": list(network.std),
        "model": config.model,
        "dataset": record.dataset_digest,
        "selection": record.selection,
    }
    with atomic_path(target) as temporary:
        write_onnx(network, config, about, temporary)
        images, difference = _compare(network, temporary, list(_batches(network, config, runtime, dataset, split)))
        if not difference <= TOLERANCE:
            raise DermbenchError(
                f"{config.model} as ONNX gives other probabilities (largest difference {difference:.2g})"
            )
        size = temporary.stat().st_size
    return Export(target, size, images, difference)


def write_onnx(network: Network, config: TrainConfig, about: dict[str, Any], path: Path) -> None:
    """Write a network in evaluation mode, with ``about`` as its metadata entry."""
    example = torch.zeros(2, 3, config.image_size, config.image_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside torch and onnxscript
        try:
            program = torch.onnx.export(
                network.module,
                (example,),
                dynamo=True,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
                verbose=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            first = str(error).strip().splitlines()[0]
            raise DermbenchError(f"{config.model} cannot be exported to ONNX: {first}") from error
        assert program is not None
        program.model.metadata_props[HEADER] = json.dumps(about, sort_keys=True)
        program.save(str(path))


def _batches(
    network: Network, config: TrainConfig, runtime: Runtime, dataset: Dataset | None, split: str
) -> Iterator[torch.Tensor]:
    """Yield normalised images in batches of different sizes."""
    if dataset is None:
        noise = torch.randn(
            CHECKED, 3, config.image_size, config.image_size, generator=torch_generator(0, "export")
        )
        yield from torch.split(noise, [1, 7, 24, CHECKED - 32])
        return
    samples = load_samples(dataset, split, config.cached_side, config.crop_mode)
    index = np.arange(min(CHECKED, len(samples)))
    yield from whole_batches(samples, network, runtime, size=config.image_size, batch_size=24, index=index)


def _compare(network: Network, path: Path, batches: list[torch.Tensor]) -> tuple[int, float]:
    session = open_session(path)
    worst, seen = 0.0, 0
    with torch.inference_mode():
        for images in batches:
            eager = softmax(network.module(images).double().numpy())
            other = softmax(session.run(None, {"images": np.ascontiguousarray(images)})[0].astype(np.float64))
            worst, seen = max(worst, float(np.abs(eager - other).max())), seen + len(images)
    return seen, worst
