"""Functions that sources share for a release's table: read it, require columns, match labels, name rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.skin import is_unknown, read_skin
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from dermbench.tasks import Task

HEADER_ROWS = 2
"""Index 0 of a table is line 2 of its file."""


def read_columns(path: Path, required: Sequence[str], *, key: str = "", ids: str = "") -> pd.DataFrame:
    """Read a release's table as text with ``<NA>`` for empty cells; a file without suffix is read as CSV.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, ``.tab``, ``.xlsx`` or ``.parquet``.
    required
        Columns that must be there.
    key
        Column that must be filled in and unique.
    ids
        Column that the caller checks with :func:`id_problems`, so that one message has all problems. It is
        checked here only when columns are missing, because then the caller never gets the table.

    Raises
    ------
    InputError
        When there is no row, a column is missing, or an id of ``key`` is missing or repeated.
    """
    table = read_table(path, suffix=".csv").frame
    found = ", ".join(map(str, table.columns))
    problems = [f"no column {name}; found {found}" for name in required if name not in table]
    if table.empty:
        problems.append("has no rows")
    text = table.apply(lambda column: to_text(column).str.strip())
    checked = key or (ids if problems else "")
    problems += id_problems(text[checked], checked) if checked in text else []
    if problems:
        raise InputError(path, problems)
    return text


def id_problems(ids: pd.Series, name: str) -> list[str]:
    """Name the rows without an id, and those that repeat one."""
    problems = []
    if ids.isna().any():
        problems.append(f"no {name} in {rows_of(ids.isna())}")
    repeated = ids.duplicated() & ids.notna()
    if repeated.any():
        problems.append(f"repeated {name}: {name_some(ids[repeated].unique())} ({rows_of(repeated)})")
    return problems


def labels_of(values: pd.Series, task: Task, classes: Sequence[str], source: Path | str) -> pd.Series:
    """Map a release's labels to classes.

    Raises
    ------
    InputError
        When a row has no label, or a label that is not a class of the task.
    """
    labels, problems = match_classes(values, task, classes)
    refuse(source, problems, classes=classes, task=task)
    return labels


def match_classes(values: pd.Series, task: Task, classes: Sequence[str]) -> tuple[pd.Series, list[str]]:
    """Map a release's labels to classes; return them and the problems of the labels."""
    labels = match_labels(values, classes, aliases=task.aliases).set_axis(values.index)
    problems = []
    if values.isna().any():
        problems.append(f"no label in {rows_of(values.isna())}")
    unknown = values.notna() & labels.isna()
    if unknown.any():
        problems.append(
            f"labels that {task.name} does not have: {name_some(values[unknown].unique())} ({rows_of(unknown)})"
        )
    return labels, problems


def refuse(source: Path | str, problems: Sequence[str], *, classes: Sequence[str], task: Task) -> None:
    """Raise one error with all problems of a release's table, if there are any.

    Raises
    ------
    InputError
        When there are problems; the remedy names the classes.
    """
    if problems:
        remedy = f"Classes of {task.name}: {', '.join(classes)}" if classes else None
        raise InputError(source, problems, remedy=remedy)


def contradictions(table: pd.DataFrame, unit: str, column: str) -> list[str]:
    """Name the units that have several values of a column that should have one value a unit.

    Parameters
    ----------
    table
        Table of a release, with its own column names.
    unit
        Column of the ids, for example ``lesion_id``.
    column
        Column with one value a unit, for example the diagnosis; unknown values never contradict.
    """
    known = table[table[unit].notna() & table[column].notna()]
    several = known.groupby(unit)[column].transform("nunique") > 1
    if not several.any():
        return []
    wrong = known[several]
    named = [f"{name} ({' / '.join(sorted(set(rows)))})" for name, rows in wrong.groupby(unit)[column]]
    rows = rows_of(table.index.to_series().isin(wrong.index))
    return [f"{len(named):,} {unit} with more than one {column}: {name_some(named)} ({rows})"]


def without_unknown(values: pd.Series) -> pd.Series:
    """Replace texts that mean "unknown" by ``<NA>``."""
    return values.mask(is_unknown(values))


def with_skin_type(table: pd.DataFrame, name: str, values: pd.Series) -> pd.DataFrame:
    """Add a column of skin types, ``fst`` or ``fst_<source>``; what a type cannot hold goes to ``<name>_text``.

    Values of ``fst`` that name exactly one band of two types go to ``fst_band``.
    """
    skin = read_skin(values)
    table = table.assign(**{name: skin.fst})
    if skin.text.notna().any():
        table[f"{name}{KEPT}"] = skin.text
    if name == "fst" and (skin.band.notna() & skin.fst.isna()).any():
        table["fst_band"] = skin.band
    return table


def choice(options: Mapping[str, str], name: str, allowed: Sequence[str]) -> str:
    """Return an option with a fixed list of values; the first is the default.

    Raises
    ------
    UsageError
        When it has another value.
    """
    value = options.get(name, allowed[0])
    if value not in allowed:
        raise UsageError(f"--set {name}={value}: write {' or '.join(allowed)}")
    return value


def at_least_one(options: Mapping[str, str], name: str, default: int) -> int:
    """Return an option that is a whole number of at least 1.

    Raises
    ------
    UsageError
        When it is something else.
    """
    value = options.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 9 or int(value) < 1:
        raise UsageError(f"--set {name}={value}: write a whole number from 1")
    return int(value)


def rows_of(mask: pd.Series) -> str:
    """Name the rows of a file where ``mask`` is True: ``rows 2, 5, 9 and 3 more``."""
    lines = (np.flatnonzero(mask.to_numpy(dtype=bool)) + HEADER_ROWS).tolist()
    more = f" and {len(lines) - 5:,} more" if len(lines) > 5 else ""
    return f"row{'s' * (len(lines) != 1)} {', '.join(map(str, lines[:5]))}{more}"
