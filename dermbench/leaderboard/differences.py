"""Find the first difference between the generated files of a board and the rebuilt ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.leaderboard.settings import common_length

if TYPE_CHECKING:
    from pathlib import Path


def first_difference(folder: Path, files: dict[str, str]) -> list[str]:
    """Return one sentence per generated file that differs on disk, with the first differing line."""
    found = []
    for name, wanted in files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: missing")
            continue
        there = path.read_bytes().decode("utf-8", errors="replace")
        if there != wanted:
            found.append(f"{name}: {_line(there, wanted)}")
    return found


def _line(there: str, wanted: str) -> str:
    left, right = there.splitlines(), wanted.splitlines()
    for number, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        if a != b:
            start = max(0, common_length(a, b) - 60)
            return f"line {number} is {_excerpt(a, start)!r}, rebuilt {_excerpt(b, start)!r}"
    shorter = min(len(left), len(right))
    if len(left) == len(right):
        return "line ends differ"
    return f"line {shorter + 1} is {'missing' if len(left) < len(right) else 'left over'}"


def _excerpt(line: str, start: int) -> str:
    """Return 120 characters of a line from ``start``, with dots where it is cut."""
    end = start + 120
    return "…" * (start > 0) + line[start:end] + "…" * (len(line) > end)
