"""Documents of an export: one that an earlier export wrote may be replaced, another may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 1 << 16
"""Bytes in which the mark of an export is looked for."""


def refuse_other_document(path: Path, mark: str) -> None:
    """Refuse to replace a file that no export wrote.

    Parameters
    ----------
    path
        File that will be written.
    mark
        Text that an export puts into the beginning of its file.

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
            f"{path}: is there and was not written by an export", remedy="Choose another --out, or move it away."
        )
