"""Folds of the training images: the images of ``train`` and ``val``, cut anew so that each is held out once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from dermbench.artifacts.columns import JOINED
from dermbench.errors import UsageError
from dermbench.training.groups import unit_codes
from dermbench.training.guard import SPLITS, TrainingData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

POOL = JOINED.join(SPLITS)
"""The split that holds the images of every fold."""


@dataclass(frozen=True)
class FoldedData(TrainingData):
    """Training data whose ``val`` is one fold of all images but the test split's, whose ``train`` the others.

    Attributes
    ----------
    pool
        The same images without folds; their cache is shared by all folds.
    """

    pool: Dataset | None = None

    @classmethod
    def cut(cls, dataset: Dataset, folds: int, fold: int) -> Self:
        """Return the data with fold ``fold`` of ``folds`` held out.

        Raises
        ------
        UsageError
            When there are fewer units than folds, or the fold would be empty.
        """
        pool = TrainingData.of(dataset)
        rows = pool.manifest
        held_out = fold_codes(pool, folds) == fold
        if not held_out.any():
            raise UsageError(
                f"{dataset.root}: fold {fold} of {folds} holds no image", remedy="Choose a lower --set folds=N."
            )
        split = np.where(held_out, "val", "train")
        return cls(dataset.root, dataset.info, rows.assign(split=split), pool)


def fold_codes(dataset: Dataset, folds: int) -> NDArray[np.int64]:
    """Return the fold of each row of the manifest, shape (n_samples,), from 0.

    Units (patient, lesion or duplicate group) are never divided; classes are spread evenly (scikit-learn's
    ``StratifiedKFold`` and ``StratifiedGroupKFold``). The folds depend on the images alone, not on the seed of
    a run, so that runs of all folds hold out each image once.

    Raises
    ------
    UsageError
        When there are fewer units than folds.
    """
    rows = dataset.manifest
    units = unit_codes(rows)
    n_units = len(np.unique(units))
    if n_units < folds:
        raise UsageError(
            f"{dataset.root}: {folds} folds of {n_units} patients, lesions or images to train and validate on",
            remedy="Choose a lower --set folds=N.",
        )
    labels = rows["label"].astype(str).to_numpy()
    grouped = n_units < len(rows)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    cut = kind(n_splits=folds, shuffle=True, random_state=0)
    codes = np.full(len(rows), -1, dtype=np.int64)
    with warnings.catch_warnings():  # of a class with fewer images than folds: training looks for those itself
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        try:
            parts = list(cut.split(labels, labels, units if grouped else None))
        except ValueError as error:  # more folds than images of any class
            raise UsageError(f"{dataset.root}: {error}", remedy="Choose a lower --set folds=N.") from error
    for fold, (_, held_out) in enumerate(parts):
        codes[held_out] = fold
    return codes
