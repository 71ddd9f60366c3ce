"""From the columns of a predictions table to class indices or probabilities, with all problems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.class_spelling import PREFIX, Spelling
from dermbench.artifacts.columns import ALIASES, find_column, fold_header
from dermbench.artifacts.labels import fold, not_one_label
from dermbench.artifacts.prediction_values import read_values
from dermbench.artifacts.text_form import to_numbers, to_text
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SCORES = frozenset({"score", "scores", "confidence", "conf", "certainty", "prob", "probs", "proba", "probability"})
SCORES |= {"maxprob", "topprob", "predprob", "predscore", "predconfidence", "predictionscore", "softmax", "p"}
"""Folded names of columns with one score per row, which give no probabilities of the other classes."""
TRUE = frozenset(map(fold_header, ALIASES["label"]))
OTHER_ID = frozenset(map(fold_header, ALIASES["image_id"]))
PREDICTED = frozenset(map(fold_header, ALIASES["pred"])) - TRUE
ASIDES = SCORES | TRUE | PREDICTED | OTHER_ID
"""Folded names of columns that are ignored beside predictions."""
TIED = 1e-9
"""Probabilities this close count as equal in the check of a predicted class."""


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading scores.

    Attributes
    ----------
    source
        Name of the file, for messages.
    decimal_comma
        Whether commas in numbers may be decimal commas.
    logits
        Whether scores are logits.
    """

    source: Path | str
    decimal_comma: bool = False
    logits: bool = False


@dataclass(frozen=True)
class Scores:
    """Predicted classes or probabilities of a file, and its problems.

    Attributes
    ----------
    table
        Index of the predicted class, shape (n,), or probabilities by class of the truth, shape (n, n_classes).
        Invalid if there are problems.
    problems
        Problems, one sentence each.
    interpreted
        Interpretations of the columns, in sentences.
    remedy
        Remedy for the problems.
    strange_classes
        Whether the file has classes that the truth lacks, or lacks classes of the truth.
    """

    table: NDArray[np.float64]
    problems: tuple[str, ...] = ()
    interpreted: tuple[str, ...] = ()
    remedy: str | None = None
    strange_classes: bool = False


def read_scores(body: pd.DataFrame, ids: pd.Series, spelling: Spelling, options: ReadOptions) -> Scores:
    """Read the predicted class of each row, or its probabilities.

    Parameters
    ----------
    body
        The table without its column of ids.
    ids
        Ids of the rows, for messages.
    spelling
        Accepted names of the classes.
    options
        Options for reading.
    """
    pred = find_column(body, "pred", source=options.source)
    bare = _class_columns(body, spelling, whole=pred is not None)
    other = _other_of_two(bare, spelling, options)
    if other is not None:
        (column,), rest = bare, f"{PREFIX}{other}"
        completed = body.assign(**{rest: 1 - to_numbers(body[column], decimal_comma=options.decimal_comma)})
        found = _read_probabilities(completed, ids, spelling, options, {**bare, rest: other})
        said = f"The probability of {other} is 1 minus {column!r}, the only column of two classes."
        return replace(found, interpreted=(*found.interpreted, said))
    if bare or pred is None:
        return _read_probabilities(body, ids, spelling, options, bare)
    return _read_labels(body, ids, spelling, options, pred)


def _other_of_two(bare: Mapping[str, str], spelling: Spelling, options: ReadOptions) -> str | None:
    """Return the class whose probability is 1 minus the only column of two classes; None in other cases."""
    if len(spelling.classes) != 2 or len(bare) != 1 or spelling.class_map is not None or options.logits:
        return None
    ((column, name),) = bare.items()
    matched, _ = spelling.match_or_number(pd.Series([name], dtype="string"))
    if not column.casefold().startswith(PREFIX) or matched.isna().any():
        return None
    return next(label for label in spelling.classes if label != matched.iloc[0])


def _class_columns(body: pd.DataFrame, spelling: Spelling, *, whole: bool) -> dict[str, str]:
    """Return {column with scores: name of its class in the file}.

    These are the columns that begin with :data:`PREFIX`. If there are none, they are columns named like a class;
    with ``whole``, there must be one for every class.
    """
    names = [str(name) for name in body.columns]
    prefixed = {name: name[len(PREFIX) :] for name in names if name.casefold().startswith(PREFIX)}
    if prefixed:
        return prefixed
    is_class = spelling.match(names).notna()
    bare = [name for name, known in zip(names, is_class, strict=True) if known or fold_header(name) not in ASIDES]
    matched, _ = spelling.match_or_number(pd.Series(bare, dtype="string"))
    if whole:
        known = {name: name for name, label in zip(bare, matched, strict=True) if pd.notna(label)}
        return known if set(matched.dropna()) == set(spelling.classes) else {}
    return dict(zip(bare, bare, strict=True)) if matched.notna().any() else {}


def _asides(names: Sequence[str], main: str) -> tuple[list[str], list[str]]:
    """Return a sentence on ignored columns beside the predictions, and the problems of other columns."""
    left = [name for name in names if fold_header(name) in ASIDES]
    said = [f"Left out beside {main}: {', '.join(map(repr, left))}."] if left else []
    return said, [f"unexpected column {name!r} beside {main}" for name in names if name not in left]


