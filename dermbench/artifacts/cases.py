"""Cases: one prediction and one row of the truth for each lesion or patient, combined from its images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.predictions import Predictions, make_predictions
from dermbench.artifacts.skin import is_unknown
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pandas.core.groupby import SeriesGroupBy

    from dermbench.artifacts.truth import Truth

CASES = ("lesion_id", "patient_id")
"""Columns whose values can be cases."""
KEPT = ("image_id", "label", *UNITS)
"""Columns without spellings of "unknown": every text is a value."""
MEASURED = ("age", "ita")
"""Columns that are averaged over the images of a case."""


@dataclass(frozen=True)
class Cases:
    """The cases of a truth, and the assignment of images to them.

    Attributes
    ----------
    column
        Column that defines the cases: ``lesion_id`` or ``patient_id``.
    truth
        One row per case; ``image_id`` is the id of the case.
    code
        Row of the case of each image, shape (n_images,).
    conflicts
        {column: number of cases whose images disagree}; the value of such a case is unknown.
    n_alone
        Number of images without an id in ``column``; each is its own case.
    """

    column: str
    truth: Truth
    code: NDArray[np.intp]
    conflicts: dict[str, int]
    n_alone: int

    def combine(self, predictions: Predictions, features: Sequence[str] = ()) -> Predictions:
        """Return one prediction per case: the mean probability of its images.

        Without probabilities it is the most frequent predicted class; of tied classes, the first.

        Parameters
        ----------
        predictions
            Predictions for the images; all must be usable.
        features
            Columns of the truth whose conflicts within cases are reported in :attr:`Predictions.interpreted`.
        """
        votes = np.eye(len(predictions.classes))[predictions.y_pred]
        if predictions.y_prob is not None:
            votes = predictions.y_prob
        sizes = np.bincount(self.code)
        total = np.column_stack([np.bincount(self.code, column, len(sizes)) for column in votes.T])
        ids = self.truth.image_id
        if predictions.y_prob is None:
            n_tied = int(((total == total.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
            method = f"majority of the predicted classes; ties: {n_tied:,}"
            made = replace(predictions, image_id=ids, y_pred=total.argmax(axis=1).astype(np.intp))
        else:
            method = "mean probability"
            mean = make_predictions(ids, total / sizes[:, None], predictions.classes)
            made = replace(mean, unanswered=predictions.unanswered)
        return replace(made, interpreted=(*predictions.interpreted, *self._sentences(method, features)))

    def _sentences(self, method: str, features: Sequence[str]) -> list[str]:
        said = [f"{len(self.code):,} images scored as {len(self.truth):,} cases by {self.column} ({method})."]
        if self.n_alone:
            said.append(f"Images without {self.column}, each a case of its own: {self.n_alone:,}.")
        said += [
            f"Cases whose images differ in {name}, which is unknown for them: {self.conflicts[name]:,}."
            for name in dict.fromkeys(features)
            if name in self.conflicts
        ]
        return said


def find_cases(truth: Truth, column: str) -> Cases:
    """Combine the images of a truth into cases.

    All images of a case must have the same label. In other columns, a case has the value that its images agree on,
    ignoring missing values; if they disagree it is missing. Measurements (:data:`MEASURED`) are averaged. Ids
    below the case (``lesion_id`` within patients, ``duplicate_group``) are dropped; ids above it must agree. An
    image without an id in ``column`` is its own case.

    Parameters
    ----------
    truth
        One row per image.
    column
        ``lesion_id`` or ``patient_id``.

    Raises
    ------
    UsageError
        For another ``column`` or one that the truth lacks; with all cases whose images differ in label or in an id
        above the case.
    """
    if column not in CASES:
        raise UsageError(f"--aggregate {column}: images are put together by {' or '.join(CASES)}")
    table = pd.DataFrame({name: _known(values) for name, values in truth.table.items()})
    if column not in table or not table[column].notna().any():
        raise UsageError(f"--aggregate {column}: the truth has no {column}")
    alone = table[column].isna()
    names = table[column].astype(object).where(~alone, "image " + table["image_id"].astype(object))
    grouped = table.drop(columns=["image_id"]).groupby(names.to_numpy(dtype=object), sort=True)
    above = UNITS[: UNITS.index(column)]
    problems = [
        f"{column} with more than one {name}: {name_some(differ.index[differ])}"
        for name in ("label", *(name for name in above if name in table))
        if (differ := _differs(grouped[name])).any()
    ]
    if problems:
        raise UsageError(
            f"--aggregate {column}: {'; '.join(problems)}",
            remedy="Images of a case show one diagnosis of one patient. Correct the ids, or evaluate images.",
        )
    dropped = {"image_id", *UNITS[UNITS.index(column) + 1 :]}
    kept = [str(name) for name in table.columns if name not in dropped]
    values, conflicts = {}, {}
    for name in kept:
        if name in MEASURED and is_numeric_dtype(table[name]):
            values[name] = grouped[name].mean()
            continue
        differ = _differs(grouped[name])
        values[name] = grouped[name].first().mask(differ)
        conflicts[name] = int(differ.sum())
    cases = pd.DataFrame(values)
    cases.insert(0, "image_id", cases.index.astype("string"))
    return Cases(
        column,
        replace(truth, table=cases.reset_index(drop=True)),
        np.asarray(grouped.ngroup(), dtype=np.intp),
        {name: n for name, n in conflicts.items() if n},
        int(alone.sum()),
    )


def _known(values: pd.Series) -> pd.Series:
    return values if values.name in KEPT else values.mask(is_unknown(values))


def _differs(values: SeriesGroupBy[Any, Any]) -> pd.Series:
    """Return whether each case has more than one value, ignoring missing values."""
    n_values: pd.Series = values.nunique()
    return n_values > 1
