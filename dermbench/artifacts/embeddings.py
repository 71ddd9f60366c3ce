"""Reading embeddings: one vector of numbers per image, in a table that any program can write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, name_some


def read_embeddings(path: Path | str, image_id: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the embeddings of images, shape (n, n_features).

    Raises
    ------
    InputError
        When images are missing, ids repeat, or values are not finite numbers.
    """
    table = read_table(path, lists=True).frame
    column = find_column(table, "image_id")
    if column is None:
        raise InputError(path, [f"no column image_id; found {', '.join(map(str, table.columns))}"])
    ids = to_text(table[column])
    if ids.duplicated().any():
        raise InputError(path, [f"repeated image_id: {name_some(ids[ids.duplicated()].unique())}"])
    place = pd.Series(np.arange(len(ids)), index=ids).reindex(image_id)
    if place.isna().any():
        absent = place.index[place.isna()]
        raise InputError(path, [f"{len(absent):,} images have no embedding: {name_some(absent)}"])
    values = _numbers(path, table.drop(columns=[column]).iloc[place.to_numpy(dtype=np.int64)])
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise InputError(path, [f"values that are not finite numbers for {name_some(image_id[wrong])}"])
    return values


def _numbers(path: Path | str, body: pd.DataFrame) -> NDArray[np.float64]:
    try:
        if body.shape[1] == 1 and not np.isscalar(body.iloc[0, 0]):
            return np.stack([np.asarray(row, dtype=np.float64) for row in body.iloc[:, 0]])
        columns = [
            pd.to_numeric(body[name], errors="raise").to_numpy(np.float64, na_value=np.nan) for name in body
        ]
        return np.column_stack(columns)
    except (TypeError, ValueError) as error:
        raise InputError(path, [f"embeddings must be numbers, equally many for all images: {error}"]) from error
