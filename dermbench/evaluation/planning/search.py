"""Search for the point where the power of the simulated protocol reaches 80 %.

The closed form is corrected by simulations. On the probit scale, simulated power is modelled as a line in
closed-form power, fitted by minimum chi-squared (Berkson 1955) with a normal prior around 1 for the slope. A few
simulations widely around the first guess come first; most simulations are made at the answer.
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
"""Power to reach."""
WIDE = (0.55, POWER, 0.93)
"""Closed-form powers at which the first simulations are made."""
SLOPE_SD = 0.1
"""Standard deviation of the prior of the slope."""
FARTHEST = 4.0
"""Largest probit of a power."""
HOPELESS = 5.0
"""If the power at the largest x is this many Monte-Carlo errors too low, the search stops."""
STEPS = 40
"""Bisection steps."""


class Question(Protocol):
    """A power that rises with x, which is a drop or a number of units."""

    low: float
    high: float
    whole: bool

    def closed(self, x: float) -> float:
        """Return the closed-form power."""

    def count(self, x: float, n_sets: int, stream: str) -> int:
        """Return the number of simulated test sets, of ``n_sets``, in which the answer is yes."""


class Tried(NamedTuple):
    """A simulation: ``yes`` of ``n_sets`` test sets gave the answer yes at ``x``."""

    x: float
    yes: int
    n_sets: int


@dataclass(frozen=True)
class Line:
    """Simulated power as a line in closed-form power, both as probits.

    Attributes
    ----------
    coefficients
        Slope and intercept.
    covariance
        Covariance of slope and intercept, shape (2, 2).
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
        """Return the power for a closed-form power."""
        return float(ndtr(self._row(closed) @ self.coefficients))

    def error(self, closed: float) -> float:
        """Return the Monte-Carlo error of :meth:`power`."""
        row = self._row(closed)
        density = np.exp(-0.5 * float(row @ self.coefficients) ** 2) / np.sqrt(2 * np.pi)
        return float(density * np.sqrt(row @ self.covariance @ row))

    def closed_at(self, power: float) -> float:
        """Return the closed-form power at which a power is reached."""
        return float(ndtr((ndtri(power) - self.coefficients[1]) / self.coefficients[0]))

    def _row(self, closed: float) -> NDArray[np.float64]:
        return np.array([float(_probit(np.array(closed))), 1.0])


@dataclass(frozen=True)
class Answer:
    """Result of a search.

    Attributes
    ----------
    x
        Smallest drop, or number of units, at which the power is reached; None if the largest one has less power.
    power, error
        Power at ``x`` (or at the largest one), with its Monte-Carlo error.
    tried
        The simulations.
    line
        The fitted line, from which the curve is drawn.
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
    """Find the smallest x with a power of 80 %.

    Parameters
    ----------
    question
        The power as a function of x.
    rounds
        Number of test sets in each of the first simulations, then in each further one.
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
    """Return the smallest x at which the closed form has this power, or the largest x if none has it."""
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
