"""Reading of the header of a safetensors file, without its tensors and without other libraries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dermbench.artifacts.guarded import open_plain, parse_json
from dermbench.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

HEADER_BYTES = 16 << 20
METADATA = "__metadata__"


def read_tensor_header(path: Path | str) -> dict[str, JsonValue]:
    """Return the header of a safetensors file: {name: entry}, with ``__metadata__`` if there are any.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When the header is damaged or too large.
    """
    with open_plain(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise InputError(path, ["not a safetensors file, or cut off: its header is incomplete"])
        if length > HEADER_BYTES:
            raise InputError(path, [f"its header is larger than {HEADER_BYTES >> 20} MB"])
        header = parse_json(path, bytes(stream.read(length)))
    if not isinstance(header, dict):
        raise InputError(path, ["not a safetensors file: its header is not a JSON object"])
    return header


def read_metadata(path: Path | str, key: str) -> str | None:
    """Return one text from the metadata of a safetensors file; None if there is no such key.

    Raises
    ------
    UsageError, InputError
        As :func:`read_tensor_header`.
    """
    metadata = read_tensor_header(path).get(METADATA, {})
    text = metadata.get(key) if isinstance(metadata, dict) else metadata
    if text is not None and not isinstance(text, str):
        raise InputError(path, [f"its metadata {key!r} is not text"])
    return text
