"""Reading of Excel workbooks with one sheet of values, through openpyxl."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from dermbench.artifacts.guarded import read_bytes
from dermbench.artifacts.raw_tables import RawTable
from dermbench.errors import DermbenchError, InputError, MissingDependencyError

MAX_UNPACKED = 200 << 20
"""Most bytes of the parts of a workbook after unpacking."""
MAX_PARTS = 2_000
MAX_CELLS = 5_000_000
MAX_ROWS = 1 << 20
FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
MERGED = re.compile(rb"<(?:\w+:)?mergeCell ")
DOCTYPE = re.compile(rb"<\0?!\0?D\0?O\0?C", re.IGNORECASE)
SAVE = "Or save the sheet as CSV (in Excel: 'CSV UTF-8')."


def read_xlsx(source: Path) -> RawTable:
    """Read the only sheet of a workbook that holds values.

    Raises
    ------
    UsageError
        When there is no such plain file.
    MissingDependencyError
        When openpyxl is not installed.
    InputError
        When it is not a workbook, unpacks to too much, has several sheets with values, merged cells, or formulas
        without a value.
    """
    data = BytesIO(read_bytes(source, limit=MAX_UNPACKED))
    try:
        import openpyxl  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = f"{source}: reading .xlsx needs openpyxl"
        raise MissingDependencyError(message, remedy=f"pip install 'dermbench[xlsx]'. {SAVE}") from error
    try:
        parts = _checked_parts(source, data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions
            rows = _only_sheet(source, openpyxl.load_workbook(data, read_only=True, data_only=True))
            if any(FORMULA.search(part) for part in parts):
                formulas = _only_sheet(source, openpyxl.load_workbook(data, read_only=True))
                _refuse_uncomputed(source, rows, formulas)
        return _to_raw(rows)
    except DermbenchError:
        raise
    except Exception as error:
        problem = f"not a readable .xlsx workbook: {type(error).__name__}"
        raise InputError(source, [problem], remedy=SAVE) from error


def _checked_parts(source: Path, data: BytesIO) -> list[bytes]:
    """Return the sheets as XML, after checking that the archive is small and plain."""
    with zipfile.ZipFile(data) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if len(parts) > MAX_PARTS or size > MAX_UNPACKED:
            problem = f"unpacks to {size:,} bytes in {len(parts):,} parts; at most {MAX_UNPACKED:,} are read"
            raise InputError(source, [problem], remedy="Save the table as CSV or parquet.")
        for part in parts:
            with archive.open(part) as stream:
                if DOCTYPE.search(stream.read(4096)):
                    raise InputError(
                        source, [f"part {part.filename!r} has a document type, which no workbook has"]
                    )
        sheets = [archive.read(part) for part in parts if part.filename.startswith("xl/worksheets/sheet")]
    if any(MERGED.search(sheet) for sheet in sheets):
        raise InputError(source, ["has merged cells"], remedy="Undo the merging, so that each cell has its value.")
    return sheets


def _only_sheet(source: Path, book: Any) -> list[list[object]]:
    try:
        filled = {}
        for sheet in book.worksheets:
            rows = list(_rows(source, sheet)) if sheet.sheet_state == "visible" else []
            if any(rows):
                filled[sheet.title] = rows
    finally:
        book.close()
    if len(filled) > 1:
        problem = f"has {len(filled)} sheets with values: {', '.join(map(repr, filled))}"
        raise InputError(source, [problem], remedy=f"Keep one sheet. {SAVE}")
    if not filled:
        raise InputError(source, ["has no visible sheet with values"])
    return next(iter(filled.values()))


def _rows(source: Path, sheet: Any) -> Iterator[list[object]]:
    """Yield the cells of each row up to its last value."""
    sheet.reset_dimensions()  # the size that a file declares is not trusted
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        cells += len(row)
        if number >= MAX_ROWS or cells > MAX_CELLS:
            problem = f"sheet {sheet.title!r} has more than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells"
            raise InputError(source, [problem], remedy="Save the table as CSV or parquet.")
        values = list(row)
        while values and (values[-1] is None or values[-1] == ""):
            values.pop()
        yield values


def _refuse_uncomputed(source: Path, rows: list[list[object]], formulas: list[list[object]]) -> None:
    places = [
        f"row {i + 1}"
        for i, written in enumerate(formulas)
        if any(
            isinstance(cell, str) and cell.startswith("=") and (k >= len(rows[i]) or rows[i][k] is None)
            for k, cell in enumerate(written)
        )
    ]
    if places:
        problem = f"formulas without a value in {', '.join(places[:5])}{' and more' * (len(places) > 5)}"
        raise InputError(source, [problem], remedy=f"Open the file in Excel and save it. {SAVE}")


def _to_raw(rows: list[list[object]]) -> RawTable:
    """Return the rows with values as a table, with the first row as header."""
    width = max(map(len, rows))
    header, *body = ([*row, *[None] * (width - len(row))] for row in rows if row)
    names = ["" if name is None else str(name) for name in header]
    columns = {i: pd.Series([_plain(row[i]) for row in body], dtype=object).infer_objects() for i in range(width)}
    return RawTable(names, pd.DataFrame(columns))


def _plain(value: object) -> object:
    """Return a date instead of a time at midnight."""
    return value.date() if isinstance(value, datetime) and value.time() == datetime.min.time() else value
