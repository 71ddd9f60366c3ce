"""Matching of class names in any spelling to the classes of a task."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.wording import counted
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SEPARATORS = re.compile(r"[\s_\-]+")
WHOLE = re.compile(r"(-?\d+)\.0+")


def fold(name: str) -> str:
    """Return a spelling-insensitive key: lower case, blanks, ``_`` and ``-`` as one ``-``, ``1.0`` as ``1``."""
    key = unicodedata.normalize("NFC", name).strip().lower()
    number = WHOLE.fullmatch(key)
    return number[1] if number else SEPARATORS.sub("-", key)


def spellings(names: Iterable[str]) -> list[list[str]]:
    """Group names that differ only in spelling, in alphabetical order."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(fold(name), []).append(name)
    return list(found.values())


def spelling_conflicts(labels: pd.Series) -> list[str]:
    """Name the labels that differ only in spelling, each with the number of images."""
    counts = labels.dropna().value_counts()
    doubled = [group for group in spellings(counts.index) if len(group) > 1]
    shown = [", ".join(f"{name!r} ({counted(counts[name], 'image')})" for name in group) for group in doubled]
    return [f"labels that differ only in spelling: {names}" for names in shown]


def not_one_label(labels: pd.Series) -> pd.Series:
    """Return which cells hold a list or a mapping in Python or JSON notation."""
    text = labels.astype("string").str.strip()
    return text.str.fullmatch(r"\[.*\]|\{.*\}|\(.*,.*\)", flags=re.DOTALL).fillna(value=False).astype(bool)


def match_labels(
    values: Iterable[str], classes: Sequence[str], *, aliases: Mapping[str, str] | None = None
) -> pd.Series:
    """Map spellings to classes.

    Parameters
    ----------
    values
        Names as found, shape (n,).
    classes
        Classes of the task.
    aliases
        {further name: class}.

    Returns
    -------
    pandas.Series
        Class names, shape (n,), ``<NA>`` without a match.

    Raises
    ------
    UsageError
        When two classes differ only in spelling.
    """
    known: dict[str, str] = {}
    for name in classes:
        if fold(name) in known:
            raise UsageError(f"classes {known[fold(name)]!r} and {name!r} differ only in spelling")
        known[fold(name)] = name
    known |= {fold(alias): name for alias, name in (aliases or {}).items()}
    column = pd.Series(list(values), dtype="string")
    classes_of = {text: known.get(fold(text)) for text in column.dropna().unique()}
    return column.map(classes_of, na_action="ignore").astype("string")
