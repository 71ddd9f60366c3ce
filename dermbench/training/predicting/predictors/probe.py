"""A linear probe on embeddings: a run folder without a network, applied to a table of embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dermbench.artifacts import RunRecord
from dermbench.artifacts.embeddings import read_embeddings
from dermbench.artifacts.run import RUN, WEIGHTS
from dermbench.errors import InputError
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.predictor import Predicted
from dermbench.training.predicting.predictors.run import RunPredictor
from dermbench.training.predicting.run_loading import check_classes
from dermbench.training.run.embeddings import PREFIX, predict_embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Views


class ProbePredictor(RunPredictor):
    """The run folder of a probe on embeddings."""

    prefix = "probe"
    form = "a run folder of train --embeddings"
    views: ClassVar[Views] = "none"
    takes = frozenset({"embeddings"})

    @classmethod
    def is_meant(cls, path: Path) -> bool:
        """Return whether a path is such a folder."""
        return (path / RUN).is_file() and RunRecord.read(path / RUN).model.startswith(PREFIX)

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities of a split from the table of embeddings."""
        record, run = RunRecord.read(Path(self.name) / RUN), Path(self.name)
        check_classes(self.name, record.classes, dataset)
        ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
        logits = predict_embeddings(run, self._table(), ids)
        if logits.shape[1] != len(record.classes):
            raise InputError(
                run / WEIGHTS, [f"gives {logits.shape[1]} classes, {RUN} names {len(record.classes)}"]
            )
        return Predicted(ids, softmax(logits), record.classes)

    def embed(self, dataset: Dataset, split: str) -> NDArray[np.float64]:
        """Return the embeddings in its table."""
        return read_embeddings(self._table(), dataset.part(split)["image_id"].to_numpy(dtype=object))

    def _table(self) -> Path | str:
        return self.request.embeddings or RunRecord.read(Path(self.name) / RUN).model.removeprefix(PREFIX)
