"""Which images a predictor has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import UsageError
from dermbench.training.data.folds import FoldedData

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Predictor


def validation_of(predictor: Predictor, dataset: Dataset, *, held_out: bool = False) -> Dataset:
    """Return the data as a predictor saw them: what it was validated on is ``val`` there.

    With ``held_out`` it is asked for images that it has not seen, so that they must be known.

    Raises
    ------
    UsageError
        When that is not known: of a run on folds of another dataset or of other folds, and with ``held_out`` of
        whatever was not trained on this dataset.
    """
    seen = predictor.seen()
    if (seen.folds or held_out) and seen.dataset != dataset.info.digest:
        trained = f"was trained on {'folds of ' if seen.folds else ''}" if seen.dataset else "does not say "
        other = f"another dataset than {dataset.root} ({seen.dataset} and {dataset.info.digest})"
        raise UsageError(
            f"{predictor} {trained}{other if seen.dataset else 'what it was trained on'}: "
            "which images it has not seen is not known here",
            remedy="Predict the test split without --calibrate, or name the dataset it was trained on.",
        )
    if not seen.folds:
        return dataset
    cut = FoldedData.cut(dataset, seen.folds, seen.fold)
    if seen.held_out not in {"", cut.held_out}:
        raise UsageError(
            f"{predictor}: fold {seen.fold} of {seen.folds} holds out other images here than when it was trained",
            remedy="Predict with the version of dermbench it was trained with, or train it again.",
        )
    return cut
