"""Reading and writing tables: CSV, TSV, Excel and parquet files, and data frames, by the same rules.

The forms that people and programs write are read, with a sentence on every interpretation; what could only be
guessed is refused. Ids and labels have one text form in all formats; see :mod:`dermbench.artifacts.text_form`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.guarded import check_plain
from dermbench.artifacts.parquet_tables import read_parquet
from dermbench.artifacts.raw_tables import RawTable, named_columns
from dermbench.artifacts.text_tables import read_text
from dermbench.artifacts.xlsx_tables import read_xlsx
from dermbench.errors import InputError, UsageError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""Usual separator of text tables, by suffix; Dataverse uses ``.tab``."""
SUFFIXES = (*SEPARATORS, ".xlsx", ".parquet")
"""Suffixes of tables that can be read."""
HOW_TO_SAVE = (
    ((".json",), "pandas.read_json(FILE).to_csv('table.csv', index=False)"),
    ((".jsonl", ".ndjson"), "pandas.read_json(FILE, lines=True).to_csv('table.csv', index=False)"),
    (
        (".npz", ".npy", ".pt", ".pth", ".pkl", ".pickle", ".mat", ".h5"),
        "pandas.DataFrame(PROBABILITIES, columns=['prob_<class>', ...]).assign(image_id=IDS).to_csv('table.csv')",
    ),
    ((".feather", ".arrow"), "pandas.read_feather(FILE).to_parquet('table.parquet')"),
    ((".txt", ".dat"), "rename it to .csv, or to .tsv where tabs separate the columns"),
    ((".gz", ".zip", ".bz2", ".xz", ".zst"), "unpack it"),
    ((".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), "save the sheet as 'CSV UTF-8'"),
)
"""Instructions to convert a table in another format, by suffix."""


@dataclass(frozen=True)
class Table:
    """A table, and how it was read.

    Attributes
    ----------
    frame
        The table, with unique column names.
    source
        Name of the table in messages.
    interpreted
        Deviations of the file from the standard form and how they were read, in sentences for the report.
    decimal_comma
        Whether commas in numbers may be decimal commas, because the separator is another character.
    """

    frame: pd.DataFrame
    source: Path | str
    interpreted: tuple[str, ...] = ()
    decimal_comma: bool = False


TableSource = Path | str | pd.DataFrame | Table
"""A table as a file, a data frame, or a table that has been read."""


def source_name(table: TableSource) -> Path | str:
    """Return the name of a table in messages: its path, or ``<DataFrame>``."""
    if isinstance(table, Table):
        return table.source
    return "<DataFrame>" if isinstance(table, pd.DataFrame) else table


def read_table(table: TableSource, *, lists: bool = False, suffix: str = "") -> Table:
    """Read a ``.csv``, ``.tsv``, ``.tab``, ``.xlsx`` or ``.parquet`` table, or a data frame.

    All columns of a text file are read as text, with the empty string for an empty cell: the id ``001`` stays
    ``001`` and the label ``NA`` stays ``NA``. Columns of other files and of data frames keep their types. Named
    levels of the index of a data frame become columns. The unnamed index that pandas and R write is left out, or
    read as ``image_id`` if no column holds ids and its values are not row numbers.

    Parameters
    ----------
    table
        The file or data frame.
    lists
        Whether a cell of a parquet file or data frame may hold a list of numbers, as in tables of embeddings.
    suffix
        Suffix to assume for a file without one.

    Raises
    ------
    UsageError
        When there is no such plain file, or its suffix is not supported.
    MissingDependencyError
        When an ``.xlsx`` file is given and openpyxl is not installed.
    InputError
        When the file does not have the format of its suffix or is too large, rows differ in length, a column is
        repeated, or cells hold more than one value.
    """
    if isinstance(table, Table):
        return table
    name = source_name(table)
    raw = (
        _from_memory(table, lists=lists)
        if isinstance(table, pd.DataFrame)
        else _from_file(Path(table), lists=lists, suffix=suffix)
    )
    frame, facts = named_columns(name, raw)
    said = (f"{Path(name).name}: {', '.join(facts)}.",) if facts else ()
    return Table(frame, name, said, raw.decimal_comma)


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


def _from_file(source: Path, *, lists: bool, suffix: str) -> RawTable:
    suffix = source.suffix.lower() or suffix
    if suffix in SEPARATORS:
        return read_text(source, separator=SEPARATORS[suffix])
    if suffix == ".parquet":
        return read_parquet(source, lists=lists)
    if suffix == ".xlsx":
        return read_xlsx(source)
    check_plain(source)
    how = next((how for suffixes, how in HOW_TO_SAVE if suffix in suffixes), None)
    known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    raise UsageError(
        f"{source}: a table is a {known} file, not {suffix or 'one without suffix'}",
        remedy=None if how is None else f"To get one: {how}.",
    )


def _from_memory(table: pd.DataFrame, *, lists: bool) -> RawTable:
    source = source_name(table)
    for level in reversed(range(table.index.nlevels)):
        nameless = table.index.names[level] is None
        numbers = pd.api.types.is_numeric_dtype(table.index.get_level_values(level))
        name = "" if nameless else table.index.names[level]
        if nameless and numbers:
            table = table.reset_index(level=level, drop=True)
        else:
            table = table.reset_index(level=level, names=name, allow_duplicates=True)
    names = [str(name) for name in table.columns]
    frame = table.set_axis(range(len(names)), axis=1)
    kinds = {name: _several(frame[i]) for i, name in enumerate(names)}
    allowed = {"", "list", "ndarray"} if lists else {""}
    problems = [f"column {name!r} holds {kind}" for name, kind in kinds.items() if kind not in allowed]
    if problems:
        raise InputError(source, problems, remedy="Put one value in each cell, as text or number.")
    return RawTable(names, frame)


def _several(column: pd.Series) -> str:
    """Return the type of the first cell that is not a single value, else the empty string."""
    if pd.api.types.is_complex_dtype(column):
        return "complex numbers"
    if column.dtype != object or pd.api.types.infer_dtype(column) not in {"mixed", "bytes", "mixed-integer"}:
        return ""
    wrong = (value for value in column if not (pd.api.types.is_scalar(value) and not isinstance(value, bytes)))
    first = next(wrong, None)
    return "" if first is None else type(first).__name__
