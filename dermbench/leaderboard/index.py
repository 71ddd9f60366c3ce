"""``index.jsonl``: what happened to a board, one line an event, each with the hash of the line before.

Lines are only ever added. The first one records the settings of the board; the others record changes of entries
and of settings. A line that was edited, removed or moved breaks the chain, and :func:`read_index` names the first
line where it does. A chain that was rewritten as a whole is consistent; it is found by comparison with the hash of
the last line that someone else noted (:meth:`Index.since`), or with the history of the repository.
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
"""What the first line carries as the hash of the line before it."""
_DIGEST = r"^sha256:[0-9a-f]{64}$"


class _Line(BaseModel):
    """What all lines have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @cached_property
    def text(self) -> str:
        """The line as it stands in the file, without its end."""
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
    """The lines of a whole chain.

    Attributes
    ----------
    lines
        In order.
    current
        {slug: last line about it} of the entries that were not removed.
    settings
        Last line with settings; None in an empty index.
    """

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        last = {line.slug: line for line in self.entry_lines}
        self.current = {slug: line for slug, line in sorted(last.items()) if line.action != "remove"}
        self.settings = next((one for one in reversed(lines) if isinstance(one, SettingsLine)), None)

    @property
    def entry_lines(self) -> list[EntryLine]:
        """The lines about entries, in order."""
        return [line for line in self.lines if isinstance(line, EntryLine)]

    @property
    def head(self) -> str:
        """Hash of the last line; of an empty index :data:`START`."""
        return self.lines[-1].digest if self.lines else START

    def since(self, head: str) -> tuple[Line, ...] | None:
        """Return the lines after the one with the hash ``head``; None when there is no such line."""
        digests = [START, *(line.digest for line in self.lines)]
        return self.lines[digests.index(head) :] if head in digests else None


def read_index(board: Path) -> Index:
    """Read the index of a board folder; empty when there is none yet.

    Raises
    ------
    InputError
        With the first line that is no index line, or where the chain breaks.
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
            path, [problem], remedy="The index is only ever added to: restore it from the repository's history."
        )
    return Index(tuple(lines))


def append_entry(board: Path, action: Action, slug: str, *, entry: str, truth: str) -> None:
    """Record what happened to an entry, atomically; to be called under the lock of the board."""
    index = read_index(board)
    number, head = len(index.lines) + 1, index.head
    line = EntryLine(sequence=number, action=action, slug=slug, entry=entry, truth=truth, previous=head)
    _write(board, (*index.lines, line))


def append_settings(board: Path, settings: Settings) -> None:
    """Record the settings, atomically; to be called under the lock of the board."""
    index = read_index(board)
    line = SettingsLine(sequence=len(index.lines) + 1, settings=settings, previous=index.head)
    _write(board, (*index.lines, line))


def entry_digest(folder: Path) -> str:
    """Return the content hash of an entry folder's ``entry.toml``."""
    return file_digest(folder / ENTRY)


def _write(board: Path, lines: tuple[Line, ...]) -> None:
    write_text(board / INDEX, "".join(f"{line.text}\n" for line in lines))


def _first_break(lines: list[Line]) -> str:
    """Name the first line that does not continue the one before, or tells of an impossible event."""
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
            return f"line {number} says {line.action} of {line.slug}, which the lines before rule out"
        there = there - {line.slug} if line.action == "remove" else there | {line.slug}
    return ""
