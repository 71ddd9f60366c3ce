"""The predictions file: ``image_id`` with one probability per class, or with a predicted class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.class_spelling import PREFIX, Spelling
from dermbench.artifacts.columns import find_column
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.no_answer import COLUMN, blank_rows, split_reasons
from dermbench.artifacts.prediction_columns import ReadOptions, read_scores
from dermbench.artifacts.prediction_ids import match_ids
from dermbench.artifacts.tables import Table, TableSource, read_table, write_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, UsageError, name_some, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.class_map import ClassMap
    from dermbench.artifacts.truth import Truth
    from dermbench.artifacts.unanswered import Unanswered

RESCALED = 1e-5
"""Rows whose sum is further from 1 are counted in the report."""
EXACT = 1e-12
"""Rows whose sum is this close to 1 are kept unchanged, so that writing and reading them gives the same bits."""


class UnknownClassError(InputError):
    """A predictions file whose classes differ from those of the truth."""


@dataclass(frozen=True, repr=False)
class Predictions:
    """Predictions for the images of a truth table, sorted by ``image_id``.

    Attributes
    ----------
    image_id
        Ids, shape (n_samples,).
    classes
        Ordered class set.
    y_pred
        Predicted class indices, shape (n_samples,); the lowest index if probabilities are tied, -1 without a
        usable prediction.
    y_prob
        Class probabilities, shape (n_samples, n_classes). Rows sum to 1; they are NaN without a usable prediction.
        None for labels only.
    interpreted
        Interpretations and conversions of the file, in sentences for the report.
    no_answer
        Why an image has no usable prediction (:data:`~dermbench.artifacts.no_answer.REASONS`), None for an image
        with one, shape (n_samples,). None if the file does not record it.
    unanswered
        The images without a usable prediction, after they got a wrong one
        (:func:`~dermbench.artifacts.wrong_answers.count_as_wrong`); None before.

    Examples
    --------
    >>> import numpy as np
    >>> from dermbench.artifacts import make_predictions
    >>> predictions = make_predictions(["b", "a"], np.array([[0.2, 0.8], [0.9, 0.1]]), ("nevus", "melanoma"))
    >>> predictions
    Predictions(2 images, probabilities of 'nevus', 'melanoma')
    >>> predictions.table()
      image_id  prob_nevus  prob_melanoma
    0        a         0.9            0.1
    1        b         0.2            0.8
    """

    image_id: NDArray[np.object_]
    classes: tuple[str, ...]
    y_pred: NDArray[np.intp]
    y_prob: NDArray[np.float64] | None = None
    interpreted: tuple[str, ...] = ()
    no_answer: NDArray[np.object_] | None = None
    unanswered: Unanswered | None = None

    def __len__(self) -> int:
        return len(self.image_id)

    def __repr__(self) -> str:
        kind = "labels" if self.y_prob is None else "probabilities"
        return printable(f"Predictions({len(self):,} images, {kind} of {name_some(self.classes)})", keep="")

    @property
    def n_tied(self) -> int:
        """Number of images whose highest probability is shared by several classes."""
        if self.y_prob is None:
            return 0
        top = self.y_prob.max(axis=1, keepdims=True)
        return int(((self.y_prob == top).sum(axis=1) > 1).sum())

    def table(self) -> pd.DataFrame:
        """Return the predictions as the table of the file, with :attr:`no_answer` as last column."""
        reasons = {} if self.no_answer is None else {COLUMN: self.no_answer}
        if self.y_prob is None:
            names = np.append(np.asarray(self.classes, dtype=object), [None])[self.y_pred]
            return pd.DataFrame({"image_id": self.image_id, "pred": names, **reasons})
        columns = {f"{PREFIX}{name}": self.y_prob[:, i] for i, name in enumerate(self.classes)}
        return pd.DataFrame({"image_id": self.image_id, **columns, **reasons})

    def answered(self) -> Predictions:
        """Return the images that have a usable prediction."""
        if self.no_answer is None:
            return self
        kept = self.y_pred >= 0
        prob = None if self.y_prob is None else self.y_prob[kept]
        return replace(self, image_id=self.image_id[kept], y_pred=self.y_pred[kept], y_prob=prob, no_answer=None)

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
        Non-negative probabilities; rows sum to about 1, shape (n_samples, n_classes).
    classes
        Ordered class set.
    """
    ids = np.asarray(image_id, dtype=object)
    order = np.argsort(ids, kind="stable")
    return _from_probabilities(ids[order], np.asarray(y_prob, dtype=np.float64)[order], classes)


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write predictions as ``.parquet`` or ``.csv``, atomically."""
    write_table(path, predictions.table())


def read_predictions(  # noqa: PLR0913 - what may be asked about a file
    source: TableSource,
    truth: Truth,
    *,
    aliases: Mapping[str, str] | None = None,
    ignore_ids: Collection[str] = (),
    class_map: ClassMap | None = None,
    partial: bool = False,
    logits: bool = False,
    indices: bool = False,
    id_column: str | None = None,
) -> Predictions:
    """Read predictions for exactly the images of ``truth``.

    Accepted are ``image_id`` with ``prob_<class>`` columns; ``image_id`` with ``pred``; Kaggle's
    ``md5hash,label``; and ISIC's ``image`` with one column per class. Percentages are accepted if every row sums
    to 100. A column ``no_answer`` may say why a row has no prediction. :attr:`Predictions.interpreted` describes
    how the file was read.

    Parameters
    ----------
    source
        ``.csv``, ``.tsv``, ``.xlsx`` or ``.parquet`` file, or a data frame.
    truth
        Truth with the class set and the ids; each id must occur once in the file.
    aliases
        {further name: class}.
    ignore_ids
        Further ids that may occur, such as ids of other splits; their rows are left out.
    class_map
        Map from classes of the model to classes of the truth. Probabilities of the same class of the truth are
        summed; a class of the truth without a class of the model gets 0.
    partial
        Whether to accept a file that lacks images, and return predictions for the others. Empty rows count as
        missing.
    logits
        Whether the scores are logits, to be converted by a softmax.
    indices
        Whether class numbers 0, 1, ... may stand for the classes of the truth in their order.
    id_column
        Column of the ids; by default ``image_id`` or one of its aliases.

    Raises
    ------
    UsageError
        When there is no such file, or no column ``id_column``.
    InputError
        With all problems of the file in one message.
    """
    table = read_table(source)
    frame, origin = table.frame, table.source
    column = _id_column(table, id_column)
    ids, body = to_text(frame[column]), frame.drop(columns=[column])
    if partial and (blank := blank_rows(body)).any():
        ids, body = ids[~blank].reset_index(drop=True), body[~blank].reset_index(drop=True)
    given = split_reasons(body, ids, origin)
    matched = match_ids(ids, truth.image_id, ignore_ids)
    problems = [*matched.problems(ids, truth, partial=partial), *given.problems]
    rows = ~matched.ignored & ~given.absent
    found = read_scores(
        given.body if rows.all() else given.body[rows].reset_index(drop=True),
        ids if rows.all() else ids[rows].reset_index(drop=True),
        Spelling(truth.classes, aliases, class_map, numbers=indices),
        ReadOptions(origin, table.decimal_comma, logits),
    )
    if problems or found.problems:
        kind = UnknownClassError if found.strange_classes else InputError
        raise kind(origin, [*problems, *found.problems], remedy=found.remedy)
    place = matched.place[rows]
    order = np.argsort(place, kind="stable")
    image_id, values = truth.image_id[place[order]], found.table[order]
    if values.ndim == 1:
        made = Predictions(image_id, truth.classes, values.astype(np.intp))
    else:
        made = _from_probabilities(image_id, values, truth.classes)
    if given.reason is not None:
        others = ~matched.ignored & given.absent
        made = place_predictions(made, place[order], matched.place[others], given.reason[others], truth)
    said = (*table.interpreted, *matched.sentences(), *found.interpreted, *_rescaled(values))
    return replace(made, interpreted=said)


def place_predictions(
    made: Predictions,
    place: NDArray[np.intp],
    others: NDArray[np.intp],
    reason: NDArray[np.object_],
    truth: Truth,
) -> Predictions:
    """Insert images without a usable prediction, in the order of the truth.

    Parameters
    ----------
    made
        Predictions; they may already have reasons.
    place
        Rows of their images in the truth.
    others
        Rows of the images to insert.
    reason
        Why each inserted image has no prediction.
    truth
        All images.
    """
    order = np.argsort(np.concatenate([place, others]), kind="stable")
    before = np.full(len(made), None, dtype=object) if made.no_answer is None else made.no_answer
    y_prob = None
    if made.y_prob is not None:
        y_prob = np.concatenate([made.y_prob, np.full((len(others), len(made.classes)), np.nan)])[order]
    return replace(
        made,
        image_id=np.concatenate([made.image_id, truth.image_id[others]])[order],
        y_pred=np.concatenate([made.y_pred, np.full(len(others), -1, dtype=np.intp)])[order],
        y_prob=y_prob,
        no_answer=np.concatenate([before, reason])[order],
    )


def _rescaled(values: NDArray[np.float64]) -> tuple[str, ...]:
    """Say how many rows do not sum to 1 and were divided by their sum, which shifts thresholds."""
    if values.ndim == 1 or not len(values):
        return ()
    total = values.sum(axis=1)
    off = int((np.abs(total - 1) > RESCALED).sum())
    if not off:
        return ()
    ends = f"{total.min():.4f} to {total.max():.4f}"
    return (f"The probabilities of {off:,} images do not sum to 1 ({ends}) and were divided by their sum.",)


def _from_probabilities(
    image_id: NDArray[np.object_], prob: NDArray[np.float64], classes: Sequence[str]
) -> Predictions:
    """Build predictions from probabilities in the order of their ids."""
    total = prob.sum(axis=1, keepdims=True)
    prob = np.where(np.abs(total - 1) > EXACT, prob / total, prob)
    return Predictions(image_id, tuple(classes), prob.argmax(axis=1), prob)


def _id_column(table: Table, given: str | None) -> str:
    frame, names = table.frame, ", ".join(map(str, table.frame.columns)) or "none"
    if given is not None:
        if given not in frame:
            raise UsageError(f"{table.source}: no column {given!r} for the ids; found {names}")
        return given
    column = find_column(frame, "image_id", source=table.source)
    if column is None:
        raise InputError(
            table.source,
            [f"no column image_id; found {names}", *table.interpreted],
            remedy="Name the column of the ids image_id, or say which it is with --id COL.",
        )
    return column
