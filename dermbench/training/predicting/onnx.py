"""Prediction with an ONNX model through onnxruntime."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dermbench.artifacts.guarded import check_plain, parse_json
from dermbench.artifacts.network_headers import HEADER, OnnxHeader
from dermbench.artifacts.records import validated
from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training.data.augment import resize_batch
from dermbench.training.data.pixels import Samples, load_samples
from dermbench.training.network.tensor_files import told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

ONNX_REMEDY = "python -m pip install 'dermbench[onnx]'"
KEYS = ("classes", "image_size", "cache_size", "mean", "std")


def onnx_logits(
    path: Path,
    dataset: Dataset,
    split: str,
    batch_size: int,
    *,
    turn: Callable[[torch.Tensor], torch.Tensor] = lambda images: images,
) -> tuple[Samples, tuple[str, ...], NDArray[np.float64]]:
    """Return the images of a split, the model's classes and its logits (n_samples, n_classes).

    The model's metadata has a key ``dermbench`` with a JSON object: ``classes`` in the order of the
    outputs, ``image_size`` and ``cache_size`` in pixels, ``mean`` and ``std`` a channel, and where it is not
    ``center`` the ``crop_mode``. The one input is
    a float32 batch (n, 3, image_size, image_size), the first output are logits.

    Raises
    ------
    MissingDependencyError
        When onnxruntime is not installed.
    InputError
        When the file is no ONNX model or lacks that metadata.
    UsageError
        When there is no such file, or its classes are not those of the dataset.
    """
    session = open_session(path)
    about = _about(path, session)
    if set(about.classes) != set(dataset.classes):
        raise UsageError(f"{path} predicts other classes ({', '.join(about.classes)}) than {dataset.root} has")
    samples = load_samples(dataset, split, about.cache_size, about.crop_mode)
    with told(path, "cannot be run"):
        logits = _run(session, samples, about, batch_size, turn)
    if logits.shape != (len(samples), len(about.classes)):
        raise InputError(path, [f"gives the shape {logits.shape}, not {(len(samples), len(about.classes))}"])
    return samples, about.classes, logits


def _run(
    session: Any,
    samples: Samples,
    about: OnnxHeader,
    batch_size: int,
    turn: Callable[[torch.Tensor], torch.Tensor],
) -> NDArray[np.float64]:
    mean, std = (np.array(part, dtype=np.float32).reshape(1, -1, 1, 1) for part in (about.mean, about.std))
    name = session.get_inputs()[0].name
    outputs = []
    for start in range(0, len(samples), batch_size):
        index = np.arange(start, min(start + batch_size, len(samples)))
        whole = resize_batch(samples.batch(index, torch.device("cpu")), about.image_size)
        images = turn(whole).numpy()
        outputs.append(session.run(None, {name: np.ascontiguousarray((images - mean) / std)})[0])
    logits: NDArray[np.float64] = np.concatenate(outputs).astype(np.float64)
    return logits


def open_session(path: Path) -> Any:
    """Return an onnxruntime session of a file.

    Raises
    ------
    MissingDependencyError
        When onnxruntime is not installed.
    UsageError
        When there is no such plain file.
    InputError
        When the file is no ONNX model.
    """
    check_plain(path)
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name} needs onnxruntime, which is not installed", remedy=ONNX_REMEDY
        ) from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with told(path, "not an ONNX model that onnxruntime can load"):
        return runtime.InferenceSession(str(path), options, providers=runtime.get_available_providers())


def read_about(path: Path) -> OnnxHeader:
    """Return the metadata entry of an ONNX file; errors as for :func:`onnx_logits`."""
    return _about(path, open_session(path))


def _about(path: Path, session: Any) -> OnnxHeader:
    with told(path, f"its metadata {HEADER!r} cannot be read"):
        text = session.get_modelmeta().custom_metadata_map.get(HEADER, "{}")
    about = parse_json(f"{path} (metadata {HEADER!r})", text)
    absent = [key for key in KEYS if not isinstance(about, dict) or key not in about]
    if absent:
        raise InputError(
            path,
            [f"metadata {HEADER!r} has no {key!r}" for key in absent],
            remedy=f"Add the metadata entry {HEADER!r}: a JSON object with {', '.join(KEYS)}.",
        )
    return validated(f"{path} (metadata {HEADER!r})", OnnxHeader, about)
