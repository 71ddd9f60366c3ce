"""Find the images that a predictor has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import UsageError
from dermbench.training.data.folds import FoldedData

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Predictor


def validation_of(predictor: Predictor, dataset: Dataset, *, held_out: bool = False) -> Dataset:
    """Return the data with the images that a predictor was validated on as ``val``.

    Raises
    ------
    UsageError
        When these images are unknown: for a run on folds of another dataset or on other folds, and with
        ``held_out`` for any predictor that was not trained on this dataset.
    """
    seen = predictor.seen()
    if (seen.folds or held_out) and seen.dataset != dataset.info.digest:
        trained = f"was trained on {'folds of ' if seen.folds else ''}" if seen.dataset else "does not say "
        other = f"another dataset than {dataset.root} ({seen.dataset} and {dataset.info.digest})"
        raise UsageError(
            f"{predictor} {trained}{other if seen.dataset else 'what it was trained on'}: "
            "the images that it has not seen are unknown",
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
