"""Read the predictions of an entry strictly: as dermbench writes them, with nothing to interpret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.predictions import read_predictions
from dermbench.artifacts.tables import read_table
from dermbench.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth


def read_stored(path: Path, truth: Truth) -> Predictions:
    """Read ``predictions.parquet`` of an entry.

    Raises
    ------
    InputError
        With everything that is wrong with the predictions; when rows, columns or values are not exactly those that
        ``leaderboard add`` writes for them.
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
        return left.dtype == np.float64 and np.array_equal(left.to_numpy(), right.to_numpy())
    return left.astype(object).tolist() == right.astype(object).tolist()
