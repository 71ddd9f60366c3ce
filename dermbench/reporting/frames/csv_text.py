"""Tables as CSV that a spreadsheet program opens without running anything.

A spreadsheet program takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for a
formula. Text of others (names of classes, groups and models, reasons) that begins so has an apostrophe put before
it, which marks a cell as text; and so has text that begins with apostrophes and then one of these characters.
Whoever reads the file takes away one apostrophe where one of them follows; every other text stands as it is.
Numbers are written by dermbench and keep their sign.
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
"""What a cell that may be taken for a formula begins with."""


def csv_text(frame: Frame[Source], source: Source) -> str:
    """Return a table of an artifact as CSV: full-precision numbers, an empty cell for what is undefined."""
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
    """Return text that no spreadsheet program runs; control and direction-changing characters are escaped."""
    return f"'{line}" if FORMULA.match(line := printable(text, keep="")) else line
