"""``SHA256SUMS``: one line an entry, so that one that was removed or exchanged is missed.

The format is that of ``sha256sum``: inside the board folder ``sha256sum -c SHA256SUMS`` checks it without
dermbench. Each line covers an ``entry.toml``, which in turn holds the hashes of the entry's other files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.files import write_text
from dermbench.artifacts.hashing import file_digest
from dermbench.errors import InputError
from dermbench.leaderboard.board import ENTRIES, INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LINE = re.compile(rf"([0-9a-f]{{64}})  {ENTRIES}/([a-z0-9-]+)/{re.escape(ENTRY)}")


def read_index(board: Path) -> dict[str, str]:
    """Return {slug: hex digest of ``entry.toml``}; empty when there is no index yet.

    Raises
    ------
    InputError
        With every line that is not one of an index, or that names an entry again.
    """
    path = board / INDEX
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            problems.append(f"line {number} is not '<sha256>  {ENTRIES}/<slug>/{ENTRY}'")
        elif match[2] in found:
            problems.append(f"line {number} names {match[2]} again")
        else:
            found[match[2]] = match[1]
    if problems:
        raise InputError(path, problems)
    return found


def write_index(board: Path, index: Mapping[str, str]) -> None:
    """Write the index, sorted by slug, atomically."""
    lines = [f"{digest}  {ENTRIES}/{slug}/{ENTRY}\n" for slug, digest in sorted(index.items())]
    write_text(board / INDEX, "".join(lines))


def entry_digest(folder: Path) -> str:
    """Return the hex digest of an entry folder's ``entry.toml``."""
    return file_digest(folder / ENTRY).removeprefix("sha256:")
