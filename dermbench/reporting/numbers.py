"""How numbers are written: two decimals without a leading zero, ``.62 [.59, .65]``; undefined is a dash.

Two decimals are what test sets of this field support (the 95 % interval of an accuracy is .03 wide to
either side at n = 1,000). ``report.json`` keeps six.
"""

from __future__ import annotations

import re
from typing import Any

from dermbench.artifacts.records import DIGITS
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

NONE = "\N{EN DASH}"
"""Stands for a value that is undefined or missing."""
MINUS = "\N{MINUS SIGN}"
MARK = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
"""The number of a reason."""
_NUMBER = re.compile(r"(?<![\w.])\d{1,9}(?![\w.])")
_THRESHOLD = re.compile(r"≥ (\d{1,9}(?:\.\d{1,9})?(?:e-\d{1,3})?)")
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Footnotes:
    """Numbered reasons beneath a table: one number a reason, in the order of first use.

    Parameters
    ----------
    merge
        Whether reasons that differ in whole numbers alone share a line: ``4 to 18 of 21 classes``.
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
    """Return the number in raised digits."""
    return str(number).translate(_SUPERSCRIPT)


def _span(counts: tuple[int, ...]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def decimal(value: float, *, digits: int = 2) -> str:
    """Return ``.62``, ``1.00`` or, with a true minus sign, -.05; a value that rounds to zero has no sign."""
    text = f"{round(value, DIGITS):.{digits}f}"  # as read back from report.json: the same text either way
    if float(text) == 0.0:
        text = text.removeprefix("-")
    text = text.replace("-0.", "-.", 1) if text.startswith("-0.") else text.removeprefix("0")
    return text.replace("-", MINUS)


def p_value(value: float) -> str:
    """Return a p-value with three decimals, ``<.001`` below that."""
    return "<.001" if value < 0.001 else decimal(value, digits=3)


def interval(low: float | None, high: float | None) -> str:
    """Return ``[.59, .65]``; a dash when an end is missing."""
    return NONE if low is None or high is None else f"[{decimal(low)}, {decimal(high)}]"


def verdict_text(text: object, detectable: float | None = None) -> str:
    """Return a verdict with its number written like those of the tables: ``≥ .18``.

    The number is taken from ``detectable``, where it is given: that in the text is rounded already.
    """

    def shown(found: re.Match[str]) -> str:
        return f"≥ {decimal(float(found[1]) if detectable is None else detectable)}"

    return _THRESHOLD.sub(shown, plain(text, limit=PROSE_LIMIT))


def short_verdict(text: str) -> str:
    """Return a verdict without what could have been detected."""
    return text.split(" (could", maxsplit=1)[0]


def cell_value(cell: dict[str, Any] | None, notes: Footnotes) -> Safe:
    """Return the value of a report cell, or a dash with the number of its reason."""
    if cell is None:
        return Safe(NONE)
    if cell.get("value") is None:
        return Safe(NONE + notes.mark(cell.get("reason") or "no reason given"))
    return Safe(decimal(cell["value"]))


def cell_interval(cell: dict[str, Any] | None, notes: Footnotes) -> Safe:
    """Return the interval of a report cell, or a dash with the number of the reason there is none."""
    if cell is None or cell.get("value") is None:
        return Safe(NONE)
    ends = interval(cell.get("low"), cell.get("high"))
    return Safe(ends + notes.mark(cell["reason"]) if ends == NONE and cell.get("reason") else ends)


def cell_text(cell: dict[str, Any] | None, notes: Footnotes) -> Safe:
    """Return value and interval in one: ``.62 [.59, .65]``, ``.61`` without interval, a dash undefined."""
    value, ends = cell_value(cell, notes), cell_interval(cell, notes)
    if ends == NONE:
        return value
    return Safe(value + ends.removeprefix(NONE) if ends.startswith(NONE) else f"{value} {ends}")


def is_cell(item: object) -> bool:
    """Return whether ``item`` is a report cell."""
    return isinstance(item, dict) and "value" in item
