"""Where the power of a simulated protocol reaches 80 %: the closed form, corrected by simulations.

On the probit scale the simulated power is taken as a line in the power of the closed form. The line is fitted to
the simulations (minimum chi-squared, Berkson 1955), its slope as for a normal prior around 1. Few simulations wide
around the first guess come first, most of them at the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POWER = 0.8
"""Power that is planned for."""
WIDE = (0.55, POWER, 0.93)
"""Powers of the closed form at which the first simulations are made."""
SLOPE_SD = 0.1
"""How far the slope of the line is from 1, as a standard deviation."""
FARTHEST = 4.0
"""Largest probit of a power."""
HOPELESS = 5.0
"""Monte-Carlo errors below the power wanted from which on the largest x is not simulated again."""
STEPS = 40
"""Halvings of an interval."""


class Question(Protocol):
    """What is searched: a power that rises with x, a drop or a number of units."""

    low: float
    high: float
    whole: bool

    def closed(self, x: float) -> float:
        """Return the power of the closed form."""

    def count(self, x: float, n_sets: int, stream: str) -> int:
        """Return in how many of ``n_sets`` simulated test sets the answer is yes."""


class Tried(NamedTuple):
    """``yes`` of ``n_sets`` simulated test sets said yes at ``x``."""

    x: float
    yes: int
    n_sets: int


@dataclass(frozen=True)
class Line:
    """Simulated power as a line in that of the closed form, both as probits.

    Attributes
    ----------
    coefficients
        Slope and intercept.
    covariance
        Theirs, shape (2, 2).
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def through(cls, closed: Sequence[float], tried: Sequence[Tried]) -> Line:
        """Fit the line to simulations."""
        x = _probit(np.array(closed))
        n = np.array([t.n_sets for t in tried], dtype=np.float64)
        share = (np.array([t.yes for t in tried]) + 0.5) / (n + 1)
        y = ndtri(share)
        weight = n * np.exp(-(y**2)) / (2 * np.pi * share * (1 - share))
        design = np.column_stack([x, np.ones(len(x))])
        information = (design.T * weight) @ design + np.diag([SLOPE_SD**-2, 0.0])
        moment = design.T @ (weight * y) + np.array([SLOPE_SD**-2, 0.0])
        return cls(np.linalg.solve(information, moment), np.linalg.inv(information))

    def power(self, closed: float) -> float:
        """Return the power where the closed form has this one."""
        return float(ndtr(self._row(closed) @ self.coefficients))

    def error(self, closed: float) -> float:
        """Return the Monte-Carlo error of :meth:`power`."""
        row = self._row(closed)
        density = np.exp(-0.5 * float(row @ self.coefficients) ** 2) / np.sqrt(2 * np.pi)
        return float(density * np.sqrt(row @ self.covariance @ row))

    def closed_at(self, power: float) -> float:
        """Return the power of the closed form where this one is reached."""
        return float(ndtr((ndtri(power) - self.coefficients[1]) / self.coefficients[0]))

    def _row(self, closed: float) -> NDArray[np.float64]:
        return np.array([float(_probit(np.array(closed))), 1.0])


@dataclass(frozen=True)
class Answer:
    """Where the power is reached.

    Attributes
    ----------
    x
        The smallest drop, or number of units, with the power; None where the largest one has less.
    power, error
        Power there, or at the largest x, with its Monte-Carlo error.
    tried
        The simulations.
    line
        What the curve is drawn with.
    """

    x: float | None
    power: float
    error: float
    tried: tuple[Tried, ...]
    line: Line

    @property
    def n_sets(self) -> int:
        """Number of simulated test sets."""
        return sum(t.n_sets for t in self.tried)


def search(question: Question, rounds: Sequence[int]) -> Answer:
    """Find where the power is 80 %.

    Parameters
    ----------
    question
        What is searched.
    rounds
        Test sets of each of the first simulations, then of each further one.
    """
    first, *further = rounds
    tried: list[Tried] = []

    def simulate(x: float, n_sets: int) -> None:
        tried.append(Tried(x, question.count(x, n_sets, str(len(tried))), n_sets))

    for x in dict.fromkeys(reach(question, power) for power in WIDE):
        simulate(x, first)
    line = _line(question, tried)
    most = question.closed(question.high)
    hopeless = line.power(most) + HOPELESS * line.error(most) < POWER
    for n_sets in () if hopeless else further:
        simulate(reach(question, line.closed_at(POWER)), n_sets)
        line = _line(question, tried)
    x = reach(question, line.closed_at(POWER))
    closed = question.closed(x)
    reached = x < question.high or line.power(closed) >= POWER
    return Answer(x if reached else None, line.power(closed), line.error(closed), tuple(tried), line)


def reach(question: Question, power: float) -> float:
    """Return the smallest x at which the closed form has this power, or the largest x there is."""
    low, high = question.low, question.high
    if question.closed(low) >= power:
        return low
    if question.closed(high) < power:
        return high
    for _ in range(STEPS):
        if high - low <= (1 if question.whole else 1e-4):
            break
        middle = (low + high) / 2
        if question.whole:
            middle = float(int(np.sqrt(low * high) if high > 4 * low else middle))
        low, high = (low, middle) if question.closed(middle) >= power else (middle, high)
    return high


def _line(question: Question, tried: Sequence[Tried]) -> Line:
    return Line.through([question.closed(t.x) for t in tried], tried)


def _probit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    edge = ndtr(-FARTHEST)
    return np.asarray(ndtri(np.clip(share, edge, 1 - edge)))
