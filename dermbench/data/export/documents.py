"""Protect documents: an export may replace only documents that an earlier export wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 1 << 16
"""Number of bytes in which the mark of an export is looked for."""


def refuse_other_document(path: Path, mark: str) -> None:
    """Refuse to replace a file that no export wrote.

    Parameters
    ----------
    path
        File that will be written.
    mark
        Text that an export writes near the beginning of the file.

    Raises
    ------
    UsageError
        When there is such a file.
    """
    if not path.exists() and not path.is_symlink():
        return
    head = b""
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            head = file.read(HEAD)
    if mark.encode() not in head:
        raise UsageError(
            f"{path}: exists and was not written by an export", remedy="Choose another --out, or move it away."
        )
