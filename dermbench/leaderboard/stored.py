"""Read the predictions of an entry strictly: only the exact form that dermbench writes is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.predictions import read_predictions
from dermbench.artifacts.tables import read_table
from dermbench.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth


def read_stored(path: Path, truth: Truth) -> Predictions:
    """Read ``predictions.parquet`` of an entry.

    Raises
    ------
    InputError
        With all problems of the predictions, or when rows, columns or values differ from what ``leaderboard add``
        writes.
    """
    made = read_predictions(path, truth)
    if problem := _other(read_table(path).frame, made.table()):
        raise InputError(
            path, [f"not written as dermbench writes predictions: {problem}"], remedy="Add the entry again."
        )
    return made


def _other(there: pd.DataFrame, written: pd.DataFrame) -> str:
    columns = [str(name) for name in there.columns]
    if columns != list(written.columns):
        return "it has other columns, or in another order"
    same = {name: _same(there[name], written[name]) for name in columns}
    return next((f"column {name!r} has other values" for name, equal in same.items() if not equal), "")


def _same(left: pd.Series, right: pd.Series) -> bool:
    if right.dtype == np.float64:
        if left.dtype not in (np.float64, pd.Float64Dtype()):
            return False
        return np.array_equal(left.to_numpy(np.float64, na_value=np.nan), right.to_numpy(), equal_nan=True)
    return _texts(left) == _texts(right)


def _texts(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column.astype(object)]
