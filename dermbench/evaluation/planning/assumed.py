"""Assumptions and questions of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dermbench.evaluation.planning.study import Asked

DEFAULT_AMOUNT = 0.1
"""Default drop and margin."""
DEFAULT_CORRELATION = 0.3
"""Default intra-class correlation of images of one unit."""


@dataclass(frozen=True)
class Assumed:
    """Assumptions and questions of both kinds of plan.

    Attributes
    ----------
    rate
        Share of right answers in every group without a drop, above 0 and below 1.
    correlation
        Intra-class correlation of the answers on two images of a unit, at least 0 and below 1.
    drop, margin
        Drop to detect, and margin to show. If only one is given, a new study answers that question only.
    seed
        Seed of the simulations.
    """

    rate: float = 0.8
    correlation: float = DEFAULT_CORRELATION
    drop: float | None = None
    margin: float | None = None
    seed: int = 0

    def asked(self) -> list[tuple[Asked, float]]:
        """Return the questions of a new study; by default both, with the amount .10."""
        given: list[tuple[Asked, float | None]] = [("drop", self.drop), ("margin", self.margin)]
        return [(name, x) for name, x in given if x is not None] or [(name, DEFAULT_AMOUNT) for name, _ in given]
