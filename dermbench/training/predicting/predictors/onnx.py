"""An ONNX file with the metadata that ``dermbench export`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dermbench.artifacts.hashing import file_digest
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.onnx import onnx_logits, read_about
from dermbench.training.predicting.predictor import LIMIT, Predicted, Predictor, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Views

SUFFIX = ".onnx"


class OnnxPredictor(Predictor):
    """An ONNX file."""

    prefix = "onnx"
    form = "model.onnx"
    views: ClassVar[Views] = "one size"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def is_meant(cls, path: Path) -> bool:
        """Return whether a path ends as such a file does."""
        return path.name.endswith(SUFFIX)

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the mean over the views of the probabilities."""
        size = self.request.batch_size or LIMIT
        found = [onnx_logits(Path(self.name), dataset, split, size, turn=view.turn) for view in self.request.views]
        samples, classes, _ = found[0]
        return Predicted(samples.image_id, np.mean([softmax(logits) for _, _, logits in found], axis=0), classes)

    def seen(self) -> Seen:
        """Return what its metadata says."""
        if not Path(self.name).is_file():
            return Seen()
        header = read_about(Path(self.name))
        return Seen(header.folds, header.fold, header.dataset, header.held_out)

    def about(self) -> Mapping[str, str]:
        """Return its name and hash."""
        return {"name": Path(self.name).name, "digest": file_digest(Path(self.name))}
