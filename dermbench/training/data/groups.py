"""Groups of a sensitive feature, for training methods and selection rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, band_name, fst_name
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset

ORDERED = {"fst": FST_NAMES, "fst_band": BANDS}
"""Groups of features with an order."""
MIN_IMAGES = 10
"""Number of ``val`` images that a group needs to count in a selection rule."""


@dataclass(frozen=True)
class Groups:
    """Groups of a sensitive feature in the validation split, for selection rules.

    Attributes
    ----------
    codes
        Group of each image, shape (n_samples,).
    known
        Names by code of the groups with at least :data:`MIN_IMAGES` images, without ``unknown``.
    """

    feature: str
    codes: NDArray[np.int64]
    known: Mapping[int, str]

    @classmethod
    def make(cls, feature: str, names: Sequence[str], codes: NDArray[np.int64]) -> Groups:
        """Return the groups that have enough images."""
        counts = np.bincount(codes, minlength=len(names))
        known = {k: name for k, name in enumerate(names) if counts[k] >= MIN_IMAGES and name != UNKNOWN}
        return cls(feature, codes, known)

    @property
    def words(self) -> str:
        """Names of the groups, for ``run.json``."""
        return f"{self.feature} with {MIN_IMAGES} val images or more: {', '.join(self.known.values())}"

    def check(self, rule: str) -> None:
        """Raise a UsageError when fewer than two groups have enough images for a selection rule."""
        if len(self.known) < 2:
            there = ", ".join(self.known.values()) or "none"
            raise UsageError(
                f"selection {rule!r} compares groups of {self.feature} with {MIN_IMAGES} val images or more; "
                f"there are too few: {there}",
                remedy="--set selection=macro_f1 or, for coarser groups, --set group_by=fst_band",
            )


def group_codes(
    dataset: Dataset, feature: str, splits: Sequence[str] = ("train", "val")
) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Return the names of the groups in ``splits``, and by split the index of each image's group.

    The feature is ``fst``, ``fst_band`` or a column of the manifest; images without a value are ``unknown``.

    Raises
    ------
    UsageError
        When the manifest has no such column.
    """
    values = {split: _names(dataset, dataset.part(split), feature) for split in splits}
    found = set().union(*values.values())
    first = [name for name in ORDERED.get(feature, ()) if name in found]
    rest = sorted(found - {*first, UNKNOWN})
    names = (*first, *rest, *({UNKNOWN} & found))
    codes = {name: code for code, name in enumerate(names)}
    return names, {s: np.array([codes[v] for v in column], dtype=np.int64) for s, column in values.items()}


def unit_codes(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return the unit of each image as a number, shape (n,).

    Units are patients, else lesions, else duplicate groups: the first of these columns with values is used. An
    image without a value is its own unit.
    """
    return connected_units(rows, unit_columns(rows)[:1]).astype(np.int64)


def _names(dataset: Dataset, rows: pd.DataFrame, feature: str) -> pd.Series:
    if feature in ORDERED:
        if "fst" not in rows:
            return pd.Series([UNKNOWN] * len(rows))
        return fst_name(rows["fst"]) if feature == "fst" else band_name(rows["fst"])
    if feature not in rows or feature in {"image_id", "path", "label", "split"}:
        raise UsageError(
            f"{dataset.root}: no column {feature!r} to group images by",
            remedy=f"--set group_by=... with one of fst, fst_band, {', '.join(map(str, rows.columns))}",
        )
    return rows[feature].astype("string").fillna(UNKNOWN)
