"""An ONNX file with the metadata that ``dermbench export`` writes, run by onnxruntime."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dermbench.artifacts.guarded import check_plain, parse_json
from dermbench.artifacts.network_headers import HEADER, OnnxHeader
from dermbench.artifacts.records import validated
from dermbench.errors import InputError, MissingDependencyError
from dermbench.training.data.augment import resize_batch
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.scoring import softmax
from dermbench.training.network.tensor_files import as_input_error
from dermbench.training.predicting.predictor import LIMIT, FilePredictor, Predicted, Seen, Views
from dermbench.training.predicting.run_loading import check_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.data.pixels import Samples
    from dermbench.training.predicting.tta import View

SUFFIX = ".onnx"
ONNX_REMEDY = "python -m pip install 'dermbench[onnx]'"
KEYS = ("classes", "image_size", "cache_size", "mean", "std")


class OnnxPredictor(FilePredictor):
    """An ONNX file.

    Its only input is a float32 batch (n, 3, image_size, image_size); its first output is the logits. The key
    ``dermbench`` of its metadata holds a JSON object, :class:`dermbench.artifacts.network_headers.OnnxHeader`.
    """

    prefix = "onnx"
    form = "model.onnx"
    views: ClassVar[Views] = "one size"

    @classmethod
    def is_meant(cls, path: Path) -> bool:
        """Return whether a path ends with ``.onnx``."""
        return path.name.endswith(SUFFIX)

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities, averaged over the views."""
        path = Path(self.name)
        session = open_session(path)
        header = _header(path, session)
        check_classes(self.name, header.classes, dataset)
        samples = load_samples(dataset, split, header.cache_size, header.crop_mode)
        found = [self._logits(session, header, samples, view) for view in self.request.views]
        return Predicted(samples.image_id, np.mean([softmax(logits) for logits in found], axis=0), header.classes)

    def seen(self) -> Seen:
        """Return the data that its metadata names."""
        if not Path(self.name).is_file():
            return Seen()
        header = read_about(Path(self.name))
        return Seen(header.folds, header.fold, header.dataset, header.held_out)

    def _logits(self, session: Any, header: OnnxHeader, samples: Samples, view: View) -> NDArray[np.float64]:
        mean, std = (np.array(part, np.float32).reshape(1, -1, 1, 1) for part in (header.mean, header.std))
        step, outputs = self.request.batch_size or LIMIT, []
        with as_input_error(Path(self.name), "cannot be run"):
            name = session.get_inputs()[0].name
            for start in range(0, len(samples), step):
                index = np.arange(start, min(start + step, len(samples)))
                whole = resize_batch(samples.batch(index, torch.device("cpu")), header.image_size)
                images = np.ascontiguousarray((view.turn(whole).numpy() - mean) / std)
                outputs.append(session.run(None, {name: images})[0])
            logits: NDArray[np.float64] = np.concatenate(outputs).astype(np.float64)
        if logits.shape != (len(samples), len(header.classes)):
            shapes = f"{logits.shape}, not {(len(samples), len(header.classes))}"
            raise InputError(self.name, [f"gives the shape {shapes}"])
        return logits


def open_session(path: Path) -> Any:
    """Return an onnxruntime session of a file.

    Raises
    ------
    MissingDependencyError
        When onnxruntime is not installed.
    UsageError, InputError
        When there is no such plain file, or it is not an ONNX model.
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
    with as_input_error(path, "not an ONNX model that onnxruntime can load"):
        return runtime.InferenceSession(str(path), options, providers=runtime.get_available_providers())


def read_about(path: Path) -> OnnxHeader:
    """Return the metadata entry of an ONNX file; an InputError if it is missing or damaged."""
    return _header(path, open_session(path))


def _header(path: Path, session: Any) -> OnnxHeader:
    with as_input_error(path, f"its metadata {HEADER!r} cannot be read"):
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
