"""Common steps for tables of every file format: names of columns, and unnamed columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.text_form import to_numbers, to_text
from dermbench.errors import InputError, name_some

MAX_COLUMNS = 16_384
"""Most columns of a table, as in Excel."""
UNNAMED = r"(?:Unnamed: \d+(?:\.\d+)?|Unnamed: \d+_level_\d+|__index_level_\d+__|)"
"""Names that programs give to a column without a name."""


@dataclass(frozen=True)
class RawTable:
    """A table as read from its file format.

    Attributes
    ----------
    names
        Header; it may hold empty and repeated names.
    frame
        Columns 0, 1, ... in the order of ``names``.
    facts
        Deviations from the standard form and how they were read, in a few words each.
    decimal_comma
        As in :class:`~dermbench.artifacts.tables.Table`.
    """

    names: Sequence[str]
    frame: pd.DataFrame
    facts: tuple[str, ...] = ()
    decimal_comma: bool = False


def check_names(source: Path | str, names: Sequence[str]) -> None:
    """Check the number of columns, and that no name is repeated.

    Raises
    ------
    InputError
        When there are too many columns, or repeated names.
    """
    if len(names) > MAX_COLUMNS:
        problem = f"has {len(names):,} columns, more than {MAX_COLUMNS:,}"
        raise InputError(source, [problem], remedy="Keep the columns that are needed.")
    repeated = sorted(name for name, n in Counter(name.strip() for name in names).items() if n > 1 and name)
    if repeated:
        shown = ", ".join(map(repr, repeated[:20])) + (f" and {len(repeated) - 20:,} more" * (len(repeated) > 20))
        raise InputError(source, [f"repeated columns: {shown}; keep one of each"])


def named_columns(source: Path | str, raw: RawTable) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the table with its header and without unnamed columns, and a list of what was done.

    An unnamed first column is the index that pandas and R write. It becomes ``image_id`` if no other column holds
    ids and its values are not row numbers. Otherwise it is left out, like empty unnamed columns.

    Raises
    ------
    InputError
        When another column has values but no name, or names are repeated.
    """
    names = pd.Series([str(name).strip() for name in raw.names], dtype=object)
    check_names(source, names.tolist())
    frame, facts = raw.frame, list(raw.facts)
    unnamed = [int(i) for i in np.flatnonzero(names.str.fullmatch(UNNAMED).to_numpy(dtype=bool))]
    filled = [i for i in unnamed if to_text(frame[i]).notna().any()]
    empty = set(unnamed) - set(filled)
    index = next((i for i in filled if i == 0 or names[i].startswith("__index")), None)
    wrong = [i for i in filled if i != index and not names[i].startswith("__index")]
    if wrong:
        problem = f"column {name_some(i + 1 for i in wrong)} has values but no name".replace("'", "")
        raise InputError(source, [problem], remedy="Name every column in the first line, or delete it.")
    dropped = set(unnamed)
    if index is not None:
        if _holds_ids(names.drop(unnamed), frame[index]):
            names[index] = "image_id"
            dropped.discard(index)
            facts.append("unnamed index column read as image_id")
        else:
            facts.append("unnamed index column left out")
    if empty:
        facts.append(f"{len(empty):,} empty unnamed column{'s' * (len(empty) > 1)} left out")
    if dropped:
        frame = frame.drop(columns=sorted(dropped))
        names = names.drop(sorted(dropped))
    return frame.set_axis(names.tolist(), axis=1), tuple(facts)


def has_ids(names: Iterable[str]) -> bool:
    """Return whether one of these columns holds the ids of images."""
    try:
        return find_column(pd.DataFrame(columns=list(dict.fromkeys(names))), "image_id") is not None
    except InputError:  # several columns do; reported when the ids are read
        return True


def whole_numbers(column: pd.Series) -> bool:
    """Return whether a column holds only whole numbers, as the index of a table does."""
    values = to_numbers(column).to_numpy()
    return bool(np.isfinite(values).all() and (values == np.trunc(values)).all())


def _holds_ids(others: pd.Series, index: pd.Series) -> bool:
    return not has_ids(others.tolist()) and not whole_numbers(index)
