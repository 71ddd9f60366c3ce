"""Check whether published accuracy, F1 and kappa are consistent with each other and the number of classes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import decimal, interval

if TYPE_CHECKING:
    from dermbench.leaderboard.reported import Row

Range = tuple[float, float]
NOTHING = "nothing to check against each other"


def consistency(row: Row, n_classes: int) -> list[str]:
    """Return one sentence for each check that the row's numbers allow.

    Every number stands for all values that round to it: ``.61`` for .605 to .615.

    * With one class per image, micro-F1 equals accuracy.
    * Kappa k and accuracy a imply the chance agreement p = (a - k) / (1 - k). It cannot be negative, and it is at
      least 1/C when each of C classes is predicted as often as it occurs (Cauchy-Schwarz).

    Parameters
    ----------
    row
        Published numbers.
    n_classes
        Number of classes; 0 when unknown.
    """
    if row.approximate:
        return ["rough numbers: " + NOTHING]
    ranges = {name: _range(value) for name, value in row.scores.items()}
    found = [_micro(ranges), _kappa(ranges, n_classes), _macro(ranges)]
    return [sentence for sentence in found if sentence] or [NOTHING]


def chance_agreement(accuracy: Range, kappa: Range) -> Range:
    """Return the range of (a - k) / (1 - k), which rises with a and falls with k (for a <= 1).

    Parameters
    ----------
    accuracy, kappa
        Lowest and highest value; ``kappa`` below 1.
    """
    return (accuracy[0] - kappa[1]) / (1 - kappa[1]), (accuracy[1] - kappa[0]) / (1 - kappa[0])


def _range(value: Decimal) -> Range:
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(exponent - 1) if isinstance(exponent, int) else Decimal(0)
    return float(value - half), float(value + half)


def _micro(ranges: dict[str, Range]) -> str:
    if not {"accuracy", "micro_f1"} <= ranges.keys():
        return ""
    a, f = ranges["accuracy"], ranges["micro_f1"]
    if max(a[0], f[0]) <= min(a[1], f[1]):
        return "micro-F1 is accuracy, as it must be"
    return "does not fit: with one class an image, micro-F1 is accuracy"


def _kappa(ranges: dict[str, Range], n_classes: int) -> str:
    if not {"accuracy", "cohen_kappa"} <= ranges.keys() or ranges["cohen_kappa"][1] >= 1:
        return ""
    low, high = chance_agreement(ranges["accuracy"], ranges["cohen_kappa"])
    need = f"accuracy and κ need a chance agreement of at most {decimal(high, digits=3)}"
    if high < 0:
        return f"does not fit: κ is above accuracy, {need}"
    if n_classes and high < 1 / n_classes:
        least = decimal(1 / n_classes, digits=3)
        return f"does not fit: {need}, below 1/{n_classes} = {least}, the least with equal margins"
    return f"κ fits accuracy: chance agreement within {interval(max(low, 0.0), high)}"


def _macro(ranges: dict[str, Range]) -> str:
    if not {"accuracy", "macro_f1"} <= ranges.keys() or ranges["macro_f1"][0] <= ranges["accuracy"][1]:
        return ""
    return "macro-F1 above accuracy: as a rule rare classes are then recognised better than frequent ones"
