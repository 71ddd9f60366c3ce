"""Matching of rows of predictions to images, by equal ids or by ids that differ only as file names do."""

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
"""Allowed differences between ids, besides blanks around them."""


@dataclass(frozen=True)
class Matched:
    """The image of each row.

    Attributes
    ----------
    place
        Index of the image in the truth, -1 without one, shape (n,).
    ignored
        Whether the image is one of those that may occur and are left out, shape (n,).
    without
        Differences that were ignored to match the ids.
    """

    place: NDArray[np.intp]
    ignored: NDArray[np.bool_]
    without: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the image of every row is known."""
        return bool(((self.place >= 0) | self.ignored).all())

    def sentences(self) -> tuple[str, ...]:
        """Say which differences were ignored; empty if the ids are equal."""
        if not self.without:
            return ()
        return (f"Ids of the predictions matched without {' and '.join(self.without)}.",)

    def problems(self, ids: pd.Series, truth: Truth, *, partial: bool) -> list[str]:
        """Return the problems of the ids: empty, damaged, repeated, missing or unknown ones.

        Parameters
        ----------
        ids
            Ids of the rows.
        truth
            The images.
        partial
            Whether images without a row are allowed.
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
    """Name the ``--split`` without the missing images, if the table has splits and none was given; else empty."""
    if truth.split != ALL or "split" not in truth.table:
        return ""
    splits = truth.table["split"].astype("string").fillna("")
    there, absent = set(splits[~missing]), set(splits[missing])
    if not there or "" in there | absent or there & absent:
        return ""
    return f"; all of split {name_some(sorted(absent))}: --split {'+'.join(sorted(there))} leaves them out"


def match_ids(ids: pd.Series, wanted: NDArray[np.object_], others: Collection[str]) -> Matched:
    """Find the image of each row.

    If the ids are not equal, differences in blanks, folder, suffix or letter case are ignored. This is only done
    if different ids stay different, among the images and in the file, and if every row then has an image.

    Parameters
    ----------
    ids
        Ids of the rows.
    wanted
        Ids of the images.
    others
        Ids of further images; their rows are left out.
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
