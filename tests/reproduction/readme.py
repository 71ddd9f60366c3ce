"""What a README claims: commands with their output, and excerpts of generated files.

``<!-- reproduce -->`` before a fenced block of ``dermbench …`` commands says that running them prints the next
fenced block; ``<!-- reproduce to .03 -->`` says so of all but fractions, which may be .03 away.
``<!-- excerpt: FILE -->`` before a paragraph says that its lines stand in one paragraph of FILE, a table say.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

FENCE = r"^```[^\n]*\n(.*?)^```[ \t]*$"
STEM = r"^<!-- reproduce(?: to (\d*\.\d+))? -->"
CLAIM = re.compile(rf"{STEM}\s*\n{FENCE}(?:(?!^```|^<!--).)*?{FENCE}", re.DOTALL | re.MULTILINE)
MARK = re.compile(STEM, re.MULTILINE)
EXCERPT = re.compile(r"^<!-- excerpt: (\S+) -->[ \t]*\n\s*((?:[^\n]+(?:\n|\Z))+)", re.MULTILINE)
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
FRACTION = re.compile(r"(?<![\d.])\d*\.\d+(?![\d.])")
SECONDS = re.compile(r"\b\d+(?:[.,:]\d+)*(?= ?(?:ms|s|sec|seconds?|min|minutes?|images/s|it/s)\b)")


@dataclass(frozen=True)
class Claim:
    """Commands, each as arguments behind ``dermbench``, and the lines they are said to print.

    Fractions may be ``tolerance`` away.
    """

    commands: tuple[tuple[str, ...], ...]
    output: str
    tolerance: float = 0.0


def claims(text: str) -> list[Claim]:
    """Return what the marked blocks claim; a mark without both blocks, or another command, raises ValueError."""
    found = [
        Claim(tuple(map(_arguments, _lines(code))), output, float(tolerance or 0))
        for tolerance, code, output in CLAIM.findall(text)
    ]
    if len(found) != len(MARK.findall(text)):
        raise ValueError("a <!-- reproduce --> mark needs a fenced block of commands, then one of output")
    return found


def excerpts(text: str) -> list[tuple[str, list[str]]]:
    """Return each named file with the lines that are said to stand in it, links made relative to its folder."""
    return [
        (name, body.replace(f"]({PurePosixPath(name).parent}/", "](").splitlines())
        for name, body in EXCERPT.findall(text)
    ]


def absent(lines: list[str], text: str) -> str | None:
    """Return the first line of an excerpt that the paragraph with most of them lacks, None when one has all."""
    missing = [
        [line for line in lines if line not in paragraph.splitlines()] for paragraph in re.split(r"\n\s*\n", text)
    ]
    return next(iter(min(missing, key=len)), None)


def masked(text: str) -> list[str]:
    """Return the lines that do not depend on the clock or the width of a terminal.

    Durations become ``#``; rules drawn behind a heading, blank lines and trailing blanks go.
    """
    lines = (SECONDS.sub("#", line).rstrip(" \N{BOX DRAWINGS LIGHT HORIZONTAL}-") for line in text.splitlines())
    return [line for line in lines if line]


def alike(one: str, two: str, tolerance: float) -> bool:
    """Return whether two lines differ in their fractions alone, and in none by more than ``tolerance``."""
    if FRACTION.sub("#", one) != FRACTION.sub("#", two):
        return False
    pairs = zip(FRACTION.findall(one), FRACTION.findall(two), strict=True)
    return all(a == b or abs(float(a) - float(b)) < tolerance + 1e-9 for a, b in pairs)


def first_difference(shown: str, printed: str, tolerance: float = 0.0) -> str | None:
    """Say which shown line is not printed where it is shown; None when all are, in one piece.

    A line ``\N{HORIZONTAL ELLIPSIS}`` stands for any number of printed lines; fractions may be ``tolerance`` away.
    """
    right, cut = masked(printed), False
    for wanted in masked(shown):
        if wanted == ELLIPSIS:
            cut = True
            continue
        if cut:
            there = (number for number, line in enumerate(right) if alike(wanted, line, tolerance))
            right = right[next(there, 0) :]
        if not right:
            return f"only one of both shows {wanted!r}"
        if not alike(wanted, right[0], tolerance):
            return f"shows {wanted!r}, prints {right[0]!r}" if not cut else f"nowhere prints {wanted!r}"
        right, cut = right[1:], False
    return None if cut or not right else f"only one of both prints {right[0]!r}"


def _lines(code: str) -> list[str]:
    return [line for line in code.replace("\\\n", " ").splitlines() if line.strip()]


def _arguments(line: str) -> tuple[str, ...]:
    words = shlex.split(line.removeprefix("$ "), comments=True)
    if words[:1] != ["dermbench"] or {";", "&&", "|", ">"} & set(words):
        raise ValueError(f"a marked block holds plain dermbench commands, not {line!r}")
    return tuple(words[1:])
