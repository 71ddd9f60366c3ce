"""An answers file of a vision-language model: its texts become classes; there are no probabilities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts import read_answers, read_class_map, read_predictions
from dermbench.artifacts.tables import Table
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task, task_names
from dermbench.training.predicting.predictor import FilePredictor, Predicted

if TYPE_CHECKING:
    from dermbench.artifacts import ClassMap, Dataset, Predictions

REMEDY = "Give an image without an answer a row with an empty answer: it is unparsable and counts as wrong."


class AnswersPredictor(FilePredictor):
    """An answers file; images of other splits in it are ignored."""

    prefix = "answers"
    form = "answers:FILE"
    takes = frozenset({"mapping"})

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"

    def predict(self, dataset: Dataset, split: str) -> Predicted:  # noqa: ARG002 - the signature of predictors
        """Refuse, because an answer in words is one class or none, without probabilities."""
        raise UsageError(
            f"{self} has no probabilities, so it cannot be averaged with others, calibrated or held out",
            remedy="Predict it alone: dermbench predict answers:FILE --data DATASET --out FILE.",
        )

    def predictions(self, dataset: Dataset, split: str) -> Predictions:
        """Return the class that each answer names, or the reason why it names none.

        Raises
        ------
        UsageError
            When there is no such file.
        InputError
            When the file or the class map is malformed, or an image of the split has no row.
        """
        path, truth = Path(self.name), dataset.truth(split)
        answers = read_answers(path, truth.classes, class_map=self._class_map(dataset))
        others = set(dataset.manifest["image_id"])
        try:
            found = read_predictions(Table(answers.table(), path), truth, ignore_ids=others)
        except InputError as error:
            raise InputError(path, error.problems, remedy=REMEDY) from error
        return replace(found, interpreted=(*answers.interpreted, *found.interpreted, answers.sentence()))

    def _class_map(self, dataset: Dataset) -> ClassMap | None:
        if self.request.mapping is None:
            return None
        task = dataset.info.task
        aliases = load_task(task).aliases if task in task_names() else {}
        return read_class_map(self.request.mapping, dataset.classes, aliases=aliases)
