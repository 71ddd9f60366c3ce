"""From numbers in a file to probabilities; percent are recognised, and logits are read on request only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.text_form import to_numbers, to_text
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

SUM_TOLERANCE = 1e-3
"""Largest distance from 1 of the sum of a row of probabilities (float32 and printed digits stay within)."""
PERCENT_TOLERANCE = 1.0
"""Largest distance from 100 of the sum of every row of percentages."""
ROUNDED = 0.025
"""Largest distance from 1 of sums of probabilities with two digits."""
LOGITS = "If the scores are logits, add --logits, which applies a softmax to each row."
DIGITS = "Write the probabilities with all their digits; these look rounded to two."


@dataclass(frozen=True)
class Values:
    """Scores by column of the file.

    Attributes
    ----------
    prob
        Probabilities, shape (n, n_columns). Invalid if there are problems.
    problems
        Problems, one sentence each.
    interpreted
        Conversions of the numbers, in sentences.
    remedy
        Remedy for the problems.
    """

    prob: NDArray[np.float64]
    problems: tuple[str, ...] = ()
    interpreted: tuple[str, ...] = ()
    remedy: str | None = None


def read_values(
    columns: Sequence[pd.Series], ids: pd.Series, *, decimal_comma: bool, logits: bool, complete: bool
) -> Values:
    """Read the columns with scores.

    Parameters
    ----------
    columns
        One column per class.
    ids
        Ids of the rows, for messages.
    decimal_comma
        Whether commas in numbers may be decimal commas.
    logits
        Whether the numbers are logits.
    complete
        Whether there is a column for every class; only then are the sums of rows checked.
    """
    numbers, said, signed = _numbers(columns, decimal_comma=decimal_comma)
    finite = np.asarray(np.isfinite(numbers).all(axis=1), dtype=bool)
    problems = []
    if not finite.all():
        problems.append(f"NaN, infinite or no number for image_id {name_some(ids[~finite])}")
    if logits:
        return _from_logits(numbers, finite, problems, said)
    percent = complete and finite.all() and _is_percent(numbers)
    if percent:
        return Values(numbers / 100, tuple(problems), (*said, "Probabilities read from percent."))
    if signed:
        problems.append("percentages do not sum to 100 (within 1) in every row")
    else:
        problems += _wrong_probabilities(numbers, finite, ids, complete=complete)
    return Values(numbers, tuple(problems), said, _remedy(numbers[finite], complete=complete))


def _numbers(
    columns: Sequence[pd.Series], *, decimal_comma: bool
) -> tuple[NDArray[np.float64], tuple[str, ...], bool]:
    """Return the numbers, a sentence on decimal commas, and whether all numbers have a percent sign."""
    plain = np.column_stack([to_numbers(column).to_numpy() for column in columns])
    texts = {i: to_text(column) for i, column in enumerate(columns) if not np.isfinite(plain[:, i]).all()}
    present = {i: text.str.strip() for i, text in texts.items() if text.notna().any()}
    signed = len(present) == len(columns) and all(text.str.endswith("%").all() for text in present.values())
    if signed:
        present = {i: text.str.removesuffix("%") for i, text in present.items()}
    commas = decimal_comma and any(text.str.contains(",", regex=False).any() for text in present.values())
    for i, text in present.items():
        plain[:, i] = to_numbers(text, decimal_comma=decimal_comma).to_numpy()
    return plain, ("Decimal commas read.",) if commas else (), signed


def _from_logits(
    numbers: NDArray[np.float64], finite: NDArray[np.bool_], problems: list[str], said: tuple[str, ...]
) -> Values:
    there = numbers[finite]
    if len(there) and (there >= 0).all() and (np.abs(there.sum(axis=1) - 1) <= SUM_TOLERANCE).all():
        problems.append("every row sums to 1: these are probabilities, not logits")
        return Values(numbers, tuple(problems), remedy="Leave out --logits.")
    shifted = np.where(finite[:, None], numbers, 0.0)
    power = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return Values(
        power / power.sum(axis=1, keepdims=True),
        tuple(problems),
        (*said, "Probabilities are the softmax of the given logits."),
    )


def _is_percent(numbers: NDArray[np.float64]) -> bool:
    sums = numbers.sum(axis=1)
    return bool(len(numbers) and (numbers >= 0).all() and (np.abs(sums - 100) <= PERCENT_TOLERANCE).all())


def _wrong_probabilities(
    prob: NDArray[np.float64], finite: NDArray[np.bool_], ids: pd.Series, *, complete: bool
) -> list[str]:
    problems = []
    outside = np.asarray(finite & ((prob < 0) | (prob > 1)).any(axis=1), dtype=bool)
    if outside.any():
        problems.append(f"probability outside of 0 to 1 for image_id {name_some(ids[outside])}")
    total = prob.sum(axis=1)
    off = finite & ~outside & (np.abs(total - 1) > SUM_TOLERANCE)
    if complete and off.any():
        problems.append(
            f"probabilities do not sum to 1 (within {SUM_TOLERANCE:g}) for {int(off.sum()):,} image_id: "
            f"{name_some(ids[off])} (first sum {total[off][0]:.6g})"
        )
    return problems


def _remedy(numbers: NDArray[np.float64], *, complete: bool) -> str | None:
    """Return a remedy for numbers that are not probabilities; None if there is no specific one."""
    off = np.abs(numbers.sum(axis=1) - 1)
    if not complete or not len(off) or (off <= SUM_TOLERANCE).all():
        return None
    if (numbers >= 0).all() and (off <= ROUNDED).all():
        return DIGITS
    return LOGITS if (off > SUM_TOLERANCE).mean() > 0.5 else None
