"""Prediction with an ONNX model through onnxruntime."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training.augment import resize_batch
from dermbench.training.pixels import CROP_MODES, Samples, load_samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

HEADER = "dermbench"
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
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    session = open_session(path)
    about = _about(path, session)
    classes = tuple(about["classes"])
    if set(classes) != set(dataset.classes):
        raise UsageError(f"{path} predicts other classes ({', '.join(classes)}) than {dataset.root} has")
    samples = load_samples(dataset, split, int(about["cache_size"]), str(about["crop_mode"]))
    return samples, classes, _run(session, samples, about, batch_size, turn)


def _run(
    session: Any,
    samples: Samples,
    about: dict[str, Any],
    batch_size: int,
    turn: Callable[[torch.Tensor], torch.Tensor],
) -> NDArray[np.float64]:
    mean, std = (np.array(about[key], dtype=np.float32).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    name = session.get_inputs()[0].name
    outputs = []
    for start in range(0, len(samples), batch_size):
        index = np.arange(start, min(start + batch_size, len(samples)))
        whole = resize_batch(samples.batch(index, torch.device("cpu")), int(about["image_size"]))
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
    InputError
        When the file is no ONNX model.
    """
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name} needs onnxruntime, which is not installed", remedy=ONNX_REMEDY
        ) from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return runtime.InferenceSession(str(path), options, providers=runtime.get_available_providers())
    except Exception as error:  # onnxruntime's errors share no base class
        raise InputError(path, [f"not an ONNX model that onnxruntime can load: {error}"]) from error


def read_about(path: Path) -> dict[str, Any]:
    """Return the metadata entry of an ONNX file; errors as for :func:`onnx_logits`."""
    return _about(path, open_session(path))


def _about(path: Path, session: Any) -> dict[str, Any]:
    try:
        about = json.loads(session.get_modelmeta().custom_metadata_map.get(HEADER, "{}"))
    except json.JSONDecodeError as error:
        raise InputError(path, [f"metadata {HEADER!r} is not JSON: {error}"]) from error
    absent = [key for key in KEYS if key not in about]
    if absent:
        raise InputError(
            path,
            [f"metadata {HEADER!r} has no {key!r}" for key in absent],
            remedy=f"Add the metadata entry {HEADER!r}: a JSON object with {', '.join(KEYS)}.",
        )
    problems = _malformed(about)
    if problems:
        raise InputError(path, [f"metadata {HEADER!r}: {problem}" for problem in problems])
    return dict(about)


def _malformed(about: dict[str, Any]) -> list[str]:
    """Return what is wrong with optional metadata, after setting what is absent."""
    mode, folds, fold = about.setdefault("crop_mode", "center"), about.get("folds", 0), about.get("fold", 0)
    problems = []
    if not isinstance(mode, str) or mode not in CROP_MODES:
        problems.append(f"crop_mode {mode!r} is none of {', '.join(CROP_MODES)}")
    counts = type(folds) is int and type(fold) is int  # True is an int to isinstance
    if not counts or folds < 0 or folds == 1 or not 0 <= fold < max(1, folds):
        problems.append(f"fold {fold!r} of {folds!r} is no fold")
    problems += [f"{key} is no text" for key in ("dataset", "held_out") if not isinstance(about.get(key, ""), str)]
    return problems
