"""Errors that a user can act on: one message, no traceback, a process exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_NAMED = 5
"""How many ids a message names before it counts the rest."""


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
    names = [repr(str(i)) for i in ids]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"
