"""Reading parquet files without trusting what they say about themselves: types, sizes and text are checked."""

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
"""Bytes that the columns of a file may unpack to, all together."""
BATCH_ROWS = 1 << 17
GROUP_BYTES = 64 << 20
"""Bytes of the columns that are read side by side."""
PREFIX_CODED = {"DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED_BYTE_ARRAY"}
"""Encodings in which a few bytes stand for a long text."""
NULLABLE = {
    getattr(pa, f"{sign}int{bits}")(): getattr(pd, f"{'U' if sign else ''}Int{bits}Dtype")()
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
"""Types that keep whole numbers whole beside missing values."""
ONE_VALUE = "Write one value a cell, as text or number."


def read_parquet(source: Path) -> RawTable:
    """Read a parquet file; columns keep their types, and what pandas noted about them is ignored.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not a parquet file, a column holds no single values or damaged text, or it unpacks to more than
        :data:`MAX_BYTES`.
    """
    check_plain(source)
    try:
        with pa.OSFile(str(source)) as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            check_names(source, schema.names)
            _check_types(source, schema)
            _check_size(source, file.metadata, schema)
            with pq.ParquetFile(stream, read_dictionary=_texts(schema)) as coded:
                frame = _to_frame(source, coded if _may_be_long(coded) else file)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(source, [f"not a readable parquet table: {_first_line(error)}"]) from error
    return RawTable(schema.names, frame)


def _check_types(source: Path, schema: pa.Schema) -> None:
    problems = [f"column {field.name!r} holds {field.type}" for field in schema if not _is_single(field.type)]
    if problems:
        more = [f"{len(problems) - 20:,} more such columns"] if len(problems) > 20 else []
        raise InputError(source, problems[:20] + more, remedy=ONE_VALUE)


def _is_single(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_single(kind.value_type) and not pa.types.is_dictionary(kind.value_type)
    known = (pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return _is_text(kind) or pa.types.is_temporal(kind) or any(one(kind) for one in known)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if _is_text(field.type)]


def _check_size(source: Path, meta: pq.FileMetaData, schema: pa.Schema) -> None:
    """Refuse a file whose metadata say that it unpacks to too much."""
    rows = meta.num_rows
    size = sum(rows * _width(field.type) for field in schema)
    for i in range(meta.num_row_groups):
        group = meta.row_group(i)
        for k in range(group.num_columns):
            chunk = group.column(k)
            if not _width(schema.field(k).type):
                size += chunk.total_uncompressed_size
                _check_prefixes(source, chunk, group.num_rows)
    if rows < 0 or size > MAX_BYTES:
        raise _too_large(source, size)


def _width(kind: pa.DataType) -> int:
    """Return the bytes of a value in memory, 0 where they vary."""
    if pa.types.is_dictionary(kind):
        return _width(kind.value_type)
    if pa.types.is_decimal(kind):
        return 32  # it becomes text
    return 0 if _is_text(kind) else 8


def _check_prefixes(source: Path, chunk: pq.ColumnChunkMetaData, rows: int) -> None:
    if PREFIX_CODED & set(chunk.encodings) and rows * chunk.total_uncompressed_size > MAX_BYTES:
        problem = f"column {chunk.path_in_schema!r} has the encoding DELTA_BYTE_ARRAY, whose size cannot be told"
        raise InputError(source, [problem], remedy="Write the file with the default encodings.")


def _may_be_long(file: pq.ParquetFile) -> bool:
    """Return whether texts may unpack to more than :data:`MAX_BYTES`, as far as their dictionaries tell.

    A text takes its own bytes in the file, unless it stands for many rows in a dictionary. Texts that may be long
    are read as codes of a dictionary, which takes longer.
    """
    meta = file.metadata
    texts = [i for i, field in enumerate(file.schema_arrow) if pa.types.is_dictionary(field.type)]
    stored = sum(
        meta.row_group(k).column(i).total_uncompressed_size for k in range(meta.num_row_groups) for i in texts
    )
    if meta.num_rows * stored <= MAX_BYTES:
        return False
    names = [file.schema_arrow.names[i] for i in texts]
    longest = 0
    for k in range(meta.num_row_groups):
        for batch in itertools.islice(file.iter_batches(1, row_groups=[k], columns=names), 1):
            longest = max([longest, *map(_longest, batch.columns)])
    return bool(stored + meta.num_rows * longest * len(texts) > MAX_BYTES)


def _longest(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    return pc.max(pc.binary_length(column.dictionary.cast(pa.large_string()))).as_py() or 0


def _too_large(source: Path, size: int) -> InputError:
    return InputError(source, [f"unpacks to {size:,} bytes or more; at most {MAX_BYTES:,} are read"])


def _to_frame(source: Path, file: pq.ParquetFile) -> pd.DataFrame:
    """Return the columns 0, 1, ..., read a few at a time."""
    names = file.schema_arrow.names
    size, problems = 0, []
    found: dict[int, pd.Series] = {}
    for group in _groups(file):
        columns: dict[str, list[pa.Array]] = {names[i]: [] for i in group}
        for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):  # with a also a.b, of another group
            for name, column in zip(batch.schema.names, _unpacked(source, batch, size), strict=True):
                if name in columns:
                    columns[name].append(column)
                    size += column.nbytes
        for i in group:
            try:
                found[i] = _to_series(columns.pop(names[i]))
            except (pa.ArrowException, ValueError, KeyError, OverflowError) as error:
                problems.append(f"column {names[i]!r} is damaged: {_first_line(error)}")
    if problems:
        raise InputError(source, problems)
    return pd.DataFrame(found, copy=False)


def _groups(file: pq.ParquetFile) -> Iterator[list[int]]:
    """Yield the columns that are read side by side."""
    meta = file.metadata
    group: list[int] = []
    size = 0
    for i in range(meta.num_columns):
        group.append(i)
        size += sum(meta.row_group(k).column(i).total_uncompressed_size for k in range(meta.num_row_groups))
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
