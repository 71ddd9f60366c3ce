"""``index.jsonl``: what happened to a board, one line an event, each with the hash of the line before.

Only ever added to. An entry that was removed, a line that was edited, taken out or moved breaks the chain or
contradicts the folders, and :func:`read_index` names the first line where it does. A chain that was rewritten
as a whole is consistent; it is found by a hash of the last line that someone else noted
(:func:`goes_through`), or by the history of the repository.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dermbench.artifacts.entry import ENTRY
from dermbench.artifacts.files import write_text
from dermbench.artifacts.hashing import file_digest, text_digest
from dermbench.errors import InputError
from dermbench.leaderboard.board import INDEX

if TYPE_CHECKING:
    from pathlib import Path

Action = Literal["add", "replace", "remove"]
START = text_digest("dermbench.index/1")
"""What the first line carries as the hash of the line before it."""
_DIGEST = r"^sha256:[0-9a-f]{64}$"


class Line(BaseModel):
    """One event.

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

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    sequence: int
    action: Action
    slug: str = Field(pattern=r"^[a-z0-9-]+$")
    entry: str = Field(pattern=_DIGEST)
    truth: str = Field(pattern=_DIGEST)
    previous: str = Field(pattern=_DIGEST)

    @cached_property
    def text(self) -> str:
        """The line as it stands in the file, without its end."""
        return json.dumps(self.model_dump())

    @cached_property
    def digest(self) -> str:
        """Hash of :attr:`text`."""
        return text_digest(self.text)


class Index:
    """The lines of a whole chain.

    Attributes
    ----------
    lines
        In order; see :class:`Line`.
    current
        {slug: last line about it} of the entries that were not removed.
    """

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        last = {line.slug: line for line in lines}
        self.current = {slug: line for slug, line in sorted(last.items()) if line.action != "remove"}

    @property
    def head(self) -> str:
        """Hash of the last line; of an empty index :data:`START`."""
        return self.lines[-1].digest if self.lines else START

    def goes_through(self, head: str) -> bool:
        """Return whether ``head`` is the hash of one of the lines: only lines were added since."""
        return any(line.digest == head for line in self.lines)


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
            lines.append(Line.model_validate_json(text))
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"line {number} is no line of an index: {'.'.join(map(str, first['loc']))} {first['msg']}"
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


def append(board: Path, action: Action, slug: str, *, entry: str, truth: str) -> None:
    """Add a line to the index, atomically; to be called under the lock of the board."""
    index = read_index(board)
    line = Line(
        sequence=len(index.lines) + 1, action=action, slug=slug, entry=entry, truth=truth, previous=index.head
    )
    write_text(board / INDEX, "".join(f"{one.text}\n" for one in (*index.lines, line)))


def entry_digest(folder: Path) -> str:
    """Return the content hash of an entry folder's ``entry.toml``."""
    return file_digest(folder / ENTRY)


def _first_break(lines: list[Line]) -> str:
    """Name the first line that does not continue the one before, or tells of an impossible event."""
    there: set[str] = set()
    heads = [START, *(line.digest for line in lines)]
    for number, (previous, line) in enumerate(zip(heads, lines, strict=False), start=1):
        if line.sequence != number:
            return f"line {number} has the sequence number {line.sequence}: a line was removed or moved"
        if line.previous != previous:
            return f"line {number} does not continue line {number - 1}: line {number - 1} was edited or replaced"
        if (line.slug in there) != (line.action != "add"):
            return f"line {number} says {line.action} of {line.slug}, which the lines before rule out"
        there = there - {line.slug} if line.action == "remove" else there | {line.slug}
    return ""
