"""A dataset without its test split, for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.manifest import Dataset
from dermbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "val")
"""Splits that training may read."""


@dataclass(frozen=True)
class TrainingData(Dataset):
    """A dataset without rows of the test split, so that its images and labels cannot leak."""

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Return a dataset without its test split."""
        rows = dataset.manifest[dataset.manifest["split"].isin(SPLITS)]
        return cls(dataset.root, dataset.info, rows.reset_index(drop=True))

    def part(self, split: str) -> pd.DataFrame:
        """Return the rows of ``train``, ``val`` or ``train+val``; a UsageError for any other split."""
        if not set(split.split(JOINED)) <= set(SPLITS):
            raise UsageError(
                f"{self.root}: training must not read the split {split!r}, only {' and '.join(SPLITS)}"
            )
        return super().part(split)
