"""Content hashes: of bytes as they lie in a file, and of tables whatever file format holds them."""

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
"""Column that says where an image file lies; it is not part of the content."""


def file_digest(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def digest_and_bytes(path: Path, *, limit: int) -> tuple[str, bytes | None]:
    """Return ``sha256:<hex>`` of a file's bytes and, where there are at most ``limit`` of them, the bytes."""
    with path.open("rb", buffering=0) as stream:
        if os.fstat(stream.fileno()).st_size > limit:
            return file_digest(path), None
        data = stream.readall()
    return f"sha256:{hashlib.sha256(data).hexdigest()}", data


def text_digest(text: str) -> str:
    """Return ``sha256:<hex>`` of a text's UTF-8 bytes."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def table_digest(table: pd.DataFrame, *, key: str = "image_id") -> str:
    """Return ``sha256:<hex>`` of a table's content in a canonical order.

    Rows are sorted by ``key`` and columns by name, so neither order matters; nor does the file format the
    table came from. Floats count with all their bits, a missing value differs from every present one, and
    an integer that a nullable column stores as float counts as the integer it is. The column ``path`` does not
    count: a copy of a dataset with its files in other folders has the same hash.
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
