"""From the columns of a predictions table to class indices or probabilities, with all that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.labels import fold, match_labels
from dermbench.artifacts.text_form import to_text
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.class_map import ClassMap

PREFIX = "prob_"
"""Before the name of a class in the name of the column with its probabilities."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 in sum (float32 and printed digits stay within)."""


@dataclass(frozen=True)
class Spelling:
    """What a file may call the classes of the truth.

    Attributes
    ----------
    classes
        Ordered class set of the truth.
    aliases
        Further spellings of these classes.
    class_map
        Classes of the model, each with a class of the truth.
    """

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
        return (f"{n_from} classes of the predictions mapped onto {n_onto} by {self.class_map.source}.",)


@dataclass(frozen=True)
class Scores:
    """What the columns of a file say.

    Attributes
    ----------
    table
        Index of the predicted class, shape (n,), or probabilities by class of the truth, shape (n, n_classes). It
        means nothing where there are problems.
    problems
        What is wrong, one sentence a problem.
    interpreted
        What the class map did, in sentences.
    unmapped
        Whether a class of the file is none of the truth.
    """

    table: NDArray[np.float64]
    problems: list[str]
    interpreted: tuple[str, ...] = ()
    unmapped: bool = False


def read_scores(body: pd.DataFrame, ids: pd.Series, spelling: Spelling) -> Scores:
    """Read the predicted class of each row, or its probabilities.

    Parameters
    ----------
    body
        The table without its column of ids.
    ids
        Ids of the rows, for messages.
    spelling
        What the file may call the classes.
    """
    if find_column(body, "pred") is not None and not any(str(c).startswith(PREFIX) for c in body.columns):
        return _read_labels(body, ids, spelling)
    return _read_probabilities(body, ids, spelling)


def _read_labels(body: pd.DataFrame, ids: pd.Series, spelling: Spelling) -> Scores:
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
    return Scores(codes.astype(np.float64), problems, said, unmapped=bool(unknown.any()))


def _unknown(names: Sequence[str], spelling: Spelling) -> str:
    shown = name_some(names) if spelling.class_map is None else name_some(names, limit=len(names))
    return f"unknown class: {shown}; classes: {', '.join(spelling.classes)}"


def _read_probabilities(body: pd.DataFrame, ids: pd.Series, spelling: Spelling) -> Scores:
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
        return Scores(np.empty((len(body), 0)), [wrong], unmapped=bool(bare))
    columns = sorted(known, key=lambda column: spelling.classes.index(known[column]))
    prob = np.column_stack(
        [pd.to_numeric(body[name], errors="coerce").to_numpy(np.float64, na_value=np.nan) for name in columns]
    )
    absent = [name for name in spelling.classes if name not in known.values()]
    complete = not absent if spelling.class_map is None else len(known) == len(bare)
    problems += _value_problems(prob, ids, complete=complete)
    said = spelling.sentences(list(bare.values()), known.values())
    if said and absent:
        said = (*said, f"No class of the predictions stands for {', '.join(absent)}: probability 0.")
    codes = np.array([spelling.classes.index(known[column]) for column in columns])
    return Scores(_added(prob, codes, spelling), problems, said, unmapped=len(known) < len(bare))


def _column_problems(bare: Mapping[str, str], known: Mapping[str, str], spelling: Spelling) -> list[str]:
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


def _added(prob: NDArray[np.float64], codes: NDArray[np.intp], spelling: Spelling) -> NDArray[np.float64]:
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
