"""Rules by which the epoch is chosen, always on the validation split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""Row of the history."""


@dataclass(frozen=True)
class Selection:
    """Columns of the history, which way each is better, and what to make of several.

    With one column the best epoch is chosen. With several it is the one nearest to utopia, the point that
    has the best value of each column over all epochs (distance to optimal, DTO; Zong et al. 2023, MEDFAIR).
    Of equal epochs the earliest is chosen.

    Attributes
    ----------
    columns
        Columns of ``history.csv``.
    sign
        1 when higher is better, -1 when lower is.
    words
        The rule in words, for ``run.json``.
    of_groups
        Whether it looks at groups of the sensitive feature.
    """

    columns: tuple[str, ...]
    sign: int
    words: str
    of_groups: bool = False

    def choose(self, history: Sequence[Row]) -> int:
        """Return the position in ``history`` of the row that the rule chooses."""
        values = [self._values(row) for row in history]
        utopia = [max(column) for column in zip(*values, strict=True)]
        distances = [math.dist(point, utopia) for point in values]
        return distances.index(min(distances))

    def candidates(self, history: Sequence[Row]) -> set[int]:
        """Return the epochs whose weights must be kept: the chosen one, and those that it yet may be.

        Later epochs move utopia, so every epoch may be chosen that no other beats in all columns.
        """
        values = [self._values(row) for row in history]
        kept = {self.choose(history)}
        if len(self.columns) > 1:
            kept |= {k for k, point in enumerate(values) if not any(_beats(other, point) for other in values)}
        return {int(history[k]["epoch"]) for k in kept}

    def _values(self, row: Row) -> tuple[float, ...]:
        return tuple(self.sign * row[column] for column in self.columns)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


SELECTIONS: Mapping[str, Selection] = {
    "macro_f1": Selection(("val_macro_f1",), 1, "best macro_f1"),
    "accuracy": Selection(("val_accuracy",), 1, "best accuracy"),
    "loss": Selection(("val_loss",), -1, "best loss"),
    "last": Selection(("epoch",), 1, "the last epoch, whatever its scores"),
    "worst_group": Selection(("val_worst_accuracy",), 1, "best accuracy of the worst group", of_groups=True),
    "dto": Selection(
        ("val_accuracy", "val_worst_accuracy"),
        1,
        "least distance to the best accuracy and the best accuracy of the worst group over all epochs",
        of_groups=True,
    ),
}
"""Selection rules by name."""
