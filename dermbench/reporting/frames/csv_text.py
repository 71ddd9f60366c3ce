"""Write tables as CSV that a spreadsheet program opens without running formulas.

A spreadsheet program reads a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break as a formula.
Text (names, reasons) that begins with such a character, or with apostrophes and then such a character, gets one
apostrophe in front, which marks the cell as text. To read the text back, remove one apostrophe in these cases.
Other text and numbers are unchanged.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from dermbench.errors import printable

if TYPE_CHECKING:
    from dermbench.reporting.frames.frame import Frame, Source, Value

FORMULA = re.compile(
    "'*[=+\\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
    "\N{FULLWIDTH COMMERCIAL AT}]"
)
"""Start of a cell that a spreadsheet program may read as a formula."""


def csv_text(frame: Frame[Source], source: Source) -> str:
    """Return a table of an artifact as CSV: full-precision numbers, empty cells for undefined values."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(column.name for column in frame.columns)
    writer.writerows([_cell(value) for value in row] for row in frame.values(source))
    return stream.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return safe_cell(value) if isinstance(value, str) else repr(value)


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet program runs as a formula, with control characters escaped."""
    return f"'{line}" if FORMULA.match(line := printable(text, keep="")) else line
