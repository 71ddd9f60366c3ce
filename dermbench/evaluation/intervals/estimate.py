"""Metrics of each group with their 95 % intervals, each by the method that holds up for its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import ndtri

from dermbench.artifacts.report import Cell
from dermbench.artifacts.report import undefined as undefined_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Limits = Callable[[float], tuple[float, float, str]]


Z95 = float(ndtri(0.975))
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Interval:
    """One number as a report shows it.

    Attributes
    ----------
    value
        The estimate; None when undefined.
    low, high
        Ends of the interval; None when there is none.
    n
        Number of images the value rests on.
    method
        How the interval was made.
    reason
        Why the value, or else its interval, is missing.
    drawn
        Whether the ends depend on random draws.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    method: str | None = None
    reason: str | None = None
    drawn: bool = False

    def cell(self) -> Cell:
        """Return the interval as a cell of the report."""
        if self.value is None:
            return undefined_cell(self.reason or "undefined", n=self.n)
        if self.low is None:
            return Cell(value=self.value, n=self.n, reason=self.reason)
        return Cell(value=self.value, low=self.low, high=self.high, n=self.n, method=self.method, drawn=self.drawn)


@dataclass(frozen=True)
class Estimate:
    """A metric of one group, with what is needed for an interval at any confidence level.

    Attributes
    ----------
    value
        The estimate; NaN when undefined.
    n
        Number of images.
    se
        Standard error; NaN when there is none.
    limits
        Takes the normal quantile of a two-sided level, returns (low, high, method); None when there is no
        interval, for the ``reason``.
    reason
        Why the value, or else its interval, is missing.
    drawn
        Whether the limits depend on random draws.
    """

    value: float
    n: int
    se: float = float("nan")
    limits: Limits | None = field(default=None, repr=False)
    reason: str | None = None
    drawn: bool = False

    def interval(self, z: float = Z95) -> Interval:
        """Return the interval at the level of ``z``."""
        if not np.isfinite(self.value):
            return Interval(None, n=self.n, reason=self.reason or "undefined")
        if self.limits is None:
            return Interval(self.value, n=self.n, reason=self.reason or "no interval")
        low, high, method = self.limits(z)
        if not (np.isfinite(low) and np.isfinite(high)):
            return Interval(self.value, n=self.n, reason=method)
        return Interval(self.value, low, high, self.n, method, drawn=self.drawn)


Estimates: TypeAlias = "dict[tuple[int, str], Estimate]"
"""{(index of the group, metric name): estimate}."""


def normal_limits(value: float, se: float, bounds: tuple[float, float], *, method: str) -> Limits:
    """Return limits value ± z·se, cut at the bounds of the metric."""

    def limits(z: float) -> tuple[float, float, str]:
        return max(bounds[0], value - z * se), min(bounds[1], value + z * se), method

    return limits


def undefined(reason: str, n: int) -> Estimate:
    """Return the estimate of an undefined quantity."""
    return Estimate(float("nan"), n, reason=reason)


def spread(replicates: NDArray[np.float64]) -> float:
    """Return the standard deviation of the defined replicates; NaN for fewer than 2."""
    defined = replicates[np.isfinite(replicates)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")
