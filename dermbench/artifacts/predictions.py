"""The predictions file: ``image_id`` with one probability a class, or with a predicted class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.tables import read_table, to_text, write_table
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 in sum (float32 and printed digits stay within)."""
EXACT = 1e-12
"""Rows whose sum is this close to 1 are kept to the bit, so that writing and reading changes nothing."""
PREFIX = "prob_"


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
    """

    image_id: NDArray[np.object_]
    classes: tuple[str, ...]
    y_pred: NDArray[np.intp]
    y_prob: NDArray[np.float64] | None = None

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
        Non-negative, rows summing to 1 within :data:`SUM_TOLERANCE`, shape (n_samples, n_classes).
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
    path: Path | str,
    truth: Truth,
    *,
    aliases: Mapping[str, str] | None = None,
    ignore_ids: Collection[str] = (),
) -> Predictions:
    """Read predictions for exactly the images of ``truth``.

    Read are ``image_id`` with ``prob_<class>`` columns; ``image_id`` with ``pred``; Kaggle's
    ``md5hash,label``; ISIC's ``image`` with one column a class.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.parquet``.
    truth
        Gives the class set and the ids that must be there, each once.
    aliases
        Further spellings of classes.
    ignore_ids
        Ids that may be there and are left out, such as those of other splits.

    Raises
    ------
    InputError
        With all problems of the file in one message.
    """
    table = read_table(path)
    id_column = find_column(table, "image_id")
    if id_column is None:
        raise InputError(path, [f"no column image_id; found {', '.join(map(str, table.columns))}"])
    ids = to_text(table[id_column])
    if ignore_ids:
        keep = ~ids.isin(set(ignore_ids) - set(truth.image_id)).to_numpy(dtype=bool)
        table, ids = table[keep].reset_index(drop=True), ids[keep].reset_index(drop=True)
    problems = _id_problems(ids, truth)
    body = table.drop(columns=[id_column])
    if find_column(body, "pred") is not None and not any(str(c).startswith(PREFIX) for c in body.columns):
        values, more = _read_labels(body, ids, truth, aliases)
    else:
        values, more = _read_probabilities(body, ids, truth, aliases)
    problems += more
    if problems:
        raise InputError(path, problems)
    order = np.argsort(ids.to_numpy(dtype=object).astype(str), kind="stable")
    if values.ndim == 1:
        return Predictions(truth.image_id, truth.classes, values[order].astype(np.intp))
    return make_predictions(truth.image_id, values[order], truth.classes)


def _id_problems(ids: pd.Series, truth: Truth) -> list[str]:
    problems = []
    empty = np.flatnonzero(ids.isna())
    if len(empty):
        problems.append(f"empty image_id in {name_some(f'row {i + 2}' for i in empty)}")
    repeated = ids[ids.duplicated()].dropna().unique()
    if len(repeated):
        problems.append(f"{len(repeated):,} repeated image_id: {name_some(repeated)}")
    there, wanted = set(ids.dropna()), set(truth.image_id)
    if wanted - there:
        problems.append(f"{len(wanted - there):,} missing image_id: {name_some(sorted(wanted - there))}")
    if there - wanted:
        problems.append(
            f"{len(there - wanted):,} image_id that the truth does not have: {name_some(sorted(there - wanted))}"
        )
    return problems


def _read_labels(
    body: pd.DataFrame, ids: pd.Series, truth: Truth, aliases: Mapping[str, str] | None
) -> tuple[NDArray[np.float64], list[str]]:
    column = find_column(body, "pred")
    names = to_text(body[column])
    matched = match_labels(names, truth.classes, aliases=aliases)
    problems = [f"unexpected column {c!r} beside {column!r}" for c in body.columns if c != column]
    if names.isna().any():
        problems.append(f"no prediction for image_id {name_some(ids[names.isna()])}")
    unknown = names.notna() & matched.isna()
    if unknown.any():
        problems.append(
            f"unknown class: {name_some(names[unknown].unique())}; classes: {', '.join(truth.classes)}"
        )
    codes = pd.Categorical(matched.astype(object), categories=list(truth.classes)).codes
    return codes.astype(np.float64), problems


def _read_probabilities(
    body: pd.DataFrame, ids: pd.Series, truth: Truth, aliases: Mapping[str, str] | None
) -> tuple[NDArray[np.float64], list[str]]:
    columns, problems = _probability_columns(body, truth, aliases)
    if not columns:
        return np.empty((len(body), 0)), problems
    prob = np.column_stack(
        [pd.to_numeric(body[name], errors="coerce").to_numpy(np.float64, na_value=np.nan) for name in columns]
    )
    return prob, problems + _value_problems(prob, ids, complete=len(columns) == len(truth.classes))


def _value_problems(prob: NDArray[np.float64], ids: pd.Series, *, complete: bool) -> list[str]:
    problems = []
    finite = np.asarray(np.isfinite(prob).all(axis=1), dtype=bool)
    if not finite.all():
        problems.append(f"NaN, infinite or no number for image_id {name_some(ids[~finite])}")
    outside = np.asarray(finite & ((prob < 0) | (prob > 1)).any(axis=1), dtype=bool)
    if outside.any():
        problems.append(f"probability outside of 0 to 1 for image_id {name_some(ids[outside])}")
    total = prob.sum(axis=1)
    off = finite & ~outside & (np.abs(total - 1) > SUM_TOLERANCE)
    if complete and off.any():  # without a class the sum says nothing
        problems.append(
            f"probabilities do not sum to 1 (within {SUM_TOLERANCE:g}) for {int(off.sum()):,} image_id: "
            f"{name_some(ids[off])} (first sum {total[off][0]:.6g})"
        )
    return problems


def _probability_columns(
    body: pd.DataFrame, truth: Truth, aliases: Mapping[str, str] | None
) -> tuple[list[str], list[str]]:
    names = [str(c) for c in body.columns]
    prefixed = [c for c in names if c.startswith(PREFIX)]
    bare = {c: c.removeprefix(PREFIX) for c in (prefixed or names)}
    matched = match_labels(list(bare.values()), truth.classes, aliases=aliases)
    found: dict[str, str] = {}
    problems = [
        f"unexpected column {c!r} beside the {PREFIX} columns" for c in names if prefixed and c not in bare
    ]
    for column, label in zip(bare, matched, strict=True):
        if pd.isna(label):
            problems.append(f"unknown class in column {column!r}")
        elif label in found:
            problems.append(f"columns {found[label]!r} and {column!r} are the same class")
        else:
            found[label] = column
    absent = [f"{PREFIX}{c}" for c in truth.classes if c not in found]
    if absent:
        problems.append(f"no column {name_some(absent)}")
    if problems and not found:
        expected = f"image_id with {PREFIX}<class> for {', '.join(truth.classes)}, or image_id with pred"
        problems = [f"wrong columns {', '.join(names) or 'none'}; expected {expected}"]
    return [found[c] for c in truth.classes if c in found], problems
