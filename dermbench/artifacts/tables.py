"""Reading tables from strangers: ids stay text, nothing is guessed, size is capped.

A table is a file or a data frame in memory. Both go through the same checks and give the same messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dermbench.artifacts.files import atomic_path
from dermbench.errors import InputError, UsageError

MAX_CELLS = 2_000_000_000
"""Rows times columns that a table may have."""
MAX_BYTES = 16 << 30
"""Bytes that a parquet file may unpack to."""

TableSource = Path | str | pd.DataFrame
"""Where a table comes from: a file or a data frame."""


@dataclass(frozen=True)
class Table:
    """A table, and how it was read.

    Attributes
    ----------
    frame
        Unique, named columns.
    source
        What messages call the table.
    interpreted
        What was not read as it stands in the file, in sentences for the report.
    decimal_comma
        Whether commas in numbers may be decimal commas, since the separator is another character.
    """

    frame: pd.DataFrame
    source: Path | str
    interpreted: tuple[str, ...] = ()
    decimal_comma: bool = False


def source_name(table: TableSource) -> Path | str:
    """Return what messages call a table: its path, or ``<DataFrame>``."""
    return "<DataFrame>" if isinstance(table, pd.DataFrame) else table


def read_table(table: TableSource) -> Table:
    """Read a ``.csv``, ``.tsv`` or ``.parquet`` table, or take a data frame.

    Every column of a CSV or TSV file comes back as text, with the empty string for an empty cell: the id
    ``001`` stays ``001`` and the label ``NA`` stays ``NA``. Columns of parquet files and data frames keep their
    types. Named levels of a data frame's index become columns.

    Raises
    ------
    UsageError
        When there is no such file, or its suffix is another.
    InputError
        When the file is not what its suffix says, a column is there twice, or the table is larger than the caps of
        this module.
    """
    if isinstance(table, pd.DataFrame):
        return Table(_from_memory(table), source_name(table))
    source = Path(table)
    if not source.is_file():
        raise UsageError(f"{source}: no such file")
    suffix = source.suffix.lower()
    if suffix == ".parquet":
        return Table(_read_parquet(source), source)
    if suffix in {".csv", ".tsv"}:
        return Table(_read_text(source, separator="\t" if suffix == ".tsv" else ","), source)
    raise UsageError(f"{source}: a table is a .csv, .tsv or .parquet file, not {suffix or 'without suffix'!r}")


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    """Write a ``.csv`` or ``.parquet`` table, atomically, without the index.

    Floats in a CSV file are written in the shortest form that reads back to the same bits.
    """
    target = Path(path)
    with atomic_path(target) as temporary:
        if target.suffix.lower() == ".parquet":
            table.to_parquet(temporary, index=False)
        elif target.suffix.lower() == ".csv":
            table.to_csv(temporary, index=False, lineterminator="\n")
        else:
            raise UsageError(f"{target}: tables are written as .csv or .parquet")


def _read_csv(source: Path, *, separator: str, **part: Any) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(
        source, sep=separator, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig", **part
    )
    return table


def _read_text(source: Path, *, separator: str) -> pd.DataFrame:
    try:
        head = _read_csv(source, separator=separator, header=None, nrows=1)
        table = _read_csv(source, separator=separator)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(source, [f"not a readable {source.suffix} table: {error}"]) from error
    _refuse_repeated(source, head.iloc[0])
    _refuse_large(source, table.shape)
    return table


def _from_memory(table: pd.DataFrame) -> pd.DataFrame:
    source = source_name(table)
    _refuse_repeated(source, [*(name for name in table.index.names if name is not None), *table.columns])
    _refuse_large(source, table.shape)
    return _index_as_columns(table).rename(columns=str)


def _index_as_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with named levels of its index as columns, and without the other levels."""
    for level in reversed(range(table.index.nlevels)):
        table = table.reset_index(level=level, drop=table.index.names[level] is None)
    return table


def _read_parquet(source: Path) -> pd.DataFrame:
    try:
        with pq.ParquetFile(source) as file:
            meta = file.metadata
            _refuse_large(source, (meta.num_rows, meta.num_columns))
            size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
            if size > MAX_BYTES:
                raise InputError(source, [f"unpacks to {size:,} bytes, more than {MAX_BYTES:,}"])
            return _index_as_columns(file.read().to_pandas())
    except (pa.ArrowException, OSError) as error:
        raise InputError(source, [f"not a readable parquet table: {error}"]) from error


def _refuse_repeated(source: Path | str, columns: Iterable[object]) -> None:
    names = [str(name).strip() for name in columns]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise InputError(
            source, [f"columns that are there twice: {', '.join(map(repr, twice))}; keep one of each"]
        )


def _refuse_large(source: Path | str, shape: tuple[int, int]) -> None:
    if shape[0] * shape[1] > MAX_CELLS:
        raise InputError(source, [f"{shape[0]:,} rows x {shape[1]:,} columns, more than {MAX_CELLS:,} cells"])
