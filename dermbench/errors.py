"""Errors that a user can act on: one message, no traceback, a process exit code."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_NAMED = 5
"""How many ids a message names before it counts the rest."""
MAX_SHOWN = 120
"""How many characters of an id a message shows."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that a terminal obeys, reorders text by, or does not show."""
LINE_ENDS = "\n\t"


class DermbenchError(Exception):
    """Base of every error that dermbench raises on purpose.

    Parameters
    ----------
    message
        What is wrong, naming the file and the row or id.
    remedy
        What the user can do about it.
    """

    exit_code = 2

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message if remedy is None else f"{message}\n{remedy}")
        self.message = message
        self.remedy = remedy


class InputError(DermbenchError):
    """A file or table that cannot be used, with everything that is wrong with it.

    Parameters
    ----------
    source
        The file, folder or table the problems are in.
    problems
        One sentence a problem.
    remedy
        What the user can do about it.
    """

    def __init__(self, source: Path | str, problems: Iterable[str], *, remedy: str | None = None) -> None:
        self.source = str(source)
        self.problems = tuple(problems)
        source = printable(self.source, keep="")
        body = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{source}: {count} problem{'s' * (count != 1)}\n{body}", remedy=remedy)


class UsageError(DermbenchError):
    """A call whose arguments do not fit together."""


class MissingDependencyError(DermbenchError):
    """An optional dependency that this call needs is not installed."""


class RegistryError(DermbenchError):
    """A plug-in name that is unknown, taken twice or fails to import."""


class ResumableError(DermbenchError):
    """A run that stopped before its end and can go on with ``--resume``."""


def name_some(ids: Iterable[object], *, limit: int = MAX_NAMED) -> str:
    """Name the first few ids and count the rest.

    Parameters
    ----------
    ids
        What to name, in the order to name it.
    limit
        How many are spelt out.

    Returns
    -------
    str
        For example ``'a', 'b' and 12 more``; the empty string for no ids.
    """
    names = [str(i) for i in ids]
    shown = ", ".join(repr(name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…") for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the known name nearest to an unknown one, else all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


class Terminated(KeyboardInterrupt):
    """A signal of the system that asks the program to end: handled wherever Ctrl-C is.

    Parameters
    ----------
    number
        Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def printable(text: object, *, keep: str = LINE_ENDS) -> str:
    r"""Return text that a terminal shows as it is: what it would obey or hide is written ``\u001b``.

    Escapes are those of JSON, so that a JSON document remains one.

    Parameters
    ----------
    text
        Anything, of any origin: paths, names, ids, messages of other libraries.
    keep
        Control characters that pass.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(c if c in keep or unicodedata.category(c) not in HIDDEN else _escaped(c) for c in line)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
