"""A predictions file, for averaging with predictions of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts import read_predictions
from dermbench.artifacts.tables import SUFFIXES
from dermbench.errors import UsageError
from dermbench.training.predicting.predictor import FilePredictor, Predicted

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset


class TablePredictor(FilePredictor):
    """A predictions file; images of other splits in it are ignored."""

    prefix = "file"
    form = "a predictions file"

    @classmethod
    def is_meant(cls, path: Path) -> bool:
        """Return whether a path has the suffix of a table and is not a folder."""
        return path.name.lower().endswith(SUFFIXES) and not path.is_dir()

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the file's probabilities for a split."""
        truth, others = dataset.truth(split), set(dataset.manifest["image_id"])
        found = read_predictions(Path(self.name), truth, ignore_ids=others)
        if found.y_prob is None:
            raise UsageError(f"{self} has only predicted classes", remedy="A mean needs columns prob_CLASS.")
        if len(found.answered()) < len(found):
            raise UsageError(
                f"{self} has images without a prediction (column no_answer)",
                remedy="A mean needs probabilities of every image; evaluate the file as it is.",
            )
        row = {image: k for k, image in enumerate(found.image_id)}
        ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
        return Predicted(ids, found.y_prob[[row[image] for image in ids]], found.classes)
