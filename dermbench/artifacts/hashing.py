"""Content hashes of files, texts and tables; that of a table does not depend on the file format."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1 << 20
LOCATION = "path"
"""Column with the paths of image files; it is not part of the content."""


def file_digest(path: Path) -> str:
    """Return ``sha256:<hex>`` of the bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def digest_and_bytes(path: Path, *, limit: int) -> tuple[str, bytes | None]:
    """Return ``sha256:<hex>`` of the bytes of a file, and the bytes if there are at most ``limit`` (else None)."""
    with path.open("rb", buffering=0) as stream:
        if os.fstat(stream.fileno()).st_size > limit:
            return file_digest(path), None
        data = stream.readall()
    return f"sha256:{hashlib.sha256(data).hexdigest()}", data


def text_digest(text: str) -> str:
    """Return ``sha256:<hex>`` of the UTF-8 bytes of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def table_digest(table: pd.DataFrame, *, key: str = "image_id") -> str:
    """Return ``sha256:<hex>`` of the content of a table in a canonical order.

    Rows are sorted by ``key`` and columns by name, so neither their order nor the file format matters. Floats are
    hashed with all their bits, missing values differ from every value, and integers are hashed alike whether a
    column stores them as integers or floats. The column ``path`` is left out, so that a copy of a dataset in other
    folders has the same hash.
    """
    ordered = table.sort_values(key, kind="stable")
    digest = hashlib.sha256(f"{len(ordered)}".encode())
    for name in sorted(ordered.columns.drop(LOCATION, errors="ignore")):
        missing, payload = _canonical(ordered[name])
        digest.update(f"\x1e{name}\x1e{len(payload)}\x1e".encode())
        digest.update(np.packbits(missing).tobytes())
        digest.update(payload)
    return f"sha256:{digest.hexdigest()}"


def _canonical(column: pd.Series) -> tuple[np.ndarray, bytes]:
    missing = column.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        text = pa.array(column.astype("string").fillna(""), type=pa.large_string())
        length = pc.cast(pc.utf8_length(text), pa.large_string())
        parts = pc.binary_join_element_wise(length, text, pa.scalar(":", pa.large_string()))
        return missing, "".join(parts.to_pylist()).encode()
    values = column.to_numpy(dtype=np.float64, na_value=0.0).astype("<f8")
    values[missing] = 0.0
    return missing, (values + 0.0).tobytes()  # adding 0.0 turns -0.0 into 0.0
