"""The answers file: answers of a vision-language model, one per image, read as classes without guessing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.answer_names import answer_names
from dermbench.artifacts.answer_text import parse_answer
from dermbench.artifacts.columns import find_column, fold_header
from dermbench.artifacts.guarded import parse_json, read_bytes
from dermbench.artifacts.no_answer import COLUMN
from dermbench.artifacts.tables import SUFFIXES, TableSource, read_table
from dermbench.artifacts.text_form import id_problems, to_text
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydantic import JsonValue

    from dermbench.artifacts.class_map import ClassMap

LINES = (".jsonl", ".ndjson")
"""Suffixes of files with one JSON object per line."""
JSON_LINES_BYTES = 1 << 30
"""Largest such file, in bytes."""
ANSWER_SUFFIXES = (*SUFFIXES, *LINES)
ANSWER = frozenset({"answer", "response", "output", "completion", "reply", "generatedtext", "modelanswer"})
"""Folded names of the column with the answers."""


@dataclass(frozen=True)
class Answers:
    """Answers of a model, one per image, in the order of the file.

    Attributes
    ----------
    image_id
        Unique ids, shape (n_samples,).
    label
        Class that each answer names, None without one, shape (n_samples,).
    no_answer
        ``refused`` or ``unparsable`` for an answer without a class, else None, shape (n_samples,).
    text
        The answers as they were given; never written to a file.
    interpreted
        Deviations of the file from the standard form and how they were read, in sentences for the report.
    """

    image_id: NDArray[np.object_]
    label: NDArray[np.object_]
    no_answer: NDArray[np.object_]
    text: tuple[str, ...]
    interpreted: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.image_id)

    def table(self) -> pd.DataFrame:
        """Return the table of a predictions file: ``image_id``, ``pred`` and ``no_answer``."""
        return pd.DataFrame({"image_id": self.image_id, "pred": self.label, COLUMN: self.no_answer})

    def sentence(self) -> str:
        """Count the answers that name a class, are refusals, or could not be read, in a sentence."""
        refused, unparsable = (int((self.no_answer == reason).sum()) for reason in ("refused", "unparsable"))
        answered = len(self) - refused - unparsable
        return (
            f"Of {len(self):,} answers {answered:,} name a class, {refused:,} are refusals and {unparsable:,} "
            "could not be read."
        )


def read_answers(source: TableSource, classes: Sequence[str], *, class_map: ClassMap | None = None) -> Answers:
    """Read an answers file.

    It has the columns ``image_id`` and ``answer``; :data:`ANSWER` lists further names of the latter.
    :func:`~dermbench.artifacts.answer_text.parse_answer` finds the class of an answer.

    Parameters
    ----------
    source
        ``.csv``, ``.tsv``, ``.xlsx``, ``.parquet`` or ``.jsonl`` file, or a data frame; one row per image.
    classes
        Ordered class set of the truth.
    class_map
        Further names of the classes in answers.

    Raises
    ------
    UsageError
        When there is no such file, or a class cannot be named in an answer.
    InputError
        With all problems of the file: not exactly one column of ids and one of answers; empty, damaged or repeated
        ids; lines that are not JSON objects; no row.
    """
    names = answer_names(classes, class_map)
    lines = Path(source) if isinstance(source, Path | str) and Path(source).suffix.lower() in LINES else None
    table = read_table(source if lines is None else _read_lines(lines))
    origin = table.source if lines is None else lines
    id_column, column = _columns(table.frame, origin)
    ids, answers = to_text(table.frame[id_column]), to_text(table.frame[column])
    problems = _id_problems(ids, answers)
    if problems:
        raise InputError(origin, problems, remedy="An answers file has one row for each image.")
    texts = answers.fillna("").tolist()
    read = {text: parse_answer(text, names) for text in dict.fromkeys(texts)}
    parsed = [read[text] for text in texts]
    said = [] if column == "answer" else [f"The answers were read from the column {column!r}."]
    return Answers(
        ids.to_numpy(dtype=object),
        np.array([one.label for one in parsed], dtype=object),
        np.array([one.no_answer for one in parsed], dtype=object),
        tuple(texts),
        (*table.interpreted, *said),
    )


def _columns(frame: pd.DataFrame, source: Path | str) -> tuple[str, str]:
    """Return the columns of the ids and of the answers."""
    found = [str(name) for name in frame.columns if fold_header(name) in ANSWER]
    there = ", ".join(map(str, frame.columns)) or "none"
    id_column = find_column(frame, "image_id", source=source)
    problems = [] if id_column is not None else [f"no column image_id; found {there}"]
    if not found:
        problems.append(f"no column answer; found {there}")
    if len(found) > 1:
        problems.append(f"columns {' and '.join(map(repr, found))} could be the answer; keep one of them")
    if problems or id_column is None:
        raise InputError(source, problems, remedy="Call the columns image_id and answer.")
    return id_column, found[0]


def _id_problems(ids: pd.Series, answers: pd.Series) -> list[str]:
    problems = id_problems(ids)
    if ids.empty:
        problems.append("has no row")
    empty = np.flatnonzero(ids.isna())
    if len(empty):
        problems.append(f"empty image_id in {name_some(f'row {i + 2}' for i in empty)}")
    repeated = pd.unique(ids[ids.duplicated()].dropna())
    if len(repeated):
        pairs = pd.DataFrame({"id": ids, "answer": answers.fillna("")}).drop_duplicates()
        differ = pd.unique(pairs["id"][pairs["id"].duplicated()].dropna())
        kind = f"; with different answers: {name_some(differ)}" if len(differ) else "; with the same answer each"
        problems.append(f"{len(repeated):,} repeated image_id: {name_some(repeated)}{kind}")
    return problems


def _read_lines(path: Path) -> pd.DataFrame:
    """Read one JSON object per line; an object or list in a cell is converted to JSON text."""
    data = read_bytes(path, limit=JSON_LINES_BYTES)
    rows, problems = [], []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(path, line)
        except InputError as error:
            problems.append(f"line {number}: {error.problems[0]}")
            continue
        if isinstance(row, dict):
            rows.append({key: _cell(value) for key, value in row.items()})
        else:
            problems.append(f'line {number}: not an object such as {{"image_id": "a", "answer": "..."}}')
    if problems:
        more = [f"{len(problems) - 20:,} more such lines"] if len(problems) > 20 else []
        raise InputError(path, [*problems[:20], *more])
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})


def _cell(value: JsonValue) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value
