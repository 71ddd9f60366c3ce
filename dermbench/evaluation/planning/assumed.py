"""What every plan assumes and asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dermbench.evaluation.planning.study import Asked

DEFAULT_AMOUNT = 0.1
"""Drop, and margin, where none is stated."""
DEFAULT_CORRELATION = 0.3
"""Intra-class correlation of images of one unit, where none is stated."""


@dataclass(frozen=True)
class Assumed:
    """What is assumed, and asked, in both kinds of plan.

    Attributes
    ----------
    rate
        Share of right answers in every group without a drop.
    correlation
        Intra-class correlation of the answers on two images of a unit.
    drop, margin
        Drop to find, and margin to show; with one of them alone, a new study answers that question only.
    seed
        Seed of the simulations.
    """

    rate: float = 0.8
    correlation: float = DEFAULT_CORRELATION
    drop: float | None = None
    margin: float | None = None
    seed: int = 0

    def asked(self) -> list[tuple[Asked, float]]:
        """Return the questions of a new study; both, about .10, where none is stated."""
        given: list[tuple[Asked, float | None]] = [("drop", self.drop), ("margin", self.margin)]
        return [(name, x) for name, x in given if x is not None] or [(name, DEFAULT_AMOUNT) for name, _ in given]
