"""The settings of a board by key: the content of ``board.toml`` and ``reported.toml``, without layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from dermbench.leaderboard.board import BOARD, INDEX, REPORTED, Board, read_board
from dermbench.leaderboard.reported import Reported, Row, read_reported
from dermbench.reporting.text import NAME_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Settings = dict[str, dict[str, JsonValue]]
"""``{file: {key: value}}``, without keys that have their default value."""
CONTEXT = 20
"""Number of characters shown before the first difference."""


@dataclass(frozen=True)
class Change:
    """A key whose value differs between two states of the settings.

    Attributes
    ----------
    file, key
        Place of the value; ``row 2.scores.accuracy`` is in the second row.
    before, after
        Both values as text, shortened if long.
    """

    file: str
    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key} {self.before} -> {self.after}"


def read_settings(folder: Path) -> Settings:
    """Read the settings of a board folder.

    Raises
    ------
    DermbenchError
        When ``board.toml`` is missing, or one of the files is malformed.
    """
    return settings_of(read_board(folder), read_reported(folder))


def settings_of(board: Board, rows: Sequence[Row]) -> Settings:
    """Return the settings of a board and its published rows."""
    reported = Reported(schema="dermbench.reported/1", row=tuple(rows))
    return {
        BOARD: board.model_dump(by_alias=True, mode="json", exclude_defaults=True),
        REPORTED: reported.model_dump(by_alias=True, mode="json", exclude_defaults=True),
    }


def compare_settings(before: Settings, after: Settings) -> list[Change]:
    """Return one change per key whose value differs, in the order of files and keys."""
    return [
        Change(file, key, *_excerpts(left, right))
        for file in (BOARD, REPORTED)
        for key, left, right in _differing(_complete(before, file), _complete(after, file), "")
    ]


def common_length(left: str, right: str) -> int:
    """Return the length of the common prefix of two texts."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(left), len(right)))


def contradictions(changes: Sequence[Change], sequence: int) -> list[str]:
    """Return one sentence per key whose value differs from the settings in a line of the index."""
    return [f"{c.file}: {c.key} is {c.after}; line {sequence} of {INDEX} says {c.before}" for c in changes]


def _complete(settings: Settings, file: str) -> dict[str, JsonValue]:
    """Return the settings of one file, with defaults for keys that are not set."""
    model = Board if file == BOARD else Reported
    optional = {name: one for name, one in model.model_fields.items() if not one.is_required() and not one.alias}
    defaults = {
        name: to_jsonable_python(one.get_default(call_default_factory=True)) for name, one in optional.items()
    }
    return defaults | settings.get(file, {})


def _differing(left: JsonValue, right: JsonValue, path: str) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """Yield path and both values of every differing leaf; None for a key that is not set."""
    old, new = _parts(left, path), _parts(right, path)
    if old is None or new is None or not {*old, *new}:
        if left != right:
            yield path, left, right
        return
    for name in sorted({*old, *new}):
        yield from _differing(old.get(name), new.get(name), name)


def _parts(value: JsonValue, path: str) -> dict[str, JsonValue] | None:
    """Return the values inside a table or an array of tables by their paths; None for a single value."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {f"{path}.{plain(key)}" if path else plain(key): item for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return {f"{path} {number}": item for number, item in enumerate(value, start=1)}
    return None


def _excerpts(before: JsonValue, after: JsonValue) -> tuple[str, str]:
    left, right = (_text(value) for value in (before, after))
    same = common_length(left, right)
    start = max(0, same - CONTEXT) if max(len(left), len(right)) > NAME_LIMIT else 0
    return _cut(left, start), _cut(right, start)


def _cut(text: str, start: int) -> str:
    return ("…" if start else "") + plain(text[start:])


def _text(value: JsonValue) -> str:
    if value is None:
        return "not set"
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "empty"
