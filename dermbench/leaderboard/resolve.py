"""Find the settings and the truth that a new entry is scored with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import Dataset
from dermbench.errors import InputError, UsageError
from dermbench.evaluation.core.groups import default_features
from dermbench.leaderboard.board import BOARD, TRUTH, Board, read_board
from dermbench.leaderboard.truths import board_truth, dataset_truth, read_truth_table
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.truth import Truth

DRAWN = "synthderm"
"""Source with synthetic labels: a new board stores them, so anyone can verify it."""


@dataclass(frozen=True)
class Resolved:
    """A board with its truth.

    Attributes
    ----------
    board
        Settings, completed with facts from the truth.
    truth
        Canonical truth; its digest is ``board.truth_digest``.
    store
        Whether ``truth.csv`` is still to be written.
    """

    board: Board
    truth: Truth
    store: bool


def resolve_board(
    folder: Path, given: Dataset | Truth | Path | None, *, store: bool | None = None, board: Board | None = None
) -> Resolved:
    """Return the board in ``folder``, or a new board for the given truth.

    Parameters
    ----------
    folder
        Board folder.
    given
        Truth, or its file; by default the board's own ``truth.csv``.
    store
        Whether ``truth.csv`` is kept in the board; by default as in the settings.
    board
        Settings to start from; by default those in the folder.

    Raises
    ------
    UsageError
        When neither the board nor the caller has a truth, or task or classes differ.
    InputError
        When the truth differs from the one the board was created with.
    """
    if board is None:
        board = read_board(folder) if (folder / BOARD).is_file() else _new_board(folder, given)
    if store is not None:
        board = board.model_copy(update={"store_truth": store})
    truth = _truth(folder, board, given)
    board = _completed(board, truth)
    scored = board_truth(board, truth)
    if board.truth_digest not in {"", scored.digest}:
        raise InputError(
            folder / BOARD,
            [f"the truth has the content hash {scored.digest}; the board was made with {board.truth_digest}"],
            remedy=f"Recreate the dataset: {board.command}" if board.recreate else None,
        )
    made_from = given.info.digest if isinstance(given, Dataset) else ""
    update = {"truth_digest": scored.digest, "dataset_digest": board.dataset_digest or made_from}
    done = board.model_copy(update=update)
    return Resolved(done, scored, store=done.store_truth and not (folder / TRUTH).is_file())


def _truth(folder: Path, board: Board, given: Dataset | Truth | Path | None) -> Truth:
    if isinstance(given, Dataset):
        return dataset_truth(given, board)
    if isinstance(given, Path):
        return read_truth_table(given, board)
    if given is not None:
        if board.classes and given.classes != board.classes:
            raise UsageError(f"{folder}: the truth has other classes than the board: {', '.join(given.classes)}")
        return given
    if not (folder / TRUTH).is_file():
        raise UsageError(
            f"{folder}: the true labels of this board are not stored in it",
            remedy=f"Give them with --data DATASET or --truth TABLE. {board.command}".strip(),
        )
    return read_truth_table(folder / TRUTH, board)


def _new_board(folder: Path, given: Dataset | Truth | Path | None) -> Board:
    if given is None:
        raise UsageError(
            f"{folder}: no board there",
            remedy="Give --data DATASET or --truth TABLE, and the first entry makes the board.",
        )
    if isinstance(given, Path):
        name = folder.resolve().name
        return Board(schema="dermbench.board/1", task=name, title=name)
    if not isinstance(given, Dataset):
        return Board(schema="dermbench.board/1", task=given.task, split=given.split, title=given.task)
    info = given.info
    return Board(
        schema="dermbench.board/1",
        task=info.task,
        title=info.title or info.task,
        licence=info.licence,
        recreate=_command(info.task, info.source, info.options),
        store_truth=info.source == DRAWN,
    )


def new_board_of_task(name: str) -> Board:
    """Return the settings of a new board for a packaged task; its truth comes with the first entry.

    Raises
    ------
    RegistryError
        When there is no such task.
    """
    task = load_task(name)
    return Board(
        schema="dermbench.board/1",
        task=name,
        title=task.title,
        primary=task.primary,
        margin=task.margin,
        n_classes=task.n_classes,
        licence=task.licence,
        recreate=_command(name, task.source, {}),
        store_truth=task.source == DRAWN,
    )


def _command(task: str, source: str, options: Mapping[str, object]) -> str:
    """Return the command that prepares the dataset folder."""
    raw = "" if source == DRAWN else " --root RAW"
    chosen = "".join(f" --set {key}={item}" for key, item in sorted(options.items()))
    return f"dermbench data prepare {task}{raw} --out DATASET{chosen}"


def _completed(board: Board, truth: Truth) -> Board:
    """Fill in the classes and sensitive features of a new board."""
    if board.truth_digest:
        return board
    primary, margin = _question(board)
    update = {
        "primary": primary,
        "margin": margin,
        "classes": truth.classes,
        "n_classes": len(truth.classes),
        "ordered": truth.ordered,
        "malignancy": dict(truth.malignancy),
        "sensitive": board.sensitive or tuple(default_features(truth)),
    }
    return board.model_copy(update=update)


def _question(board: Board) -> tuple[tuple[str, str] | None, float | None]:
    """Return the primary question and its margin, from the board or else from its task."""
    if board.primary is not None or board.task not in task_names():
        return board.primary, board.margin
    task = load_task(board.task)
    return task.primary, task.margin
