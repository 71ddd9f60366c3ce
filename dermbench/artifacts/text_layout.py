"""Layout of a text table: separator, header, and start of the rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dermbench.errors import InputError

SEPARATORS = (",", ";", "\t")
SAMPLE_BYTES = 4 << 20
SAMPLE_ROWS = 50
"""Rows for the detection of the separator."""
EXCEL = re.compile(r"\"?sep=([,;\t])\"?[;,\t]*\r?\n?", re.IGNORECASE)
"""First line that tells Excel the separator."""


@dataclass(frozen=True)
class Layout:
    """Layout of a text table.

    Attributes
    ----------
    separator
        Character between fields.
    names
        Fields of the header.
    width
        Number of fields of the first row; without rows, of the header.
    start
        Byte offset of the first row.
    lead, lead_lines
        Characters and lines before the header.
    """

    separator: str
    names: tuple[str, ...]
    width: int
    start: int
    lead: int = 0
    lead_lines: int = 0


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number of each row (from 1) and its fields, without empty lines.

    Raises
    ------
    csv.Error
        When a field is too long.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 1
    for fields in reader:
        if fields:
            yield line, fields
        line = reader.line_num + 1


def find_layout(source: Path, data: bytes, separator: str) -> Layout:
    """Detect the layout from the header and the first rows.

    Parameters
    ----------
    source
        Name of the file, for messages.
    data
        Content as UTF-8.
    separator
        Usual separator for the suffix of the file; preferred if header and rows fit it.

    Raises
    ------
    InputError
        When there is no header.
    """
    text = data[:SAMPLE_BYTES].decode(errors="surrogateescape")
    if len(data) > SAMPLE_BYTES:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    excel = EXCEL.match(text)
    lead = excel.end() if excel else 0
    candidates = (excel[1],) if excel else tuple(dict.fromkeys((separator, *SEPARATORS)))
    found = [(one, rows) for one in candidates if (rows := _sample(text[lead:], one))]
    if not found:
        reason = "its first line is too long" if data.strip() else "it is empty"
        raise InputError(source, [f"not a readable {source.suffix} table: {reason}"])
    chosen, rows = max(found, key=lambda pair: _fit(pair[1]))  # the first of equally good ones
    names = rows[0]
    width = len(rows[1]) if len(rows) > 1 else len(names)
    return Layout(chosen, tuple(names), width, _header_end(text, lead, chosen), lead, int(lead > 0))


def _sample(text: str, separator: str) -> list[list[str]]:
    """Return the header and the first rows; empty if a field is too long."""
    try:
        return [fields for _, fields in itertools.islice(records(text, separator), SAMPLE_ROWS + 1)]
    except csv.Error:
        return []


def _fit(rows: list[list[str]]) -> int:
    """Score a separator: 3 for equal lengths, 2 for equal rows of another length, 1 for a header, 0 for none."""
    header, widths = len(rows[0]), {len(row) for row in rows[1:]}
    if header == 1:
        return 0
    if widths <= {header}:
        return 3
    return 2 if len(widths) == 1 and widths != {1} else 1


def _header_end(text: str, lead: int, separator: str) -> int:
    """Return the byte offset of the end of the header."""
    lines = io.StringIO(text[lead:], newline="")
    reader = csv.reader(lines, delimiter=separator)
    while not next(reader):
        pass
    head = "".join(itertools.islice(io.StringIO(text[lead:], newline=""), reader.line_num))
    return len((text[:lead] + head).encode(errors="surrogateescape"))
