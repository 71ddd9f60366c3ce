"""Rules by which the epoch is chosen, always on the validation split."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - part of the public annotation
from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """A column of the history, and which way it is better.

    Attributes
    ----------
    column
        Column of ``history.csv``.
    sign
        1 when higher is better, -1 when lower is.
    """

    column: str
    sign: int

    def better(self, score: float, best: float | None) -> bool:
        """Return whether ``score`` beats ``best``; a tie keeps the earlier epoch."""
        return best is None or self.sign * score > self.sign * best


SELECTIONS: Mapping[str, Selection] = {
    "macro_f1": Selection("val_macro_f1", 1),
    "accuracy": Selection("val_accuracy", 1),
    "loss": Selection("val_loss", -1),
}
"""Selection rules by name."""
