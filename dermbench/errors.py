"""Errors that a user can fix: each has a message, often a remedy, and an exit code."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_NAMED = 5
"""Number of ids that a message names before it counts the rest."""
MAX_SHOWN = 120
"""Number of characters of an id that a message shows."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of control, reordering and invisible characters."""
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
    """A file or table that cannot be used; lists all its problems.

    Parameters
    ----------
    source
        The file, folder or table with the problems.
    problems
        One sentence per problem.
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
    """Arguments that are wrong or do not fit together."""


class MissingDependencyError(DermbenchError):
    """An optional package that this call needs is not installed."""


class RegistryError(DermbenchError):
    """A plug-in that is unknown, registered twice, fails to import or raises an error."""


class ResumableError(DermbenchError):
    """A run that stopped early and can continue with ``--resume``."""


def name_some(ids: Iterable[object], *, limit: int = MAX_NAMED) -> str:
    """Name the first few ids and count the rest.

    Parameters
    ----------
    ids
        Ids in the order in which to name them.
    limit
        Number of ids to name.

    Returns
    -------
    str
        For example ``'a', 'b' and 12 more``; empty if there are no ids.
    """
    names = [str(i) for i in ids]
    shown = ", ".join(repr(name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…") for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most similar known name, or a list of all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


class Terminated(KeyboardInterrupt):
    """The operating system asked the program to end by a signal; handled like Ctrl-C.

    Parameters
    ----------
    number
        Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def printable(text: object, *, keep: str = LINE_ENDS) -> str:
    r"""Return text with control and invisible characters written as escapes, such as ``\u001b``.

    The escapes are those of JSON, so a JSON document stays valid.

    Parameters
    ----------
    text
        Any text, also untrusted: paths, names, ids, messages of other libraries.
    keep
        Control characters to keep.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(c if c in keep or unicodedata.category(c) not in HIDDEN else _escaped(c) for c in line)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
