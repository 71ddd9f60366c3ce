"""Estimates: a value with limits at any confidence level, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import ndtri

from dermbench.artifacts.report import Cell
from dermbench.artifacts.report import undefined as undefined_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

    Limits = Callable[[float], tuple[float, float, str]]


Z95 = float(ndtri(0.975))
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Estimate:
    """A metric of one group, with limits at any confidence level.

    Attributes
    ----------
    value
        The estimate; NaN when undefined.
    n
        Number of images; None if not given.
    se
        Standard error; NaN if there is none.
    limits
        Function from the normal quantile of a two-sided level to (low, high, method); None without an interval.
    reason
        Why the value or its interval is missing.
    drawn
        Whether the limits depend on random draws.
    """

    value: float
    n: int | None
    se: float = float("nan")
    limits: Limits | None = field(default=None, repr=False)
    reason: str | None = None
    drawn: bool = False

    def cell(self, z: float = Z95) -> Cell:
        """Return the value with its interval at the level of ``z`` as a cell of the report."""
        if not np.isfinite(self.value):
            return undefined_cell(self.reason or "undefined", n=self.n)
        if self.limits is None:
            return Cell(value=self.value, n=self.n, reason=self.reason or "no interval")
        low, high, method = self.limits(z)
        if not (np.isfinite(low) and np.isfinite(high)):
            return Cell(value=self.value, n=self.n, reason=method)
        return Cell(value=self.value, low=low, high=high, n=self.n, method=method, drawn=self.drawn)


GroupEstimates: TypeAlias = "dict[tuple[str | None, str], Estimate]"
"""{(name of the group, metric name): estimate}; the group is None for all images."""


@dataclass(frozen=True)
class Design:
    """Inputs of the estimates of one view.

    Attributes
    ----------
    sample
        The sample in that view.
    table
        The groups, and the values of the metrics in them.
    plan
        Number of resamples, and the random numbers.
    """

    sample: Sample
    table: GroupTable
    plan: Plan

    @property
    def stream(self) -> str:
        """Name of the stream of random numbers."""
        return f"bootstrap {self.table.grouping.feature}"

    @cached_property
    def n_units(self) -> list[int]:
        """Number of independent units with an image in each group."""
        return [len(np.unique(self.sample.units[rows])) for rows in self.table.rows]


def normal_limits(value: float, se: float, bounds: tuple[float, float], *, method: str) -> Limits:
    """Return the limits value ± z·se, clipped to the bounds of the metric."""

    def limits(z: float) -> tuple[float, float, str]:
        return max(bounds[0], value - z * se), min(bounds[1], value + z * se), method

    return limits


def undefined(reason: str, n: int | None = None) -> Estimate:
    """Return the estimate of an undefined quantity."""
    return Estimate(float("nan"), n, reason=reason)


def spread(replicates: NDArray[np.float64]) -> float:
    """Return the standard deviation of the defined replicates; NaN for fewer than two."""
    defined = replicates[np.isfinite(replicates)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")
