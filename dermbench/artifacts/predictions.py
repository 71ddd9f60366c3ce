"""The predictions file: ``image_id`` with one probability a class, or with a predicted class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.labels import fold, match_labels
from dermbench.artifacts.tables import TableSource, read_table, source_name, to_text, write_table
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.class_map import ClassMap
    from dermbench.artifacts.report import Missing
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
    table, origin = read_table(source), source_name(source)
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
    spelling = _Spelling(truth.classes, aliases, class_map)
    if find_column(body, "pred") is not None and not any(str(c).startswith(PREFIX) for c in body.columns):
        found = _read_labels(body, ids, spelling)
    else:
        found = _read_probabilities(body, ids, spelling)
    if problems or found.problems:
        remedy = class_map.remedy if class_map is not None and found.unmapped else None
        raise InputError(origin, [*problems, *found.problems], remedy=remedy)
    values, there = found.scores[order], truth.image_id if same_ids else names[order]
    if values.ndim == 1:
        made = Predictions(there, truth.classes, values.astype(np.intp))
    else:
        made = make_predictions(there, values, truth.classes)
    return replace(made, interpreted=found.interpreted)


@dataclass(frozen=True)
class _Spelling:
    """What a file may call the classes of the truth."""

    classes: tuple[str, ...]
    aliases: Mapping[str, str] | None
    class_map: ClassMap | None

    def match(self, names: Sequence[str]) -> pd.Series:
        """Return the class of the truth for each name, ``<NA>`` where there is none."""
        if self.class_map is None:
            return match_labels(names, self.classes, aliases=self.aliases)
        return self.class_map.match(names, self.classes, self.aliases)

    def sentences(self, names: Sequence[str], matched: Collection[str]) -> tuple[str, ...]:
        """Say how many classes of the model the map put onto how many of the truth."""
        if self.class_map is None:
            return ()
        n_from, n_onto = len({fold(name) for name in names}), len(set(matched))
        return (f"{n_from} classes of the predictions mapped onto {n_onto} by {self.class_map.source}",)


@dataclass(frozen=True)
class _Body:
    """Class codes or probabilities of a file, what is wrong with them and what was done to them."""

    scores: NDArray[np.float64]
    problems: list[str]
    interpreted: tuple[str, ...] = ()
    unmapped: bool = False


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


def _read_labels(body: pd.DataFrame, ids: pd.Series, spelling: _Spelling) -> _Body:
    column = find_column(body, "pred")
    names = to_text(body[column])
    matched = spelling.match(names.tolist())
    problems = [f"unexpected column {c!r} beside {column!r}" for c in body.columns if c != column]
    if names.isna().any():
        problems.append(f"no prediction for image_id {name_some(ids[names.isna()])}")
    unknown = names.notna() & matched.isna()
    if unknown.any():
        problems.append(_unknown(names[unknown].unique().tolist(), spelling))
    codes = pd.Categorical(matched.astype(object), categories=list(spelling.classes)).codes
    said = spelling.sentences(names.dropna().unique().tolist(), set(matched.dropna()))
    return _Body(codes.astype(np.float64), problems, said, unmapped=bool(unknown.any()))


def _unknown(names: Sequence[str], spelling: _Spelling) -> str:
    shown = name_some(names) if spelling.class_map is None else name_some(names, limit=len(names))
    return f"unknown class: {shown}; classes: {', '.join(spelling.classes)}"


def _read_probabilities(body: pd.DataFrame, ids: pd.Series, spelling: _Spelling) -> _Body:
    names = [str(c) for c in body.columns]
    prefixed = [c for c in names if c.startswith(PREFIX)]
    bare = {c: c.removeprefix(PREFIX) for c in (prefixed or names)}
    labels = dict(zip(bare, spelling.match(list(bare.values())), strict=True))
    known = {column: str(label) for column, label in labels.items() if pd.notna(label)}
    problems = [
        f"unexpected column {c!r} beside the {PREFIX} columns" for c in names if prefixed and c not in bare
    ]
    problems += _column_problems(bare, known, spelling)
    if problems and not known:
        expected = f"image_id with {PREFIX}<class> for {', '.join(spelling.classes)}, or image_id with pred"
        wrong = f"wrong columns {', '.join(names) or 'none'}; expected {expected}"
        return _Body(np.empty((len(body), 0)), [wrong], unmapped=bool(bare))
    columns = sorted(known, key=lambda column: spelling.classes.index(known[column]))
    prob = np.column_stack(
        [pd.to_numeric(body[name], errors="coerce").to_numpy(np.float64, na_value=np.nan) for name in columns]
    )
    absent = [name for name in spelling.classes if name not in known.values()]
    complete = not absent if spelling.class_map is None else len(known) == len(bare)
    problems += _value_problems(prob, ids, complete=complete)
    said = spelling.sentences(list(bare.values()), known.values())
    if said and absent:
        said = (*said, f"no class of the predictions stands for {', '.join(absent)}: probability 0")
    codes = np.array([spelling.classes.index(known[column]) for column in columns])
    return _Body(_added(prob, codes, spelling), problems, said, unmapped=len(known) < len(bare))


def _column_problems(bare: Mapping[str, str], known: Mapping[str, str], spelling: _Spelling) -> list[str]:
    unknown = [column for column in bare if column not in known]
    if spelling.class_map is not None and unknown:
        problems = [_unknown([bare[column] for column in unknown], spelling)]
    else:
        problems = [f"unknown class in column {column!r}" for column in unknown]
    first: dict[str, str] = {}
    for column, label in known.items():
        key = label if spelling.class_map is None else fold(bare[column])
        if key in first:
            problems.append(f"columns {first[key]!r} and {column!r} are the same class")
        first.setdefault(key, column)
    absent = [f"{PREFIX}{name}" for name in spelling.classes if name not in known.values()]
    if absent and spelling.class_map is None:
        problems.append(f"no column {name_some(absent)}")
    return problems


def _added(prob: NDArray[np.float64], codes: NDArray[np.intp], spelling: _Spelling) -> NDArray[np.float64]:
    """Return probabilities by class of the truth, those of columns for the same class added."""
    n_classes = len(spelling.classes)
    if np.array_equal(codes, np.arange(n_classes)):
        return prob
    total = np.zeros((len(prob), n_classes))
    for k, code in enumerate(codes):
        total[:, code] += prob[:, k]
    return total


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
