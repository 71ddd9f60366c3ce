"""Start a board: settings, rules, a checklist, files for git, and workflows that verify pull requests."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomlkit

from dermbench.artifacts.files import write_text
from dermbench.artifacts.predictions import Predictions
from dermbench.artifacts.records import validated
from dermbench.errors import DermbenchError, InputError, UsageError, name_some
from dermbench.evaluation import METRICS
from dermbench.leaderboard.add import write_board
from dermbench.leaderboard.board import BOARD, LOCK, RULES, Board
from dermbench.leaderboard.build import build
from dermbench.leaderboard.new_board import Wording, starting_files
from dermbench.leaderboard.recompute import score
from dermbench.leaderboard.resolve import new_board_of_task, resolve_board
from dermbench.leaderboard.truths import store_truth
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.text import PROSE_LIMIT, markdown_text, plain
from dermbench.version import __version__

if TYPE_CHECKING:
    from dermbench.artifacts.truth import Truth

TITLE_LIMIT = 200
"""Maximum length of a title in characters."""
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._\[\],-]*(==[A-Za-z0-9.!+-]+| @ [a-z+]+://[A-Za-z0-9._~/@+:#=&-]+)"
)
HELD = (
    "The labels of this board are not stored here. Whoever holds the table gives it with `--truth TABLE`. Without "
    "it, `verify` checks hashes, the index, and reports against predictions, and says what it could not check. If "
    "you do not have the labels, send your predictions to the keeper of the board, who adds them."
)
STORED = "The labels of this board are in `truth.csv`: anyone can recompute every number."
PREPARED = (
    "The labels are those of the dataset, which `{command}` prepares: give its folder with `--data DATASET`."
)


def init(
    folder: Path | str,
    *,
    title: str,
    metric: str,
    truth: Path | None = None,
    task: str | None = None,
    requirement: str | None = None,
    **settings: Any,
) -> Board:
    """Start a board in a new or empty folder, which can then become the board's repository.

    On an error the folder stays unchanged.

    Parameters
    ----------
    folder
        Folder to create; the board's files are at its top level.
    title, metric
        Title of the board, and name of the metric that ranks.
    truth, task
        Exactly one of them: a table with labels and sensitive features, or the name of a packaged task, whose
        truth comes with the first entry.
    requirement
        Requirement that the workflow installs: ``dermbench==VERSION`` (by default this version) or
        ``dermbench @ URL``.
    **settings
        ``primary`` (``METRIC:FEATURE``), ``margin``, ``split``, ``sensitive``, ``licence``, ``note``, ``seed``,
        ``resamples`` and ``store_truth`` of :class:`~dermbench.leaderboard.board.Board`.

    Returns
    -------
    Board
        Content of the new ``board.toml``.

    Raises
    ------
    UsageError
        When the folder is a board or not empty, or both or neither of ``truth`` and ``task`` are given.
    InputError
        With all problems of the settings or of the truth.
    """
    target, pinned = Path(folder), requirement or f"dermbench=={__version__}"
    _refuse_taken(target)
    if (truth is None) == (task is None):
        raise UsageError("a board needs true labels: give either --truth TABLE or --task TASK")
    board = _settings(target, task, {"title": title, "metric": metric, **settings}, pinned)
    parent = target.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=parent, prefix=f".{plain(target.resolve().name)}-"))
    except OSError as error:
        raise UsageError(f"{target}: cannot write there ({error.strerror})") from error
    try:
        done = _write(staged, board, truth, pinned)
        staged.chmod(0o755)
        _put(staged, target)
    except OSError as error:
        raise UsageError(f"{target}: cannot write there ({error.strerror})") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return done


def _refuse_taken(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target}: is not a folder")
    if (target / BOARD).exists():
        raise UsageError(
            f"{target}: is already a board",
            remedy="Add to it with: dermbench leaderboard add PREDICTIONS --board DIR --name NAME",
        )
    there = sorted(item.name for item in target.iterdir()) if target.is_dir() else []
    if there:
        raise UsageError(
            f"{target}: is not empty ({name_some(there)})",
            remedy="Name a new folder, and make it a repository afterwards (git init).",
        )


def _settings(target: Path, task: str | None, given: dict[str, Any], pinned: str) -> Board:
    """Return the checked settings; all problems are in one message."""
    given = {key: value for key, value in given.items() if value is not None}
    name = plain(target.resolve().name) or "board"
    start = Board(schema="dermbench.board/1", task=name) if task is None else new_board_of_task(task)
    content = start.model_dump(by_alias=True, mode="json") | given | {"rules": RULES}
    problems = _text_problems(given)
    if not _REQUIREMENT.fullmatch(pinned):
        problems.append("requirement: write dermbench==VERSION or dermbench @ URL")
    board = None
    try:
        board = validated(target, Board, content)
        if board.primary is not None:
            METRICS.get(board.primary[0])
    except InputError as error:
        problems += error.problems
    except DermbenchError as error:
        problems.append(f"primary: {error.message}")
    if problems or board is None:
        raise InputError(f"board {target}", problems)
    return board


def _text_problems(given: dict[str, Any]) -> list[str]:
    """Return one sentence per text that is empty, too long or has invisible characters."""
    problems = []
    for key, limit in (("title", TITLE_LIMIT), ("licence", 400), ("note", PROSE_LIMIT)):
        text = given.get(key, "")
        if key == "title" and not plain(text):
            problems.append("title: is empty")
        elif plain(text, limit=limit) != text:
            problems.append(
                f"{key}: must be one line of at most {limit:,} visible characters, single spaces between"
            )
    return problems


def _write(staged: Path, board: Board, table: Path | None, pinned: str) -> Board:
    """Write the whole board into a temporary folder."""
    if table is not None:
        resolved = resolve_board(staged, table, board=board)
        _try_out(resolved.board, resolved.truth)
        board = resolved.board
        if resolved.store:
            store_truth(staged, resolved.truth)
    shown: dict[str, str | int] = {
        "schema": board.schema_,
        "title": board.title,
        "metric": board.metric,
        "split": board.split,
    }
    shown |= {"seed": board.seed, "resamples": board.resamples}  # written even if they are the defaults
    write_text(staged / BOARD, tomlkit.dumps(shown))
    write_board(staged, board)
    for name, text in starting_files(_wording(board, pinned)).items():
        write_text(staged / name, text)
    build(staged)
    (staged / LOCK).unlink(missing_ok=True)
    return board


def _try_out(board: Board, truth: Truth) -> None:
    """Evaluate constant predictions, to find metrics that do not apply before the first entry."""
    answers = Predictions(truth.image_id, truth.classes, np.zeros(len(truth), dtype=np.intp))
    report = score(answers, truth, board, quick=True)
    problems = []
    if board.metric not in report.overall:
        problems.append(f"metric: {board.metric} does not apply to this truth")
    if board.primary is not None and (
        report.primary is None or (report.primary.metric, report.primary.feature) != board.primary
    ):
        problems.append(f"primary: {':'.join(board.primary)} cannot be evaluated on this truth")
    if problems:
        raise InputError(BOARD, problems)


def _put(staged: Path, target: Path) -> None:
    """Move the board into place: rename the folder, or fill an existing empty one with ``board.toml`` last."""
    if not target.exists():
        staged.rename(target)
        return
    names = sorted((path.name for path in staged.iterdir()), key=lambda name: name == BOARD)
    try:
        for name in names:
            (staged / name).rename(target / name)
    except BaseException:
        for path in list(target.iterdir()):  # it was empty
            path.rename(staged / path.name)
        raise


def _wording(board: Board, pinned: str) -> Wording:
    stored = board.store_truth
    prepared = PREPARED.format(command=plain(board.recreate, limit=PROSE_LIMIT).replace("`", ""))
    return Wording(
        title=markdown_text(board.title, limit=TITLE_LIMIT),
        metric=markdown_text(metric_title(board.metric)),
        question=_question(board),
        truth=STORED if stored else prepared if board.recreate else HELD,
        given="" if stored else " --data DATASET" if board.recreate else " --truth TABLE",
        requirement=pinned,
    )


def _question(board: Board) -> str:
    if board.primary is None:
        return "the gap in accuracy by skin type."
    metric, feature = board.primary
    asked = f"the gap in {markdown_text(metric_title(metric))} by {markdown_text(feature_title(feature))}"
    if board.margin is None:
        return f"{asked}, without a margin below which a gap counts as small."
    return f"{asked}; a gap below {board.margin:g} counts as small."
