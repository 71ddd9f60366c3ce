"""Reading of CSV and TSV files in the forms that people and programs write, every cell as text."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from dermbench.artifacts.guarded import read_bytes
from dermbench.artifacts.raw_tables import RawTable, check_names, has_ids, whole_numbers
from dermbench.artifacts.text_form import NUMBER, to_text
from dermbench.artifacts.text_layout import Layout, find_layout, records
from dermbench.errors import InputError

MAX_BYTES = 1 << 30
"""Largest text file, in bytes."""
MAX_NAMED = 5
"""Most lines that a message names."""
END = "\x1e"
"""Cell of a row added at the end; if it is not read back, a quote was not closed."""
SAVE = "Save the file as UTF-8 (in Excel: 'CSV UTF-8')."
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(source: Path, *, separator: str) -> RawTable:
    """Read a text table; cells stay text, with the empty string for an empty cell.

    The separator is ``separator`` unless header and rows fit another of comma, semicolon and tab better. Rows have
    as many fields as the header. They may have more if the last fields are all empty (lines that end with
    separators), or if the first field is an index without a name, as in tables of R.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not a table, or lines differ in length.
    """
    data, encoding = _decoded(source, read_bytes(source, limit=MAX_BYTES))
    layout = find_layout(source, data, separator)
    _check_utf8(source, data[: layout.start])
    check_names(source, layout.names)
    if all(re.match(NUMBER, name.strip()) for name in layout.names):
        problem = f"the first line holds numbers ({', '.join(layout.names[:3])}, ...) instead of column names"
        raise InputError(source, [problem], remedy="Begin with a line of names: image_id,prob_<class>,...")
    facts = [encoding] if encoding else []
    if layout.separator != separator:
        shown = "a tab" if layout.separator == "\t" else repr(layout.separator)
        facts.append(f"fields separated by {shown}")
    frame = _read_rows(source, data, layout)
    names, fact = _fitting_names(source, data, layout, frame)
    if fact:
        facts.append(fact)
    kept = frame if len(names) == layout.width else frame.iloc[:, : len(names)]
    return RawTable(names, kept, tuple(facts), layout.separator != ",")


def _decoded(source: Path, data: bytes) -> tuple[bytes, str]:
    """Return the file as UTF-8 without byte order mark, and its encoding if that was another."""
    encoding = "UTF-16" if data.startswith(UTF16) else "UTF-8"
    problem = ""
    try:
        text = data.decode("utf-16") if encoding == "UTF-16" else ""
        data = text.encode() if encoding == "UTF-16" else data.removeprefix(codecs.BOM_UTF8)
    except UnicodeError as error:
        problem = f"not a readable {source.suffix} table: damaged {encoding} text ({error})"
    if not problem and b"\0" in data:
        problem = f"not a readable {source.suffix} table: holds NUL bytes, which are not text"
    if problem:
        raise InputError(source, [problem], remedy=SAVE)
    return data, encoding if encoding == "UTF-16" else ""


def _read_rows(source: Path, data: bytes, layout: Layout) -> pd.DataFrame:
    names = [str(i) for i in range(layout.width)]
    end = b"\n" + layout.separator.join([END] * layout.width).encode() + b"\n"
    body = b"".join([memoryview(data)[layout.start :], end])
    try:
        table = pacsv.read_csv(
            pa.BufferReader(body),
            read_options=pacsv.ReadOptions(column_names=names, block_size=len(body) + 1),
            parse_options=pacsv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        raise _unreadable(source, data, layout, str(error)) from None
    last = table.num_rows - 1
    if any(column[last].as_py() != END for column in table.columns):
        raise InputError(source, [f"not a readable {source.suffix} table: a quote is opened and never closed"])
    frame: pd.DataFrame = table.slice(0, last).to_pandas().set_axis(range(layout.width), axis=1)
    is_blank = last > 0 and not any(column[last - 1].as_py().strip() for column in table.columns)
    return _without_empty_end(frame) if is_blank else frame


def _unreadable(source: Path, data: bytes, layout: Layout, reason: str) -> InputError:
    """Return the error for unreadable rows; it names a wrong encoding or lines of another length."""
    text = _check_utf8(source, data)
    return _ragged(source, text, layout) or InputError(
        source, [f"not a readable {source.suffix} table: {reason[:200]}"]
    )


def _check_utf8(source: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = (
            f"not a readable {source.suffix} table: line {line:,} is not UTF-8 (byte 0x{data[error.start]:02x})"
        )
    raise InputError(source, [problem], remedy=SAVE)


def _ragged(source: Path, text: str, layout: Layout) -> InputError | None:
    """Return the error that names the lines with more or fewer fields than the header."""
    n_names = len(layout.names)
    found: list[tuple[int, int]] = []
    n_rows = -1
    try:
        for line, fields in records(text[layout.lead :], layout.separator):
            n_rows += 1
            if n_rows and len(fields) != n_names:
                found.append((line + layout.lead_lines, len(fields)))
    except csv.Error as error:
        return InputError(source, [f"not a readable {source.suffix} table: {error}"])
    if not found:
        return None
    lengths = {n for _, n in found}
    if len(found) == n_rows and len(lengths) == 1:
        problems = [f"rows have {lengths.pop()} fields, the header has {n_names}"]
    else:
        problems = [
            f"line {line:,} has {n} field{'s' * (n != 1)}, the header has {n_names}"
            for line, n in found[:MAX_NAMED]
        ]
        if len(found) > MAX_NAMED:
            problems.append(f"{len(found) - MAX_NAMED:,} more lines with another number of fields")
    remedy = "Name every column in the first line; put text that holds the separator in quotes."
    return InputError(source, problems, remedy=remedy)


def _without_empty_end(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table without empty rows at its end, as spreadsheets write them."""
    filled = np.zeros(len(frame), dtype=bool)
    for i in frame.columns:
        filled |= to_text(frame[i]).notna().to_numpy(dtype=bool)
    return frame.iloc[: int(np.flatnonzero(filled)[-1]) + 1 if filled.any() else 0]


def _fitting_names(source: Path, data: bytes, layout: Layout, frame: pd.DataFrame) -> tuple[list[str], str]:
    """Return a name for each column to keep, and a note on how header and rows were made to fit."""
    names, extra = list(layout.names), layout.width - len(layout.names)
    if extra == 0:
        return names, ""
    if extra < 0 and not "".join(names[extra:]).strip():
        return names[:extra], "separators at the end of the header left out"
    numbered = whole_numbers(frame[0]) and frame[0].is_unique
    if extra > 0 and not "".join(map("".join, (frame[i] for i in range(len(names), layout.width)))).strip():
        if not (numbered and has_ids(names[:1]) and frame[1].is_unique):
            return names, "separators at the end of lines left out"
    elif extra == 1 and _has_row_names(names, frame, numbered=numbered):
        return ["", *names], ""
    ragged = _ragged(source, data.decode(), layout)
    assert ragged is not None
    raise ragged


def _has_row_names(names: list[str], frame: pd.DataFrame, *, numbered: bool) -> bool:
    """Return whether the unnamed first column holds the row names that R writes."""
    if not has_ids(names):
        return bool(frame[0].is_unique and to_text(frame[0]).notna().all() and not numbered)
    place = next(i for i, name in enumerate(names) if has_ids([name])) + 1
    return bool(numbered and frame[place].is_unique and to_text(frame[place]).notna().all())
