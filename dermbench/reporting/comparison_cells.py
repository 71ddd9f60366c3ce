"""Numbers of a comparison: three decimals, for paired differences are smaller than the values they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.artifacts.report import Cell
from dermbench.artifacts.wording import MINUS, NONE, decimal, p_value
from dermbench.reporting.text import Safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.reporting.numbers import Footnotes


def cell(item: Mapping[str, Any]) -> Cell:
    """Return a value of ``comparison.json`` as the cell of a report."""
    return Cell.model_validate({key: item[key] for key in ("value", "low", "high", "n", "reason") if key in item})


def number(value: float | None) -> Safe:
    """Return ``.623``; a dash for None."""
    return Safe(NONE if value is None else decimal(value, digits=3))


def signed(value: float | None) -> Safe:
    """Return ``+.023`` or the same with a true minus sign; a dash for None."""
    text = number(value)
    plus = value is not None and not text.startswith(MINUS) and text.strip(".0") != ""
    return Safe(f"+{text}") if plus else text


def interval_text(item: Mapping[str, Any]) -> Safe:
    """Return ``[.59, .65]`` with three decimals; a dash where there is none."""
    if item.get("low") is None or item.get("high") is None:
        return Safe(NONE)
    return Safe(f"[{number(item['low'])}, {number(item['high'])}]")


def change(effect: Mapping[str, Any], notes: Footnotes) -> Safe:
    """Return a difference with its interval, or with the number of the reason why something is missing."""
    if effect["value"] is None:
        return Safe(NONE + notes.mark(effect.get("reason", "undefined")))
    if effect.get("low") is None:
        return Safe(signed(effect["value"]) + notes.mark(effect.get("reason", "no interval")))
    return Safe(f"{signed(effect['value'])} {interval_text(effect)}")


def p_text(value: float | None) -> Safe:
    """Return a p value with three decimals; a dash for None."""
    return Safe(NONE if value is None else p_value(value))
