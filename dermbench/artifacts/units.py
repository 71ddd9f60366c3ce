"""Independent units: images linked by a patient, a lesion or a duplicate group, directly or in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dermbench.artifacts.columns import UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def unit_columns(table: pd.DataFrame) -> list[str]:
    """Return the id columns of a manifest that are not empty, highest first."""
    return [name for name in UNITS if name in table and table[name].notna().any()]


def connected_units(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.intp]:
    """Return the connected component of each image; images with the same value in a column are connected.

    A lesion that occurs with two patients connects all images of both. Missing ids connect nothing.

    Returns
    -------
    numpy.ndarray
        Component of each row, shape (n,), as arbitrary numbers.
    """
    n, nodes = len(table), len(table)
    rows: list[NDArray[np.intp]] = []
    values: list[NDArray[np.intp]] = []
    for name in columns:
        codes, names = pd.factorize(table[name])
        known = codes >= 0
        rows.append(np.flatnonzero(known))
        values.append(codes[known] + nodes)
        nodes += len(names)
    if not rows:
        return np.arange(n, dtype=np.intp)
    start, end = np.concatenate(rows), np.concatenate(values)
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(nodes, nodes))
    units: NDArray[np.intp] = connected_components(graph, directed=False)[1][:n].astype(np.intp)
    return units
