"""Find the truth of a board, in a canonical form that is the same for a dataset folder and for ``truth.csv``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import UNITS, is_skin_type
from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.artifacts.tables import write_table
from dermbench.artifacts.text_form import to_text
from dermbench.artifacts.truth import Truth, make_truth, read_truth
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.leaderboard.board import TRUTH, Board
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Sources:
    """Where to look for the truth besides the board folders.

    Attributes
    ----------
    datasets
        Dataset folders.
    table
        A table of labels and sensitive features.
    """

    datasets: Sequence[Path] = ()
    table: Path | None = None


@dataclass
class Found:
    """Result of looking for the truth of a board.

    Attributes
    ----------
    truth
        Truth with the board's digest; None if it was not found.
    agree
        Sources that have it.
    stored
        Problem of ``truth.csv``; empty if there is none.
    apart
        Sources of the same task with another truth, each with its content hash.
    """

    truth: Truth | None = None
    agree: list[str] = field(default_factory=list)
    stored: str = ""
    apart: list[str] = field(default_factory=list)


def canonical(truth: Truth, sensitive: Sequence[str]) -> Truth:
    """Return the part of a truth that scores depend on: ids, labels, units and sensitive features.

    Skin type includes the labels of all annotators (``fst_<name>``). A dataset folder, its ``truth.csv`` and a
    table with the same content have the same digest.
    """
    parts = {part.strip() for feature in sensitive for part in feature.split(",")}
    if "fst" in parts:
        parts |= {"fst_band", *(name for name in map(str, truth.table.columns) if is_skin_type(name))}
    kept = [c for c in truth.table.columns if c in {"image_id", "label", *UNITS, *parts}]
    # convert to text, so that make_truth infers the same types as from the CSV file
    table = truth.table[kept].apply(lambda column: to_text(column).fillna("").astype(object))
    again = make_truth(table, classes=truth.classes)
    return replace(truth, table=again.table, sensitive=tuple(sensitive), interpreted=())


def board_truth(board: Board, truth: Truth) -> Truth:
    """Return the canonical truth with the task, split and class facts of the board."""
    named = replace(truth, task=board.task, split=board.split, malignancy=board.malignancy, ordered=board.ordered)
    return canonical(named, board.sensitive)


def read_truth_table(path: Path, board: Board) -> Truth:
    """Read a truth table for a board, with the classes of the board or else of its task."""
    if board.classes:
        return read_truth(
            path,
            split=board.split,
            classes=board.classes,
            task=board.task,
            malignancy=board.malignancy,
            ordered=board.ordered,
        )
    if board.task not in task_names():
        return read_truth(path, split=board.split, task=board.task)
    task = load_task(board.task)
    return read_truth(
        path,
        split=board.split,
        classes=task.classes,
        aliases=task.aliases,
        task=task.name,
        malignancy=task.malignancy,
        ordered=task.ordered,
        sensitive=task.sensitive,
    )


def store_truth(folder: Path, truth: Truth) -> None:
    """Write ``truth.csv`` of a board, atomically."""
    write_table(folder / TRUTH, truth.table)


def look_for_truth(folder: Path, board: Board, sources: Sources) -> Found:
    """Look for the truth of a board in its own ``truth.csv`` and in all sources, and compare content hashes.

    Raises
    ------
    DermbenchError
        When a source cannot be read. Problems of ``truth.csv`` are returned instead.
    """
    found = Found()
    if (folder / TRUTH).is_file():
        try:
            stored = board_truth(board, read_truth_table(folder / TRUTH, board))
        except DermbenchError as error:
            found.stored = str(error)
        else:
            _compare(found, TRUTH, stored, board)
            if found.apart:
                found.stored = f"{TRUTH} was edited: {found.apart.pop()}; board.toml says {_wanted(board)}"
    for origin, truth in _given(board, sources):
        _compare(found, str(origin), board_truth(board, truth), board)
    return found


def find_truth(folder: Path, board: Board, sources: Sources) -> Truth | None:
    """Return the truth of a board: its own ``truth.csv``, else the source with the board's digest.

    Returns
    -------
    Truth or None
        None when it was not found.

    Raises
    ------
    InputError
        When a truth was found but has another content hash.
    """
    found = look_for_truth(folder, board, sources)
    problems = [found.stored] if found.stored else found.apart if found.truth is None else []
    if problems:
        raise InputError(
            folder,
            [*problems, f"the board was made with {_wanted(board)}"],
            remedy=f"Recreate the dataset: {board.recreate}" if board.recreate else None,
        )
    return found.truth


def _compare(found: Found, origin: str, truth: Truth, board: Board) -> None:
    if truth.digest == board.truth_digest:
        found.truth = found.truth or truth
        found.agree.append(origin)
    else:
        found.apart.append(f"the truth of {origin} has the content hash {truth.digest}")


def _wanted(board: Board) -> str:
    return board.truth_digest or "no truth yet"


def _given(board: Board, sources: Sources) -> list[tuple[Path, Truth]]:
    datasets = [read_dataset(path) for path in sources.datasets]
    found = [(d.root, dataset_truth(d, board)) for d in datasets if d.info.task == board.task]
    if sources.table is not None:
        found.append((sources.table, read_truth_table(sources.table, board)))
    return found


def dataset_truth(dataset: Dataset, board: Board) -> Truth:
    """Return the truth of a dataset for the board's split.

    Raises
    ------
    UsageError
        When the dataset has another task or other classes.
    """
    if dataset.info.task != board.task:
        raise UsageError(f"{dataset.root} has the task {dataset.info.task!r}, the board has {board.task!r}")
    if board.classes and dataset.classes != board.classes:
        raise UsageError(f"{dataset.root} has other classes than the board: {', '.join(dataset.classes)}")
    return dataset.truth(board.split)
