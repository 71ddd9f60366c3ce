"""The ends and the ticks of an axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import decimal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

STEPS = tuple(digit * 10.0**power for power in range(-2, 300) for digit in (1, 2, 5))
"""Distances of two ticks."""


def span(values: Iterable[float | None], *, step: float = 0.1) -> tuple[float, float]:
    """Return the smallest interval between multiples of ``step`` that contains the values; one step if empty."""
    known = [value for value in values if value is not None]
    low = math.floor(round(min(known, default=0.0) / step, 6)) * step
    high = math.ceil(round(max(known, default=step) / step, 6)) * step
    return round(low, 9), round(max(high, low + step), 9)


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Return the multiples of the smallest round step that gives at most ``most`` from ``low`` to ``high``.

    If only one would remain, such as 0 from -.4 to .4, the step is four fifths as long.
    """
    found: list[float] = []
    for step in STEPS:
        found = _multiples(step, low, high)
        if len(found) <= most:
            return found if len(found) > 1 else _multiples(0.8 * step, low, high)
    return found


def _multiples(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(round(low / step, 6)), math.floor(round(high / step, 6))
    return [round(k * step, 9) for k in range(first, last + 1)]


def set_axis(axes: Axes, low: float, high: float, *, most: int = 6, pad: float = 0.02) -> None:
    """Set the horizontal axis from ``low`` to ``high``, with ticks in the report's number format."""
    room = (high - low) * pad
    axes.set_xlim(low - room, high + room)
    places = ticks(low, high, most=most)
    digits = 2 if any(round(place * 10, 6) % 1 for place in places) else 1
    axes.set_xticks(places, [tick_text(place, digits) for place in places])


def tick_text(value: float, digits: int) -> str:
    """Return a number in the report's format; 0 and 1 have no decimals."""
    return f"{value:.0f}" if value in (0.0, 1.0) else decimal(value, digits=digits)
