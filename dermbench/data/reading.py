"""What every source does with a release's table: read it, require columns, match labels, name rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from dermbench.tasks import Task

HEADER_ROWS = 2
"""Index 0 of a table is line 2 of its file."""


def read_columns(path: Path, required: Sequence[str], *, key: str) -> pd.DataFrame:
    """Read a release's table as text with ``<NA>`` for empty cells.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, ``.xlsx`` or ``.parquet``.
    required
        Columns that must be there.
    key
        Column that must be filled in and unique.

    Raises
    ------
    InputError
        When there is no row, a column is missing, or an id is missing or repeated.
    """
    table = read_table(path).frame
    missing = [name for name in required if name not in table]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise InputError(path, [f"no column {name}; found {found}" for name in missing])
    if table.empty:
        raise InputError(path, ["has no rows"])
    text = table.apply(lambda column: to_text(column).str.strip())
    problems = id_problems(text[key], key)
    if problems:
        raise InputError(path, problems)
    return text


def id_problems(ids: pd.Series, name: str) -> list[str]:
    """Say which rows have no id or one that occurs before."""
    problems = []
    if ids.isna().any():
        problems.append(f"no {name} in {rows_of(ids.isna())}")
    repeated = ids.duplicated() & ids.notna()
    if repeated.any():
        problems.append(f"repeated {name}: {name_some(ids[repeated].unique())} ({rows_of(repeated)})")
    return problems


def labels_of(values: pd.Series, task: Task, classes: Sequence[str], source: Path) -> pd.Series:
    """Map a release's labels to classes.

    Raises
    ------
    InputError
        When a row has no label, or one that is no class of the task.
    """
    labels = match_labels(values, classes, aliases=task.aliases).set_axis(values.index)
    problems = []
    if values.isna().any():
        problems.append(f"no label in {rows_of(values.isna())}")
    unknown = values.notna() & labels.isna()
    if unknown.any():
        problems.append(
            f"labels that {task.name} does not have: {name_some(values[unknown].unique())} ({rows_of(unknown)})"
        )
    if problems:
        raise InputError(source, problems, remedy=f"Classes of {task.name}: {', '.join(classes)}")
    return labels


def rows_of(mask: pd.Series) -> str:
    """Name the lines of a file where ``mask`` holds: ``rows 2, 5, 9 and 3 more``."""
    lines = (np.flatnonzero(mask.to_numpy(dtype=bool)) + HEADER_ROWS).tolist()
    more = f" and {len(lines) - 5:,} more" if len(lines) > 5 else ""
    return f"row{'s' * (len(lines) != 1)} {', '.join(map(str, lines[:5]))}{more}"
