"""Distillation: learn from another model's probabilities for the training images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pandas as pd
import torch
from pydantic import Field

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.predictions import read_predictions
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.artifacts.truth import Truth
from dermbench.errors import InputError, UsageError
from dermbench.training.config.device import to_device
from dermbench.training.methods.base import Method, MethodOptions, Targets, TrainingSplit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

TENSOR = "distill.teacher"
REMEDY = (
    "Make one with: dermbench predict RUNS --data DATASET --split trained --out FILE "
    "(for a student on folds: with runs on the same fold, so that the teacher has not seen the student's val)"
)


class DistillOptions(MethodOptions):
    """Options of :class:`Distill`.

    Attributes
    ----------
    distill_teacher
        Predictions file with probabilities for all training images; other images in it are ignored. A relative
        path starts at the working directory, also when a run is resumed.
    distill_weight
        Share of the teacher in the targets.
    distill_temperature
        T; the teacher's probabilities are raised to the power 1/T, so T > 1 moves them towards equal shares.
    """

    distill_teacher: str = ""
    distill_weight: float = Field(0.5, ge=0, le=1)
    distill_temperature: float = Field(1.0, ge=0.05, le=20)


class Distill(Method):
    """Learn from ``(1 - w) y + w p`` with y the label and p the teacher's probabilities, ``p^(1/T)`` renormalised.

    The student's logits are not divided by T; T = 1 is the publication's loss. Validation is valid only if the
    teacher has not seen the student's ``val`` images. Predict the teacher with ``--split trained``, from runs on
    the student's fold, or without folds if the student has none.
    """

    reference = "Hinton et al. 2015, Distilling the knowledge in a neural network (arXiv:1503.02531)"
    Options: ClassVar[type[MethodOptions]] = DistillOptions
    options: DistillOptions

    def __init__(
        self, config: TrainConfig, split: TrainingSplit, options: MethodOptions, device: torch.device
    ) -> None:
        super().__init__(config, split, options, device)
        if not self.options.distill_teacher:
            raise UsageError("method 'distill' needs method_options.distill_teacher=FILE", remedy=REMEDY)
        if config.labels != "true":
            raise UsageError(
                f"method 'distill' needs labels=true, not {config.labels!r}: the teacher learnt the true labels"
            )
        path = Path(self.options.distill_teacher)
        sharp = read_teacher(path, split) ** (1 / self.options.distill_temperature)
        self.teacher = torch.tensor(sharp / sharp.sum(axis=1, keepdims=True), dtype=torch.float32, device=device)
        self.origin = f"{path.name} ({file_digest(path)})"

    def targets(self, index: NDArray[np.int64]) -> Targets:
        """Return the weighted mean of labels and teacher."""
        given = super().targets(index)
        taught = self.teacher[to_device(torch.from_numpy(index), self.device)]
        return given.softened(torch.lerp(given.soft, taught, self.options.distill_weight))

    def tensors(self) -> dict[str, Tensor]:
        """Return the teacher's probabilities, so that a resumed run notices another teacher."""
        return {**super().tensors(), TENSOR: self.teacher}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Refuse to resume with another teacher."""
        super().load(tensors)
        if not torch.equal(tensors[TENSOR].to(self.device), self.teacher):
            raise UsageError(
                f"{self.options.distill_teacher} is not the teacher that this run began with",
                remedy="Put that file back, or begin another run.",
            )

    def finish(self, network: Network, samples: Samples, runtime: Runtime) -> tuple[str, ...]:
        """Name the teacher."""
        return (*super().finish(network, samples, runtime), f"distilled from {self.origin}")


def read_teacher(path: Path, split: TrainingSplit) -> NDArray[np.float64]:
    """Return a teacher's probabilities for the training images, shape (n_samples, n_classes).

    :class:`InputError` when the file lacks images or probabilities, or is malformed.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file of a teacher's predictions", remedy=REMEDY)
    table = read_table(path).frame
    column = find_column(table, "image_id")
    others = set() if column is None else set(to_text(table[column]).dropna())
    rows = pd.DataFrame({"image_id": split.image_id, "label": [split.classes[k] for k in split.labels]})
    truth = Truth(rows.sort_values("image_id", ignore_index=True), split.classes)
    try:
        predictions = read_predictions(path, truth, ignore_ids=others)
    except InputError as error:
        raise InputError(error.source, error.problems, remedy=error.remedy or REMEDY) from None
    if predictions.y_prob is None:
        raise InputError(path, ["has only predicted classes; a teacher needs probabilities"], remedy=REMEDY)
    if len(predictions.answered()) < len(predictions):
        raise InputError(path, ["has images without a prediction (column no_answer)"], remedy=REMEDY)
    place = {image: row for row, image in enumerate(predictions.image_id)}
    found: NDArray[np.float64] = predictions.y_prob[[place[image] for image in split.image_id]]
    return found