def _read_labels(
    body: pd.DataFrame, ids: pd.Series, spelling: Spelling, options: ReadOptions, column: str
) -> Scores:
    names = to_text(body[column])
    matched, numbered = spelling.match_or_number(names)
    others = [str(c) for c in body.columns if c != column]
    said, problems = _asides(others, repr(column))
    ambiguous = [c for c in others if fold_header(c) in SCORES]
    if fold_header(column) in TRUE and ambiguous:
        problems.append(
            f"{column!r} beside {ambiguous[0]!r} could be the true class; call the predicted class pred"
        )
    if options.logits:
        problems.append("has predicted classes; --logits needs one column of scores for each class")
    if names.isna().any():
        problems.append(f"no prediction for image_id {name_some(ids[names.isna()])}")
    unknown = names[names.notna() & matched.isna()]
    if len(unknown):
        problems.append(spelling.unknown(unknown.unique().tolist()))
    codes = pd.Categorical(matched.astype(object), categories=list(spelling.classes)).codes
    said += [*numbered, *spelling.sentences(names.dropna().unique().tolist(), set(matched.dropna()))]
    return Scores(
        codes.astype(np.float64),
        tuple(problems),
        tuple(said),
        spelling.remedy(unknown.unique().tolist()),
        strange_classes=len(unknown) > 0,
    )


def _read_probabilities(
    body: pd.DataFrame, ids: pd.Series, spelling: Spelling, options: ReadOptions, bare: Mapping[str, str]
) -> Scores:
    names = [str(c) for c in body.columns]
    matched, numbered = spelling.match_or_number(pd.Series(list(bare.values()), dtype="string"))
    known = {column: str(label) for column, label in zip(bare, matched, strict=True) if pd.notna(label)}
    if not known:
        return _no_classes(body, spelling, bare)
    said, problems = _asides([c for c in names if c not in bare], f"the {PREFIX} columns")
    strange = _column_problems(bare, known, spelling)
    problems += strange
    columns = sorted(known, key=lambda column: spelling.classes.index(known[column]))
    absent = [name for name in spelling.classes if name not in known.values()]
    complete = not absent if spelling.class_map is None else len(known) == len(bare)
    values = read_values(
        [body[c] for c in columns],
        ids,
        decimal_comma=options.decimal_comma,
        logits=options.logits,
        complete=complete,
    )
    codes = np.array([spelling.classes.index(known[column]) for column in columns])
    prob = _added(values.prob, codes, spelling)
    mapped = spelling.sentences(list(bare.values()), known.values())
    if mapped and absent:
        mapped = (*mapped, f"No class of the predictions stands for {', '.join(absent)}: probability 0.")
    said += [*numbered, *values.interpreted, *mapped]
    problems += values.problems
    if not problems:
        problems += _differing(body, ids, prob, spelling)
    unmapped = [bare[c] for c in bare if c not in known]
    remedy = spelling.remedy(unmapped) or values.remedy
    return Scores(prob, tuple(problems), tuple(said), remedy, strange_classes=bool(strange))


def _no_classes(body: pd.DataFrame, spelling: Spelling, bare: Mapping[str, str]) -> Scores:
    """Return the problem of a table without a column of a known class."""
    lists = [str(c) for c in body.columns if not_one_label(body[c]).any()]
    if lists:
        problem = f"column {name_some(lists)} holds lists; write one column {PREFIX}<class> for each class"
    else:
        expected = f"image_id with {PREFIX}<class> for {', '.join(spelling.classes)}, or image_id with pred"
        problem = f"wrong columns {', '.join(map(str, body.columns)) or 'none'}; expected {expected}"
    remedy = spelling.remedy(list(bare.values()))
    return Scores(np.empty((len(body), 0)), (problem,), remedy=remedy, strange_classes=not lists)


def _column_problems(bare: Mapping[str, str], known: Mapping[str, str], spelling: Spelling) -> list[str]:
    unknown = [column for column in bare if column not in known]
    if spelling.class_map is not None and unknown:
        problems = [spelling.unknown([bare[column] for column in unknown])]
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
    """Return probabilities by class of the truth; columns of the same class are summed."""
    n_classes = len(spelling.classes)
    if np.array_equal(codes, np.arange(n_classes)):
        return prob
    total = np.zeros((len(prob), n_classes))
    for k, code in enumerate(codes):
        total[:, code] += prob[:, k]
    return total


def _differing(body: pd.DataFrame, ids: pd.Series, prob: NDArray[np.float64], spelling: Spelling) -> list[str]:
    """Name the images whose predicted class, in a further column, is not the most probable class."""
    problems = []
    for column in (c for c in body.columns if fold_header(c) in PREDICTED):
        matched = spelling.match(to_text(body[column]).tolist())
        if matched.isna().any():
            continue
        codes = pd.Categorical(matched.astype(object), categories=list(spelling.classes)).codes
        differs = prob[np.arange(len(prob)), codes] < prob.max(axis=1, initial=0) - TIED
        if differs.any():
            problems.append(
                f"{column!r} is not the class with the highest probability for {int(differs.sum()):,} image_id: "
                f"{name_some(ids[differs])}; keep one of the two"
            )
    return problems
