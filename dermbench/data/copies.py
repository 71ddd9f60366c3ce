"""Which images count as copies of each other: an option of every source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.duplicates import Duplicates, read_duplicates
from dermbench.data.usable import FOUND
from dermbench.errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas as pd

DUPLICATES = "duplicates"
KINDS = ("exact", "near")
"""Values of ``duplicates``, an option of every source, the default first."""


@dataclass(frozen=True)
class Copies:
    """What counts as a copy.

    Attributes
    ----------
    name
        One of :data:`KINDS`, or the name of a file.
    groups, source
        Groups of the file, and where it is.
    """

    name: str
    groups: Duplicates | None = None
    source: Path = Path()

    def joined(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add the groups of the file to the table; images with equal bytes join the same group.

        Raises
        ------
        InputError
            When the file names no image of the table.
        """
        if self.groups is None:
            return table
        known = table["image_id"].map(self.groups.group_of()).astype("string")
        if known.isna().all():
            raise InputError(self.source, ["none of its images is in the release"])
        first = known.groupby(table[FOUND].fillna(table["image_id"])).transform("first")
        return table.assign(**{FOUND: known.fillna(first).fillna(table[FOUND])})


def read_copies(value: str) -> Copies:
    """Read the option ``duplicates``.

    Raises
    ------
    UsageError
        When it is not one of :data:`KINDS` or a file.
    InputError
        When the file holds no groups.
    """
    if value in KINDS:
        return Copies(value)
    path = Path(value)
    if not path.is_file():
        raise UsageError(f"--set {DUPLICATES}={value}: write {', '.join(KINDS)} or a file that data audit wrote")
    return Copies(path.name, read_duplicates(path), path)
