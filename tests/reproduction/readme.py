"""What a README claims: commands with their output, and excerpts of generated files.

``<!-- reproduce -->`` before a fenced block of ``dermbench …`` commands says that running them prints the next
fenced block. ``<!-- excerpt: FILE -->`` before a paragraph says that each of its lines is a line of FILE.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

FENCE = r"^```[^\n]*\n(.*?)^```[ \t]*$"
CLAIM = re.compile(rf"^<!-- reproduce -->\s*\n{FENCE}(?:(?!^```|^<!--).)*?{FENCE}", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"^<!-- reproduce -->", re.MULTILINE)
EXCERPT = re.compile(r"^<!-- excerpt: (\S+) -->[ \t]*\n\s*((?:[^\n]+(?:\n|\Z))+)", re.MULTILINE)
SECONDS = re.compile(r"\b\d+(?:[.,:]\d+)*(?= ?(?:ms|s|sec|seconds?|min|minutes?|images/s|it/s)\b)")


@dataclass(frozen=True)
class Claim:
    """Commands, each as arguments behind ``dermbench``, and the lines they are said to print."""

    commands: tuple[tuple[str, ...], ...]
    output: str


def claims(text: str) -> list[Claim]:
    """Return what the marked blocks claim; a mark without both blocks, or another command, raises ValueError."""
    found = [Claim(tuple(map(_arguments, _lines(code))), output) for code, output in CLAIM.findall(text)]
    if len(found) != len(MARK.findall(text)):
        raise ValueError("a <!-- reproduce --> mark needs a fenced block of commands, then one of output")
    return found


def excerpts(text: str) -> list[tuple[str, list[str]]]:
    """Return each named file with the lines that are said to stand in it, links made relative to its folder."""
    return [
        (name, body.replace(f"]({PurePosixPath(name).parent}/", "](").splitlines())
        for name, body in EXCERPT.findall(text)
    ]


def masked(text: str) -> list[str]:
    """Return the lines that do not depend on the clock: durations as ``#``, no blank lines or trailing blanks."""
    lines = (SECONDS.sub("#", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def first_difference(shown: str, printed: str) -> str | None:
    """Say which line of the output differs first; None when none does."""
    left, right = masked(shown), masked(printed)
    for wanted, got in zip(left, right, strict=False):
        if wanted != got:
            return f"shows {wanted!r}, prints {got!r}"
    if len(left) == len(right):
        return None
    longer, verb = (left, "shows") if len(left) > len(right) else (right, "prints")
    return f"only one of both {verb} {longer[min(len(left), len(right))]!r}"


def _lines(code: str) -> list[str]:
    return [line for line in code.replace("\\\n", " ").splitlines() if line.strip()]


def _arguments(line: str) -> tuple[str, ...]:
    words = shlex.split(line.removeprefix("$ "), comments=True)
    if words[:1] != ["dermbench"] or {";", "&&", "|", ">"} & set(words):
        raise ValueError(f"a marked block holds plain dermbench commands, not {line!r}")
    return tuple(words[1:])
