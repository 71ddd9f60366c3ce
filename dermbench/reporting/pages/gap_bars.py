"""Positions of the marks of a gap bar in the table of disparities, in SVG units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Disparity
from dermbench.artifacts.wording import decimal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.reporting.sections.disparity import Row

WIDTH, MARGIN = 190.0, 6.0
"""Width of a bar, and free space at either end."""


@dataclass(frozen=True)
class Scale:
    """The axis of all bars of a table, from 0 to ``high``."""

    high: float

    def at(self, value: float) -> float:
        """Return the position of a value, within the axis."""
        share = min(max(value, 0.0), self.high) / self.high
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions and texts of round values, at most eleven."""
        step = next(s for s in (0.1, 0.2, 0.5, *(10.0**k for k in range(300))) if self.high / s <= 10.5)
        values = [i * step for i in range(math.floor(round(self.high / step, 6)) + 1)]
        return [(self.at(value), decimal(value, digits=1)) for value in values]


@dataclass(frozen=True)
class Bar:
    """Positions of a gap, its limits and the gap expected by chance; None if undefined."""

    x: float | None = None
    ends: tuple[float, float] | None = None
    chance: float | None = None


def gap_scale(rows: Sequence[Row]) -> Scale:
    """Return the common axis of all gaps."""
    known = [row for row in rows if isinstance(row, Disparity)]
    found = [end for row in known for end in (row.gap, row.high, row.chance) if end is not None]
    return Scale(max(0.1, math.ceil(max(found, default=0.1) * 10) / 10))


def gap_bar(row: Row, scale: Scale) -> Bar:
    """Return the marks of one gap."""
    if not isinstance(row, Disparity):
        return Bar()
    ends = None if row.low is None or row.high is None else (scale.at(row.low), scale.at(row.high))
    return Bar(scale.at(row.gap), ends, None if row.chance is None else scale.at(row.chance))
