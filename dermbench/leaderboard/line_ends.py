"""Find files of a board whose line ends a version control system has converted to CR LF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.run import RUN
from dermbench.errors import name_some
from dermbench.leaderboard.board import INDEX, entry_folders
from dermbench.leaderboard.contents import REPORT, REPORT_MD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dermbench.leaderboard.contents import Contents

REMEDY = (
    "clone again with `git clone -c core.autocrlf=false`, or keep `leaderboards/** -text` in .gitattributes "
    "(`* -text` where the board is the repository) and check the files out again"
)


def converted_line_ends(folder: Path, contents: Contents) -> str:
    """Return a sentence about hashed files that have CR LF at every line end; empty if there are none."""
    found = [path.relative_to(folder).as_posix() for path in _written(folder, contents) if _is_converted(path)]
    if not found:
        return ""
    named = name_some(found, limit=2)
    return f"CR LF is the line end in {len(found):,} files ({named}); dermbench writes LF: {REMEDY}"


def _written(folder: Path, contents: Contents) -> Iterator[Path]:
    """Yield the text files that only dermbench writes and whose bytes are hashed."""
    if INDEX not in contents.unreadable:
        yield folder / INDEX
    for entry in entry_folders(folder):
        if entry.name not in contents.broken:
            yield from (entry / name for name in (ENTRY, REPORT, REPORT_MD, RUN))


def _is_converted(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False  # missing or unreadable; the code that needs the file reports it
    ends = data.count(b"\n")
    return 0 < ends == data.count(b"\r\n")
