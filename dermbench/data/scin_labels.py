"""Read the labels of SCIN: each cell holds a dictionary of conditions and weights."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING

from dermbench.data.reading import rows_of
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TIE = "<tie>"
"""Label of a case in which several conditions have the largest weight."""
LONGEST = 10_000
"""Largest number of characters in a cell; the longest of the release has 263."""


def top_conditions(cells: pd.Series) -> tuple[pd.Series, list[str]]:
    """Return the condition with the largest weight in each cell, and the problems of the cells.

    Parameters
    ----------
    cells
        Dictionaries as text, ``{'Eczema': 0.67, 'Tinea': 0.33}``; ``{}`` or an empty cell for no label.

    Returns
    -------
    tuple
        Conditions (:data:`TIE` where several have the largest weight, ``<NA>`` for no label), and problems.
    """
    read = {cell: _read(cell) for cell in cells.dropna().unique()}
    wrong = cells.notna() & cells.map(lambda cell: read.get(cell) is None)
    problems = []
    if wrong.any():
        problems.append(
            f"no dictionary of conditions and positive weights: {name_some(cells[wrong].unique())} "
            f"({rows_of(wrong)})"
        )
    labels = cells.map(lambda cell: _top(read.get(cell) or {}))
    return labels.astype("string"), problems


def _read(cell: str) -> dict[str, float] | None:
    """Return the weights that a cell holds, None when it holds something else."""
    if len(cell) > LONGEST:
        return None
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    if not isinstance(found, dict):
        return None
    good = all(
        isinstance(name, str) and name.strip() and isinstance(weight, float | int) and 0 < weight < math.inf
        for name, weight in found.items()
    )
    return {name.strip(): float(weight) for name, weight in found.items()} if good else None


def _top(weights: Mapping[str, float]) -> str | None:
    if not weights:
        return None
    largest = max(weights.values())
    best = [name for name, weight in weights.items() if weight == largest]
    return best[0] if len(best) == 1 else TIE
