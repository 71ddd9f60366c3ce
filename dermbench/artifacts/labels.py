"""Class names as releases spell them, matched to a task's own spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SEPARATORS = re.compile(r"[\s_\-]+")


def fold(name: str) -> str:
    """Return a spelling-insensitive key: lower case, with runs of space, ``_`` and ``-`` as one ``-``."""
    return SEPARATORS.sub("-", name.strip().lower())


def match_labels(
    values: Iterable[str], classes: Sequence[str], *, aliases: Mapping[str, str] | None = None
) -> pd.Series:
    """Map spellings to classes.

    Parameters
    ----------
    values
        Names as found, shape (n,).
    classes
        The task's classes; an exact match wins over a folded one.
    aliases
        Further spellings, each with its class.

    Returns
    -------
    pandas.Series
        Class names, shape (n,), ``<NA>`` where nothing matches.

    Raises
    ------
    UsageError
        When two classes differ in nothing but their spelling.
    """
    known: dict[str, str] = {}
    for name in classes:
        if fold(name) in known:
            raise UsageError(f"classes {known[fold(name)]!r} and {name!r} differ only in spelling")
        known[fold(name)] = name
    known |= {fold(alias): name for alias, name in (aliases or {}).items()}
    column = pd.Series(list(values), dtype="string")
    return column.map(lambda text: known.get(fold(text)), na_action="ignore").astype("string")
