"""Find the table of a release in its folder, read it as text, and list the files around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dermbench.data.index import FileIndex, image_index, scan
from dermbench.data.reading import read_columns
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from dermbench.data.source import Request

SHOWN = 3
"""Number of ignored files that a message names."""
DEPTH = 2
"""Number of folders below ``root`` in which a table may lie: archives often unpack into folders of their own."""


@dataclass(frozen=True)
class ReleaseTable:
    """A table of a release.

    Attributes
    ----------
    path
        The file.
    raw
        Its columns as text, with ``<NA>`` for empty cells.
    files
        All files of the release, or of the folder that ``images`` names.
    """

    path: Path
    raw: pd.DataFrame
    files: FileIndex


def open_table(request: Request, names: Sequence[str], columns: Sequence[str], *, ids: str = "") -> ReleaseTable:
    """Find the table of a release in ``root`` or up to two folders down, and read it.

    Parameters
    ----------
    request
        With ``images``, where the source has this option: the folder of the photographs.
    names
        File names of the table, the released one first.
    columns
        Columns that must be there.
    ids
        As for :func:`dermbench.data.reading.read_columns`.

    Raises
    ------
    UsageError
        When there is no such table; the remedy says how to get the release.
    InputError
        When it has no rows or lacks a column.
    """
    root = request.raw()
    files = scan(root, skip=request.out)
    path = find_table(request, files, names)
    raw = read_columns(path, columns, ids=ids)
    if "images" in request.options:
        files = image_index(root, request.options["images"], skip=request.out)
    return ReleaseTable(path, raw, files)


def find_table(request: Request, files: FileIndex, names: Sequence[str]) -> Path:
    """Return the first of ``names`` that lies in ``root`` or up to two folders down.

    Raises
    ------
    UsageError
        When none does; the remedy says how to get the release.
    """
    found = (files.named(name, depth=DEPTH) for name in names)
    path = next((p for p in found if p is not None), None)
    if path is None:
        lower = {name.lower() for name in names}
        ignored = [
            f"{file}: {why}" for file, why in files.ignored.items() if PurePosixPath(file).name.lower() in lower
        ]
        why = f" ({'; '.join(ignored[:SHOWN])})" if ignored else ""
        raise UsageError(
            f"{request.raw()}: no {' or '.join(names)} there or up to {DEPTH} folders down{why}",
            remedy=request.task.where,
        )
    return path
