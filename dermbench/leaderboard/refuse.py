"""Refuse to write to a board folder that has links, special files or converted line ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import InputError
from dermbench.leaderboard.contents import scan
from dermbench.leaderboard.line_ends import converted_line_ends

if TYPE_CHECKING:
    from pathlib import Path


def refuse_unsafe(folder: Path) -> None:
    """Refuse a board folder with a link, a special file, an oversized file or converted line ends.

    Raises
    ------
    InputError
        With all findings.
    """
    if not folder.is_dir():
        return
    contents = scan(folder)
    converted = converted_line_ends(folder, contents)
    if problems := [*contents.unsafe, *([converted] if converted else [])]:
        raise InputError(
            folder, problems, remedy="A board may only have plain files and folders as dermbench writes them."
        )
