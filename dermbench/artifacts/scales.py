"""The user's declarations of ordered columns, and of bands of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Scales:
    """Ordered columns of the truth, and columns that are put into bands.

    Attributes
    ----------
    ordered
        {ordered column: its values from low to high, or () for numbers}.
    bins
        {column of numbers: lower ends of all bands except the first}.
    """

    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All declared columns."""
        return tuple(dict.fromkeys([*self.ordered, *self.bins]))

    def renamed(self, names: Mapping[str, str]) -> Scales:
        """Return the scales with renamed columns, ``{old: new}``."""
        return Scales(
            {names[c]: levels for c, levels in self.ordered.items()},
            {names[c]: ends for c, ends in self.bins.items()},
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The declarations as sentences for the report."""
        bands = [f"{name} in bands from {', '.join(f'{e:g}' for e in ends)}." for name, ends in self.bins.items()]
        return (*(f"{name} is an ordered scale." for name in self.ordered), *bands)


def read_scales(ordered: Sequence[str] = (), bins: Sequence[str] | Mapping[str, Sequence[float]] = ()) -> Scales:
    """Read ``--ordered`` and ``--bins``.

    Parameters
    ----------
    ordered
        ``COL`` for a column of numbers, or ``COL=low,middle,high``.
    bins
        ``COL=40,60``, or {column: lower ends of the bands}.

    Raises
    ------
    UsageError
        When an option does not have this form, or a column is repeated.
    """
    scales: dict[str, tuple[str, ...]] = {}
    for text in ordered:
        name, equals, values = (part.strip() for part in text.partition("="))
        levels = tuple(value.strip() for value in values.split(",") if value.strip())
        if not name or name in scales or (equals and len(levels) < 2) or len(set(levels)) < len(levels):
            raise UsageError(f"--ordered {text}: write --ordered COL, or COL=low,middle,high, once per column")
        scales[name] = levels
    given = bins.items() if hasattr(bins, "items") else [_bin(text) for text in bins]
    bands: dict[str, tuple[float, ...]] = {}
    for name, ends in given:
        edges = tuple(map(float, ends))
        increasing = all(a < b for a, b in pairwise(edges))
        if not edges or not increasing or name in bands or name in scales:
            raise UsageError(
                f"--bins {name}: give increasing lower ends of the bands, once, for a column without --ordered"
            )
        bands[name] = edges
    return Scales(scales, bands)


def _bin(text: str) -> tuple[str, list[float]]:
    name, equals, ends = (part.strip() for part in text.partition("="))
    try:
        edges = [float(part) for part in ends.split(",")]
    except ValueError:
        edges = []
    if not equals or not name or not edges or not all(map(math.isfinite, edges)):
        raise UsageError(f"--bins {text}: write --bins COL=40,60, the lower ends of all bands except the first")
    return name, edges
