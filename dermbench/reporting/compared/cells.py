"""Format numbers of a comparison, with three decimals because paired differences are small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import MINUS, NONE, decimal, p_value
from dermbench.reporting.text import Safe

if TYPE_CHECKING:
    from dermbench.artifacts.comparison import RankedModel
    from dermbench.artifacts.report import Cell
    from dermbench.reporting.numbers import Footnotes


def number(value: float | None) -> Safe:
    """Return ``.623``; a dash for None."""
    return Safe(NONE if value is None else decimal(value, digits=3))


def signed(value: float | None) -> Safe:
    """Return ``+.023`` or the same with a true minus sign; a dash for None."""
    text = number(value)
    plus = value is not None and not text.startswith(MINUS) and text.strip(".0") != ""
    return Safe(f"+{text}") if plus else text


def ends_text(low: float | None, high: float | None) -> Safe:
    """Return ``[.590, .650]``; a dash without an interval."""
    return Safe(NONE if low is None or high is None else f"[{number(low)}, {number(high)}]")


def change(effect: Cell, notes: Footnotes) -> Safe:
    """Return a difference with its interval, or with the footnote number of the reason if one is missing."""
    if effect.value is None:
        return Safe(NONE + notes.mark(effect.reason))
    if effect.low is None:
        return Safe(signed(effect.value) + notes.mark(effect.reason or "no interval"))
    return Safe(f"{signed(effect.value)} {ends_text(effect.low, effect.high)}")


def band(model: RankedModel, *, dash: str = "-") -> str:
    """Return the ranks that a model could have: ``2``, ``2-5``."""
    return str(model.best) if model.best == model.worst else f"{model.best}{dash}{model.worst}"


def p_text(value: float | None) -> Safe:
    """Return a p value with three decimals; a dash for None."""
    return Safe(NONE if value is None else p_value(value))
