"""Format cells of a report as text, and number the reasons below a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE, decimal, interval
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Cell

MARK = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
"""The number of a reason."""
_NUMBER = re.compile(r"(?<![\w.])\d{1,9}(?![\w.])")
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Footnotes:
    """Numbered reasons below a table: one number per reason, in the order of first use.

    Parameters
    ----------
    merge
        Whether reasons that differ only in whole numbers share a line: ``4 to 18 of 21 classes``.
    """

    def __init__(self, *, merge: bool = False) -> None:
        self._merge = merge
        self._numbers: dict[str, int] = {}
        self._texts: dict[str, list[list[int]]] = {}

    def mark(self, reason: object) -> str:
        """Return the superscript number of ``reason``."""
        text = plain(reason, limit=PROSE_LIMIT)
        form = _NUMBER.sub("\0", text) if self._merge else text
        counts = [int(found) for found in _NUMBER.findall(text)] if self._merge else []
        self._texts.setdefault(form, []).append(counts)
        number = self._numbers.setdefault(form, len(self._numbers) + 1)
        return superscript(number)

    def lines(self) -> list[str]:
        """Return ``¹ reason`` for each reason."""
        return [f"{superscript(number)} {self._text(form)}" for form, number in self._numbers.items()]

    def _text(self, form: str) -> str:
        slots = iter(zip(*self._texts[form], strict=True))
        return re.sub("\0", lambda _: _span(next(slots)), form)


def superscript(number: int) -> str:
    """Return a number in superscript digits."""
    return str(number).translate(_SUPERSCRIPT)


def _span(counts: tuple[int, ...]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def count(n: int | None) -> Safe:
    """Return a number of images: ``1,227``."""
    return Safe(NONE if n is None else f"{n:,}")


def cell_value(cell: Cell | None, notes: Footnotes) -> Safe:
    """Return the value of a cell, or a dash with the number of its reason."""
    if cell is None:
        return Safe(NONE)
    if cell.value is None:
        return Safe(NONE + notes.mark(cell.reason))
    return Safe(decimal(cell.value))


def cell_interval(cell: Cell | None, notes: Footnotes) -> Safe:
    """Return the interval of a cell, or a dash with the number of the reason why it is missing."""
    if cell is None or cell.value is None:
        return Safe(NONE)
    ends = interval(cell.low, cell.high)
    return Safe(ends + notes.mark(cell.reason) if ends == NONE and cell.reason else ends)


def cell_text(cell: Cell | None, notes: Footnotes) -> Safe:
    """Return value and interval: ``.62 [.59, .65]``; ``.61`` without an interval; a dash if undefined."""
    value, ends = cell_value(cell, notes), cell_interval(cell, notes)
    if ends == NONE:
        return value
    return Safe(value + ends.removeprefix(NONE) if ends.startswith(NONE) else f"{value} {ends}")
