"""Base of the typed records (run, report, comparison ...): strict reading, canonical writing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dermbench.artifacts.files import dump_json, write_text
from dermbench.artifacts.guarded import read_json, read_toml
from dermbench.errors import InputError

M = TypeVar("M", bound=BaseModel)

DIGITS = 6
"""Decimals of numbers in a report."""
MAX_PROBLEMS = 100
"""Most problems of one file that a message lists; the rest is counted."""


class Record(BaseModel):
    """A JSON artifact: reading refuses unknown keys, writing is canonical."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, defer_build=True)

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and validate the record.

        Raises
        ------
        UsageError
            When there is no such plain file.
        InputError
            When it is not JSON, or with every key that is missing, unknown or of the wrong type.
        """
        return validated(path, cls, read_json(path))

    def document(self) -> dict[str, Any]:
        """Return the record as plain JSON values under the keys of the file, floats rounded."""
        rounded: dict[str, Any] = rounded_floats(self.model_dump(mode="json", by_alias=True, exclude_unset=False))
        return rounded

    def text(self) -> str:
        """Return the text of the file: sorted keys, rounded floats."""
        return dump_json(self.document())

    def write(self, path: Path | str) -> None:
        """Write the record, atomically."""
        write_text(path, self.text())


def read_model(path: Path | str, model: type[M], *, decimals: bool = False) -> M:
    """Return the typed content of a TOML file; with ``decimals``, numbers keep their digits as written.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not TOML, or with every key that is missing, unknown or of the wrong type.
    """
    return validated(path, model, read_toml(path, decimals=decimals))


def validated(source: Path | str, model: type[M], content: object, *, remedy: str | None = None) -> M:
    """Validate decoded content as a typed record; one :class:`InputError` names ``source`` and all problems."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(source, problems_of(error), remedy=remedy) from error


def problems_of(error: ValidationError) -> list[str]:
    """Return each problem that pydantic found as "place: problem"."""
    found = [
        f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}".removeprefix(": ")
        for e in error.errors(include_url=False, include_input=False)
    ]
    more = len(found) - MAX_PROBLEMS
    return [*found[:MAX_PROBLEMS], f"and {more:,} more"] if more > 0 else found


def rounded_floats(value: Any, *, digits: int = DIGITS) -> Any:
    """Return nested JSON values with floats rounded to ``digits`` decimals; -0.0 becomes 0.0.

    Raises
    ------
    ValueError
        For NaN and infinity; a record holds ``null`` and a reason instead.
    """
    if isinstance(value, dict):
        return {key: rounded_floats(item, digits=digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded_floats(item, digits=digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a record holds no NaN and no infinity")
        return round(value, digits) + 0.0
    return value
