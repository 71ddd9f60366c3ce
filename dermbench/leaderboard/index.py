"""``index.jsonl``: the history of a board, one line per event, each with the hash of the line before.

Lines are only appended. The first one records the settings of the board; the others record changes of entries and
settings. Editing, removing or moving a line breaks the chain, and :func:`read_index` reports the first such line.
A chain that was rewritten from the start is consistent. It is detected by comparing with an earlier head that
somebody noted (:meth:`Index.since`), or with the history of the repository.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.files import write_text
from dermbench.artifacts.hashing import file_digest, text_digest
from dermbench.errors import InputError
from dermbench.leaderboard.board import INDEX
from dermbench.leaderboard.settings import Settings  # noqa: TC001 - pydantic reads annotations at run time

if TYPE_CHECKING:
    from pathlib import Path

Action = Literal["add", "replace", "remove"]
START = text_digest("dermbench.index/2")
"""The ``previous`` hash of the first line."""
_DIGEST = r"^sha256:[0-9a-f]{64}$"


class _Line(BaseModel):
    """Base of all lines."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @cached_property
    def text(self) -> str:
        """The line as written in the file, without its line end."""
        return json.dumps(self.model_dump())

    @cached_property
    def digest(self) -> str:
        """Hash of :attr:`text`."""
        return text_digest(self.text)


class EntryLine(_Line):
    """An entry that was added, replaced or removed.

    Attributes
    ----------
    sequence
        1 for the first line.
    action
        What happened: ``add``, ``replace`` or ``remove``.
    slug
        Folder of the entry.
    entry
        Content hash of its ``entry.toml``, which holds the hashes of the entry's other files.
    truth
        Content hash of the truth the board is scored against.
    previous
        Hash of the line before.
    """

    sequence: int
    action: Action
    slug: str = Field(pattern=r"^[a-z0-9-]+$")
    entry: str = Field(pattern=_DIGEST)
    truth: str = Field(pattern=_DIGEST)
    previous: str = Field(pattern=_DIGEST)


class SettingsLine(_Line):
    """The settings of the board from this line on.

    Attributes
    ----------
    sequence
        1 for the first line.
    action
        ``settings``.
    settings
        Content of ``board.toml`` and ``reported.toml``; see :mod:`dermbench.leaderboard.settings`.
    previous
        Hash of the line before.
    """

    sequence: int
    action: Literal["settings"] = "settings"
    settings: Settings
    previous: str = Field(pattern=_DIGEST)


Line = EntryLine | SettingsLine
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="action")])


class Index:
    """All lines of an index.

    Attributes
    ----------
    lines
        In order.
    current
        {slug: last line about it} of the entries that were not removed.
    withdrawn
        Folders of the entries that were removed and not added again, sorted.
    settings
        Last line with settings; None in an empty index.
    """

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        last = {line.slug: line for line in self.entry_lines}
        self.current = {slug: line for slug, line in sorted(last.items()) if line.action != "remove"}
        self.withdrawn = tuple(sorted(last.keys() - self.current.keys()))
        self.settings = next((one for one in reversed(lines) if isinstance(one, SettingsLine)), None)

    @property
    def entry_lines(self) -> list[EntryLine]:
        """The lines about entries, in order."""
        return [line for line in self.lines if isinstance(line, EntryLine)]

    @property
    def head(self) -> str:
        """Hash of the last line; :data:`START` for an empty index."""
        return self.lines[-1].digest if self.lines else START

    def since(self, head: str) -> tuple[Line, ...] | None:
        """Return the lines after the one with the hash ``head``; None when there is no such line."""
        digests = [START, *(line.digest for line in self.lines)]
        return self.lines[digests.index(head) :] if head in digests else None


def read_index(board: Path) -> Index:
    """Read the index of a board folder; empty if there is none yet.

    Raises
    ------
    InputError
        With the first line that is malformed, or where the chain breaks.
    """
    path = board / INDEX
    if not path.is_file():
        return Index(())
    texts = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines: list[Line] = []
    problem = "" if texts.pop() == "" else "the last line has no end"
    for number, text in enumerate(texts, start=1):
        try:
            lines.append(_LINE.validate_json(text))
        except ValidationError as error:
            first = error.errors()[0]  # the location begins with the action
            where = ".".join(map(str, first["loc"][1:])) or "action"
            problem = f"line {number} is no line of an index: {where} {first['msg']}"
            break
        if lines[-1].text != text:
            problem = f"line {number} was edited: it is not written as dermbench writes it"
            break
    problem = _first_break(lines) or problem
    if problem:
        raise InputError(
            path, [problem], remedy="Lines are only appended to it: restore it from the history of the repository."
        )
    return Index(tuple(lines))


def append_entry(board: Path, action: Action, slug: str, *, entry: str, truth: str) -> None:
    """Append a line about an entry, atomically; call it under the lock of the board."""
    index = read_index(board)
    number, head = len(index.lines) + 1, index.head
    line = EntryLine(sequence=number, action=action, slug=slug, entry=entry, truth=truth, previous=head)
    _write(board, (*index.lines, line))


def append_settings(board: Path, settings: Settings) -> None:
    """Append a line with the settings, atomically; call it under the lock of the board."""
    index = read_index(board)
    line = SettingsLine(sequence=len(index.lines) + 1, settings=settings, previous=index.head)
    _write(board, (*index.lines, line))


def entry_digest(folder: Path) -> str:
    """Return the content hash of an entry folder's ``entry.toml``."""
    return file_digest(folder / ENTRY)


def _write(board: Path, lines: tuple[Line, ...]) -> None:
    write_text(board / INDEX, "".join(f"{line.text}\n" for line in lines))


def _first_break(lines: list[Line]) -> str:
    """Describe the first line that does not continue the one before, or records an impossible event."""
    there: set[str] = set()
    heads = [START, *(line.digest for line in lines)]
    for number, (previous, line) in enumerate(zip(heads, lines, strict=False), start=1):
        if line.sequence != number:
            return f"line {number} has the sequence number {line.sequence}: a line was removed or moved"
        if line.previous != previous:
            return f"line {number} does not continue line {number - 1}: line {number - 1} was edited or replaced"
        if isinstance(line, SettingsLine):
            continue
        if number == 1:
            return "line 1 is about an entry; the first line of an index records the settings of the board"
        if (line.slug in there) != (line.action != "add"):
            return f"line {number} says {line.action} {line.slug}, which contradicts the lines before"
        there = there - {line.slug} if line.action == "remove" else there | {line.slug}
    return ""
