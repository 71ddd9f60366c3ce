"""Which image each row of predictions is of: by equal ids, or by ids that differ only in how a file is named."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dermbench.artifacts.columns import ALL
from dermbench.artifacts.text_form import id_problems
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth

FOLDER = r"^.*[/\\]"
SUFFIX = r"(?i)\.(?:jpe?g|jpe|jfif|png|bmp|tiff?|webp|gif|dcm|heic)$"
DIFFERENCES = ("folder", "file suffix", "letter case")
"""In what ids may differ beside blanks around them."""


@dataclass(frozen=True)
class Matched:
    """Which image each row is of.

    Attributes
    ----------
    place
        Index into the images of the truth, -1 where there is none, shape (n,).
    ignored
        Rows of images that may be there and are left out, shape (n,).
    without
        What was left out of the ids to find the images.
    """

    place: NDArray[np.intp]
    ignored: NDArray[np.bool_]
    without: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every row is of an image that is known."""
        return bool(((self.place >= 0) | self.ignored).all())

    def sentences(self) -> tuple[str, ...]:
        """Say how ids were matched, unless they are equal."""
        if not self.without:
            return ()
        return (f"Ids of the predictions matched without {' and '.join(self.without)}.",)

    def problems(self, ids: pd.Series, truth: Truth, *, partial: bool) -> list[str]:
        """Say which ids are empty, damaged, repeated, missing or unknown.

        Parameters
        ----------
        ids
            Ids of the rows.
        truth
            The images.
        partial
            Whether images without a row are none.
        """
        problems = id_problems(ids)
        rows = ~self.ignored
        empty = np.flatnonzero(ids.isna())
        if len(empty):
            problems.append(f"empty image_id in {name_some(f'row {i + 2}' for i in empty)}")
        if len(repeated := self._repeated(ids)):
            problems.append(f"{len(repeated):,} repeated image_id: {name_some(repeated)}")
        missing = np.ones(len(truth), dtype=bool)
        missing[self.place[self.place >= 0]] = False
        if missing.any() and not partial:
            named = name_some(truth.image_id[missing])
            problems.append(f"{missing.sum():,} missing image_id: {named}{_other_splits(truth, missing)}")
        unknown = sorted(ids[rows & (self.place < 0)].dropna().unique())
        if unknown:
            problems.append(f"{len(unknown):,} image_id that the truth does not have: {name_some(unknown)}")
        return problems

    def _repeated(self, ids: pd.Series) -> NDArray[np.object_]:
        """Return the ids that occur in several rows."""
        if self.complete and np.bincount(self.place[~self.ignored], minlength=1).max() <= 1:
            return np.empty(0, dtype=object)
        rows = ids[~self.ignored].dropna()
        return pd.unique(rows[rows.duplicated()].to_numpy(dtype=object))


def _other_splits(truth: Truth, missing: NDArray[np.bool_]) -> str:
    """Say which ``--split`` leaves out all missing images, where none was given for a table that has splits."""
    if truth.split != ALL or "split" not in truth.table:
        return ""
    splits = truth.table["split"].astype("string").fillna("")
    there, absent = set(splits[~missing]), set(splits[missing])
    if not there or "" in there | absent or there & absent:
        return ""
    return f"; all of split {name_some(sorted(absent))}: --split {'+'.join(sorted(there))} leaves them out"


def match_ids(ids: pd.Series, wanted: NDArray[np.object_], others: Collection[str]) -> Matched:
    """Find the image of each row.

    Ids are equal, or all of them differ in blanks, folder, suffix or letter case alone. These are left out only
    where that leaves different ids different, among the images and in the file, and finds an image for every row.

    Parameters
    ----------
    ids
        Ids of the rows.
    wanted
        Ids of the images.
    others
        Ids of further images, whose rows are left out.
    """
    known = pa.array([*wanted, *sorted(set(others).difference(wanted))], type=pa.large_string())
    exact = _matched(known, ids, len(wanted))
    if exact.complete:
        return exact
    images = pd.Series(known.to_pandas(), dtype="string")
    for n_differences in range(len(DIFFERENCES) + 1):
        for without in itertools.combinations(DIFFERENCES, n_differences):
            keys, known_keys = _simpler(ids, without), _simpler(images, without)
            if keys.is_unique and known_keys.is_unique:
                found = _matched(known_keys, keys, len(wanted), without or ("blanks",))
                if found.complete:
                    return found
    return exact


def _matched(known: pa.Array | pd.Series, ids: pd.Series, n_wanted: int, without: tuple[str, ...] = ()) -> Matched:
    values = pa.array(known, type=pa.large_string())
    found = pc.index_in(pa.array(ids, type=pa.large_string()), value_set=values)
    place = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.intp)
    ignored = place >= n_wanted
    return Matched(np.where(ignored, -1, place), ignored, without)


def _simpler(ids: pd.Series, without: tuple[str, ...]) -> pd.Series:
    text = ids.str.strip()
    if "folder" in without:
        text = text.str.replace(FOLDER, "", regex=True)
    if "file suffix" in without:
        text = text.str.replace(SUFFIX, "", regex=True)
    return text.str.casefold() if "letter case" in without else text
