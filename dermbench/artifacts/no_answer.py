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
"""Why an image has no usable prediction: no row, an answer that declines, an answer that names no class."""
REASONS: tuple[Reason, ...] = get_args(Reason)
COLUMN = "no_answer"
"""Column of a predictions file that holds the reason; empty where there is a prediction."""
WORDS: Mapping[Reason, str] = {
    "refused": "were refused",
    "unparsable": "could not be read",
    "missing": "have no prediction",
}
"""The reasons in a sentence about answers."""


@dataclass(frozen=True)
class Given:
    """The rows of a predictions table, those without a prediction told apart.

    Attributes
    ----------
    reason
        Why each row has no prediction, None where it has one, shape (n,); None where the table has no such column.
    body
        The table without that column.
    problems
        What is wrong with the column, one sentence a problem.
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
    """Say how many images count as wrong, why, and of which skin types they are; empty where none does.

    Parameters
    ----------
    n
        Number of images.
    counts
        How many of them have no usable prediction, for each reason.
    groups
        How many of a skin type have none, and how many images of it there are.
    """
    total = sum(counts.values())
    if not total:
        return ""
    said = [f"{WORDS[reason]} ({counts[reason]:,})" for reason in WORDS if counts[reason]]
    shares = [f"{name} {100 * k / size:.0f} % ({k:,} of {size:,})" for name, (k, size) in groups.items()]
    by = f"; by skin type: {', '.join(shares)}" if shares else ""
    return f"{total:,} of {n:,} answers {' or '.join(said)}; they count as wrong{by}."


def split_reasons(body: pd.DataFrame, ids: pd.Series, source: Path | str) -> Given:
    """Take the column with the reasons out of a predictions table.

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
    Given
        With a problem for text that is no reason, and for rows that have both a reason and something else.

    Raises
    ------
    InputError
        When two columns are called :data:`COLUMN`.
    """
    column = find_column(body, COLUMN, source=source)
    if column is None:
        return Given(None, body)
    text, rest = to_text(body[column]).str.strip().str.lower(), body.drop(columns=[column])
    given, odd = text.notna(), text.notna() & ~text.isin(REASONS)
    problems = []
    if odd.any():
        problems.append(
            f"{column!r} is {name_some(body[column][odd].unique())} for image_id {name_some(ids[odd])}; "
            f"a reason is {', '.join(REASONS)}, and empty where there is a prediction"
        )
    both = given & ~blank_rows(rest)
    if both.any():
        problems.append(f"{column!r} beside a prediction for image_id {name_some(ids[both])}; keep one of the two")
    return Given(text.astype(object).where(given, None).to_numpy(dtype=object), rest, tuple(problems))


def blank_rows(body: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have no value in any column."""
    blank = np.ones(len(body), dtype=bool)
    for column in body.columns:
        if blank.any():
            blank &= to_text(body[column]).isna().to_numpy(dtype=bool)
    return blank
