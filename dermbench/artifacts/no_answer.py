"""Images without a usable prediction: the reasons, and their column in a predictions file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.text_form import to_text
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

Reason = Literal["missing", "refused", "unparsable"]
"""Why an image has no usable prediction: no row, a refusal, or an answer from which no class can be read."""
REASONS: tuple[Reason, ...] = get_args(Reason)
COLUMN = "no_answer"
"""Column of a predictions file with the reason; empty for a row with a prediction."""
WORDS: Mapping[Reason, str] = {
    "refused": "were refused",
    "unparsable": "could not be read",
    "missing": "have no prediction",
}
"""Words for the reasons in a sentence about answers."""


@dataclass(frozen=True)
class Reasons:
    """A predictions table, and the rows without a prediction.

    Attributes
    ----------
    reason
        Why each row has no prediction, None for a row with one, shape (n,). None if the table has no such column.
    body
        The table without that column.
    problems
        Problems of the column, one sentence each.
    """

    reason: NDArray[np.object_] | None
    body: pd.DataFrame
    problems: tuple[str, ...] = ()

    @property
    def absent(self) -> NDArray[np.bool_]:
        """Which rows have no prediction, shape (n,)."""
        if self.reason is None:
            return np.zeros(len(self.body), dtype=bool)
        return np.array([reason is not None for reason in self.reason], dtype=bool)


def no_answer_sentence(n: int, counts: Mapping[Reason, int], groups: Mapping[str, tuple[int, int]]) -> str:
    """Say how many images count as wrong, for which reasons, and of which skin types; empty if there are none.

    Parameters
    ----------
    n
        Number of images.
    counts
        {reason: number of images without a usable prediction}.
    groups
        {skin type: (number of images without a usable prediction, number of images)}.
    """
    total = sum(counts.values())
    if not total:
        return ""
    said = [f"{WORDS[reason]} ({counts[reason]:,})" for reason in WORDS if counts[reason]]
    shares = [f"{name} {100 * k / size:.0f} % ({k:,} of {size:,})" for name, (k, size) in groups.items()]
    by = f"; by skin type: {', '.join(shares)}" if shares else ""
    return f"{total:,} of {n:,} answers {' or '.join(said)}; they count as wrong{by}."


def split_reasons(body: pd.DataFrame, ids: pd.Series, source: Path | str) -> Reasons:
    """Separate the column of reasons from a predictions table.

    Parameters
    ----------
    body
        The table without its column of ids.
    ids
        Ids of the rows, for messages.
    source
        Name of the file, for messages.

    Returns
    -------
    Reasons
        Its problems name text that is not a reason, and rows with both a reason and another value.

    Raises
    ------
    InputError
        When two columns are called :data:`COLUMN`.
    """
    column = find_column(body, COLUMN, source=source)
    if column is None:
        return Reasons(None, body)
    text, rest = to_text(body[column]).str.strip().str.lower(), body.drop(columns=[column])
    given, odd = text.notna(), text.notna() & ~text.isin(REASONS)
    problems = []
    if odd.any():
        problems.append(
            f"{column!r} is {name_some(body[column][odd].unique())} for image_id {name_some(ids[odd])}; "
            f"a reason is {', '.join(REASONS)}, and empty beside a prediction"
        )
    both = given & ~blank_rows(rest)
    if both.any():
        problems.append(f"{column!r} beside a prediction for image_id {name_some(ids[both])}; keep one of the two")
    return Reasons(text.astype(object).where(given, None).to_numpy(dtype=object), rest, tuple(problems))


def blank_rows(body: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are empty in every column."""
    blank = np.ones(len(body), dtype=bool)
    for column in body.columns:
        if blank.any():
            blank &= to_text(body[column]).isna().to_numpy(dtype=bool)
    return blank
