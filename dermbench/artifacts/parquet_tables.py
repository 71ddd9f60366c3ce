"""Reading of untrusted parquet files: types, sizes and text are checked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dermbench.artifacts.guarded import check_plain
from dermbench.artifacts.raw_tables import RawTable, check_names
from dermbench.errors import InputError

MAX_BYTES = 1 << 30
"""Most bytes of all columns of a file after unpacking."""
BATCH_ROWS = 1 << 16
LIST_ROWS = 1 << 8
"""Rows per batch; fewer if cells hold lists, whose lengths are unknown before reading."""
GROUP_BYTES = 64 << 20
"""Bytes of the columns that are read together."""
TEXT_BYTES = 32
"""Assumed bytes of a text."""
NULLABLE = {
    getattr(pa, f"{sign}int{bits}")(): getattr(pd, f"{'U' if sign else ''}Int{bits}Dtype")()
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
"""Nullable types, which keep integers as integers beside missing values."""
ONE_VALUE = "Write one value a cell, as text or number."


def read_parquet(source: Path, *, lists: bool = False) -> RawTable:
    """Read a parquet file; columns keep their types, and metadata of pandas are ignored.

    Parameters
    ----------
    source
        The file.
    lists
        Whether a cell may hold a list of numbers.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not a parquet file, cells hold several values or damaged text, or it unpacks to more than
        :data:`MAX_BYTES`.
    """
    check_plain(source)
    try:
        with pa.OSFile(str(source)) as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            check_names(source, schema.names)
            _check_types(source, schema, lists=lists)
            _check_size(source, file.metadata, schema)
            with pq.ParquetFile(stream, read_dictionary=_texts(schema)) as coded:
                frame = _to_frame(source, coded if _may_be_long(source, coded) else file)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(source, [f"not a readable parquet table: {_first_line(error)}"]) from error
    return RawTable(schema.names, frame)


def _check_types(source: Path, schema: pa.Schema, *, lists: bool) -> None:
    wrong = [field for field in schema if not (_is_single(field.type) or (lists and _is_list(field.type)))]
    problems = [f"column {field.name!r} holds {field.type}" for field in wrong]
    if problems:
        more = [f"{len(problems) - 20:,} more such columns"] if len(problems) > 20 else []
        raise InputError(source, problems[:20] + more, remedy=ONE_VALUE)


def _is_single(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_single(kind.value_type) and not pa.types.is_dictionary(kind.value_type)
    known = (pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return _is_text(kind) or pa.types.is_temporal(kind) or any(one(kind) for one in known)


def _is_list(kind: pa.DataType) -> bool:
    known = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(one(kind) for one in known) and (
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if _is_text(field.type)]


def _check_size(source: Path, meta: pq.FileMetaData, schema: pa.Schema) -> None:
    """Refuse a file that unpacks to too many bytes according to its metadata.

    Metadata of single columns are not read: damaged ones crash pyarrow.
    """
    size = max(meta.num_rows * sum(_width(field.type) for field in schema), _stored(meta))
    if meta.num_rows < 0 or size > MAX_BYTES:
        raise _too_large(source, size)


def _stored(meta: pq.FileMetaData) -> int:
    """Return the bytes of all columns before compression."""
    return sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))


def _width(kind: pa.DataType) -> int:
    """Return the bytes of a value in memory; 0 if they vary."""
    if pa.types.is_dictionary(kind):
        return _width(kind.value_type)
    if pa.types.is_decimal(kind):
        return 32  # it becomes text
    return 0 if _is_text(kind) else 8


def _too_large(source: Path, size: int) -> InputError:
    return InputError(source, [f"unpacks to {size:,} bytes or more; at most {MAX_BYTES:,} are read"])


def _may_be_long(source: Path, file: pq.ParquetFile) -> bool:
    """Return whether texts may unpack to more than :data:`MAX_BYTES`, according to their dictionaries.

    A text occupies its bytes in the file once, but a dictionary can use it for many rows. Texts that may be long
    are read as dictionary codes, which is slower.
    """
    meta, schema = file.metadata, file.schema_arrow
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    longest = 0
    try:
        for k in range(meta.num_row_groups if names else 0):
            for batch in itertools.islice(file.iter_batches(1, row_groups=[k], columns=names), 1):
                longest = max([longest, *map(_longest, batch.columns)])
    except (pa.ArrowException, OSError) as error:
        if "Not yet implemented" not in str(error):
            raise
        if meta.num_rows * _stored(meta) <= MAX_BYTES:
            return False
        problem = "holds text in an encoding that does not tell its size"
        raise InputError(source, [problem], remedy="Write the file with the default encodings.") from error
    return bool(_stored(meta) + meta.num_rows * longest * len(names) > MAX_BYTES)


def _longest(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    return pc.max(pc.binary_length(column.dictionary.cast(pa.large_string()))).as_py() or 0


def _to_frame(source: Path, file: pq.ParquetFile) -> pd.DataFrame:
    """Return the columns as 0, 1, ..., read in groups."""
    names = file.schema_arrow.names
    rows = LIST_ROWS if any(map(_is_list, file.schema_arrow.types)) else BATCH_ROWS
    size, problems = 0, []
    found: dict[int, pd.Series] = {}
    for group in _groups(file):
        columns: dict[str, list[pa.Array]] = {names[i]: [] for i in group}
        for batch in file.iter_batches(rows, columns=list(columns)):  # "a" also selects "a.b" of another group
            for name, column in zip(batch.schema.names, _unpacked(source, batch, size), strict=True):
                if name in columns:
                    columns[name].append(column)
                    size += column.nbytes
            if size > MAX_BYTES:
                raise _too_large(source, size)
        for i in group:
            try:
                found[i] = _to_series(columns.pop(names[i]))
            except (pa.ArrowException, ValueError, KeyError, OverflowError) as error:
                problems.append(f"column {names[i]!r} is damaged: {_first_line(error)}")
    if problems:
        raise InputError(source, problems)
    return pd.DataFrame(found, copy=False)


def _groups(file: pq.ParquetFile) -> Iterator[list[int]]:
    """Yield groups of columns that are read together."""
    group: list[int] = []
    size = 0
    for i, field in enumerate(file.schema_arrow):
        group.append(i)
        size += file.metadata.num_rows * (_width(field.type) or TEXT_BYTES)
        if size > GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _unpacked(source: Path, batch: pa.RecordBatch, size: int) -> Iterator[pa.Array]:
    for column in batch.columns:
        if not pa.types.is_dictionary(column.type):
            yield column
            continue
        kind = column.type.value_type
        if _is_text(kind):
            lengths = pc.binary_length(column.dictionary.cast(pa.large_string()))
            size += pc.sum(lengths.cast(pa.int64()).take(column.indices)).as_py() or 0
            if size > MAX_BYTES:
                raise _too_large(source, size)
            kind = pa.large_string()
        yield column.cast(pa.dictionary(column.type.index_type, kind)).dictionary_decode()


def _to_series(parts: list[pa.Array]) -> pd.Series:
    if not parts:
        return pd.Series(np.empty(0), dtype=object)
    column = pa.chunked_array(parts)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    if _is_text(column.type):
        column.validate(full=True)
    has_gaps = bool(column.null_count)
    series: pd.Series = column.to_pandas(types_mapper=NULLABLE.get if has_gaps else None)
    return series


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
