"""The predictions file: ``image_id`` with one probability a class, or with a predicted class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.prediction_columns import PREFIX, Spelling, read_scores
from dermbench.artifacts.tables import TableSource, read_table, source_name, write_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.class_map import ClassMap
    from dermbench.artifacts.report import Missing
    from dermbench.artifacts.truth import Truth

EXACT = 1e-12
"""Rows whose sum is this close to 1 are kept to the bit, so that writing and reading changes nothing."""


@dataclass(frozen=True)
class Predictions:
    """Predictions for the images of a truth table, sorted by ``image_id``.

    Attributes
    ----------
    image_id
        Ids, shape (n_samples,).
    classes
        Ordered class set.
    y_pred
        Predicted class indices, shape (n_samples,); of tied probabilities the lowest index.
    y_prob
        Class probabilities, shape (n_samples, n_classes), rows summing to 1; None for labels only.
    interpreted
        What was done to the predictions as they were given, in sentences for the report.
    missing
        How many images had no prediction; None where a missing one is refused.
    """

    image_id: NDArray[np.object_]
    classes: tuple[str, ...]
    y_pred: NDArray[np.intp]
    y_prob: NDArray[np.float64] | None = None
    interpreted: tuple[str, ...] = ()
    missing: Missing | None = None

    def __len__(self) -> int:
        return len(self.image_id)

    @property
    def n_tied(self) -> int:
        """Number of images whose highest probability is shared by several classes."""
        if self.y_prob is None:
            return 0
        top = self.y_prob.max(axis=1, keepdims=True)
        return int(((self.y_prob == top).sum(axis=1) > 1).sum())

    def table(self) -> pd.DataFrame:
        """Return the predictions as the file's table."""
        if self.y_prob is None:
            names = np.asarray(self.classes, dtype=object)[self.y_pred]
            return pd.DataFrame({"image_id": self.image_id, "pred": names})
        columns = {f"{PREFIX}{name}": self.y_prob[:, i] for i, name in enumerate(self.classes)}
        return pd.DataFrame({"image_id": self.image_id, **columns})

    @cached_property
    def digest(self) -> str:
        """Content hash of :meth:`table`."""
        return table_digest(self.table())


def make_predictions(
    image_id: Sequence[str] | NDArray[np.object_], y_prob: NDArray[np.floating], classes: Sequence[str]
) -> Predictions:
    """Build predictions from probabilities, sorted by id and renormalised in double precision.

    Parameters
    ----------
    image_id
        Unique ids, shape (n_samples,).
    y_prob
        Non-negative, rows summing to about 1, shape (n_samples, n_classes).
    classes
        Ordered class set.
    """
    ids = np.asarray(image_id, dtype=object)
    order = np.argsort(ids.astype(str), kind="stable")
    prob = np.asarray(y_prob, dtype=np.float64)[order]
    total = prob.sum(axis=1, keepdims=True)
    prob = np.where(np.abs(total - 1) > EXACT, prob / total, prob)
    return Predictions(ids[order], tuple(classes), prob.argmax(axis=1), prob)


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write predictions as ``.parquet`` or ``.csv``, atomically."""
    write_table(path, predictions.table())


def read_predictions(
    source: TableSource,
    truth: Truth,
    *,
    aliases: Mapping[str, str] | None = None,
    ignore_ids: Collection[str] = (),
    class_map: ClassMap | None = None,
    partial: bool = False,
) -> Predictions:
    """Read predictions for exactly the images of ``truth``.

    Read are ``image_id`` with ``prob_<class>`` columns; ``image_id`` with ``pred``; Kaggle's
    ``md5hash,label``; ISIC's ``image`` with one column a class.

    Parameters
    ----------
    source
        ``.csv``, ``.tsv`` or ``.parquet`` file, or a data frame.
    truth
        Gives the class set and the ids that must be there, each once.
    aliases
        Further spellings of classes.
    ignore_ids
        Ids that may be there and are left out, such as those of other splits.
    class_map
        Classes of the model, each with a class of the truth. Probabilities of the same class of the truth are
        added; a class of the truth that no class of the model stands for gets 0.
    partial
        Return the predictions of the images that have one, instead of refusing a file that lacks some. A row
        without any value is no prediction.

    Raises
    ------
    InputError
        With all problems of the file in one message.
    """
    table, origin = read_table(source).frame, source_name(source)
    id_column = find_column(table, "image_id")
    if id_column is None:
        raise InputError(origin, [f"no column image_id; found {', '.join(map(str, table.columns))}"])
    ids, body = to_text(table[id_column]), table.drop(columns=[id_column])
    leave_out = _blank(body) if partial else np.zeros(len(body), dtype=bool)
    if ignore_ids:
        leave_out |= ids.isin(set(ignore_ids) - set(truth.image_id)).to_numpy(dtype=bool)
    if leave_out.any():
        ids, body = ids[~leave_out].reset_index(drop=True), body[~leave_out].reset_index(drop=True)
    names = ids.fillna("").to_numpy(dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    same_ids = np.array_equal(names[order], truth.image_id)
    problems = [] if same_ids else _id_problems(ids, truth, partial=partial)
    found = read_scores(body, ids, Spelling(truth.classes, aliases, class_map))
    if problems or found.problems:
        remedy = class_map.remedy if class_map is not None and found.unmapped else None
        raise InputError(origin, [*problems, *found.problems], remedy=remedy)
    values, there = found.table[order], truth.image_id if same_ids else names[order]
    if values.ndim == 1:
        made = Predictions(there, truth.classes, values.astype(np.intp))
    else:
        made = make_predictions(there, values, truth.classes)
    return replace(made, interpreted=found.interpreted)


def _blank(body: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have no value in any column."""
    blank = np.ones(len(body), dtype=bool)
    for column in body.columns:
        if blank.any():
            blank &= to_text(body[column]).isna().to_numpy(dtype=bool)
    return blank


def _id_problems(ids: pd.Series, truth: Truth, *, partial: bool) -> list[str]:
    problems = []
    empty = np.flatnonzero(ids.isna())
    if len(empty):
        problems.append(f"empty image_id in {name_some(f'row {i + 2}' for i in empty)}")
    repeated = ids[ids.duplicated()].dropna().unique()
    if len(repeated):
        problems.append(f"{len(repeated):,} repeated image_id: {name_some(repeated)}")
    there, wanted = set(ids.dropna()), set(truth.image_id)
    if wanted - there and not partial:
        problems.append(f"{len(wanted - there):,} missing image_id: {name_some(sorted(wanted - there))}")
    if there - wanted:
        problems.append(
            f"{len(there - wanted):,} image_id that the truth does not have: {name_some(sorted(there - wanted))}"
        )
    return problems
