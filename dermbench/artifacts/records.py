"""Shared by the typed records (run, report, entry): strict reading, canonical writing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from dermbench.artifacts.files import dump_json, write_text
from dermbench.errors import InputError, UsageError

DIGITS = 6
"""Decimals that a report keeps."""


class Record(BaseModel):
    """A JSON artifact: unknown keys are refused, writing is canonical."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and validate the record.

        Raises
        ------
        UsageError
            When there is no such file.
        InputError
            With every key that is missing, unknown or of the wrong type.
        """
        source = Path(path)
        if not source.is_file():
            raise UsageError(f"{source}: no such file")
        try:
            return cls.model_validate(json.loads(source.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(source, [f"not JSON: {error}"]) from error
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise InputError(source, problems) from error

    def document(self) -> dict[str, Any]:
        """Return the record as plain JSON values under the keys of the file, floats rounded."""
        rounded: dict[str, Any] = rounded_floats(self.model_dump(mode="json", by_alias=True, exclude_unset=False))
        return rounded

    def text(self) -> str:
        """Return the bytes of the file: sorted keys, rounded floats."""
        return dump_json(self.document())

    def write(self, path: Path | str) -> None:
        """Write the record, atomically."""
        write_text(path, self.text())


def rounded_floats(value: Any, *, digits: int = DIGITS) -> Any:
    """Return nested JSON values with floats rounded to ``digits`` decimals; -0.0 becomes 0.0.

    Raises
    ------
    ValueError
        For NaN and infinity: a record says ``null`` and why.
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
