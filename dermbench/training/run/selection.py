"""Rules that choose the epoch, always on the validation split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""Row of the history."""


@dataclass(frozen=True)
class Selection:
    """A column of ``history.csv`` whose best value chooses the epoch.

    Attributes
    ----------
    column
        Name of the column.
    sign
        1 when higher is better, -1 when lower is.
    words
        Description of the rule, for ``run.json``.
    of_groups
        Whether it compares groups of the sensitive feature.
    """

    column: str
    sign: int
    words: str
    of_groups: bool = False

    def choose(self, history: Sequence[Row]) -> Row:
        """Return the best row; the earliest of equal ones."""
        return max(history, key=lambda row: self.sign * row[self.column])


SELECTIONS: Mapping[str, Selection] = {
    "macro_f1": Selection("val_macro_f1", 1, "best macro-F1"),
    "accuracy": Selection("val_accuracy", 1, "best accuracy"),
    "loss": Selection("val_loss", -1, "best loss"),
    "last": Selection("epoch", 1, "the last epoch, whatever its scores"),
    "worst_group": Selection("val_worst_accuracy", 1, "best accuracy of the worst group", of_groups=True),
}
"""Selection rules by name."""
