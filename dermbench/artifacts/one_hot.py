"""Labels in one column per class: 1 for the class of the image, 0 for the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.labels import match_labels
from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class OneHot:
    """A table whose class columns were combined into one column.

    Attributes
    ----------
    table
        The other columns, and ``label``.
    classes
        Classes of the combined columns, in their order.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Sentence for the report."""
        return f"Labels from one column a class: {', '.join(self.classes)}."


def read_one_hot(
    table: pd.DataFrame, id_column: str, classes: Sequence[str], *, source: Path | str
) -> OneHot | None:
    """Read labels of a table with one column per class.

    Parameters
    ----------
    table
        A table without a column of labels, with its original column names.
    id_column
        Column of the ids.
    classes
        Class set: only columns named like a class are read. If empty, all columns that hold only 0 and 1.
    source
        Origin of the table, for messages.

    Returns
    -------
    OneHot or None
        None if fewer than two columns can be classes.

    Raises
    ------
    InputError
        When a row has not exactly one 1 in these columns.
    """
    names = [str(column) for column in table.columns if column != id_column]
    if classes:
        matched = match_labels(names, classes)
        names = [name for name, known in zip(names, matched.notna(), strict=True) if known]
    values = {name: pd.to_numeric(table[name].astype("string"), errors="coerce") for name in names}
    names = [name for name in names if bool(values[name].isin([0, 1]).all())]
    if len(names) < 2 or table.empty:
        return None
    ones = np.column_stack([values[name].to_numpy(np.float64) for name in names])
    wrong = np.flatnonzero(ones.sum(axis=1) != 1)
    if len(wrong):
        lines = ", ".join(str(row + 2) for row in wrong[:5]) + (" …" if len(wrong) > 5 else "")
        problem = f"no column for label; the columns of 0 and 1 ({', '.join(names)}) need exactly one 1 per row"
        raise InputError(
            source,
            [f"{problem}; {len(wrong):,} rows do not have it: {lines}"],
            remedy="Name the column of labels with --label COL, or the classes with --classes A,B.",
        )
    label = np.asarray(names, dtype=object)[ones.argmax(axis=1)]
    rest = table.drop(columns=names)
    return OneHot(rest.assign(label=pd.array(label, dtype="string")), tuple(names))
