"""The board folder and its settings in ``board.toml``: task, split, metrics and how entries are scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import tomlkit
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from dermbench.artifacts.files import write_text
from dermbench.artifacts.records import read_model
from dermbench.errors import UsageError
from dermbench.evaluation import METRICS
from dermbench.reporting.text import PROSE_LIMIT, plain
from dermbench.tasks import parse_primary

BOARD = "board.toml"
TRUTH = "truth.csv"
ENTRIES = "entries"
REPORTED = "reported.toml"
README = "README.md"
INDEX = "index.jsonl"
RULES = "RULES.md"
HTML = "leaderboard.html"
JSON, CSV = "leaderboard.json", "leaderboard.csv"
LOCK = ".board.lock"
STAGED = ".new-board.toml"
"""The next ``board.toml``, until the index records it; see :func:`dermbench.leaderboard.place.tidy`."""


class Board(BaseModel):
    """Content of ``board.toml``.

    Attributes
    ----------
    task, split, title
        Task and split that are predicted, and the title of the board.
    metric
        Metric that ranks the entries.
    primary
        Metric and sensitive feature of the primary question, ``METRIC:FEATURE`` in the file. If None, the
        evaluation chooses. The board shows the gaps and groups of this feature.
    margin
        Largest acceptable gap of the primary metric, fixed before any result; None for no margin.
    sensitive
        Sensitive features to evaluate.
    classes, ordered, malignancy
        As in the task; empty until the truth is known.
    n_classes
        Number of classes.
    licence, recreate
        Terms of use of the images, and the command that prepares the dataset folder.
    note
        What readers of the board must know, in one paragraph.
    seed, resamples
        Settings of the evaluation.
    rules
        Page with the board's own rules; empty if the rules in docs/reference/leaderboards.md apply.
    store_truth
        Whether ``truth.csv`` is kept in the board folder, which the licence must allow.
    truth_digest
        Content hash of the truth (:func:`dermbench.leaderboard.truths.canonical`); empty until the first entry.
    dataset_digest
        Content hash of the whole dataset, images included; set by the first entry that was scored with a dataset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_: Literal["dermbench.board/1"] = Field("dermbench.board/1", alias="schema")
    task: str = Field(min_length=1)
    split: str = "test"
    title: str = ""
    metric: str = "macro_f1"
    primary: tuple[str, str] | None = None
    margin: float | None = Field(None, gt=0)
    sensitive: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    n_classes: int = 0
    ordered: bool = False
    malignancy: dict[str, str] = Field(default_factory=dict)
    licence: str = ""
    recreate: str = ""
    note: str = ""
    rules: Literal["", "RULES.md"] = ""
    seed: int = 0
    resamples: int = Field(9999, ge=1)
    store_truth: bool = False
    truth_digest: str = ""
    dataset_digest: str = ""

    @field_validator("metric")
    @classmethod
    def _is_a_metric(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"no metric {name[:80]!r}; there are: {', '.join(METRICS)}")
        return name

    @property
    def command(self) -> str:
        """The command :attr:`recreate` as one line, for messages."""
        return plain(self.recreate, limit=PROSE_LIMIT)

    @field_validator("primary", mode="before")
    @classmethod
    def _read_primary(cls, value: object) -> object:
        try:
            return parse_primary(value) if isinstance(value, str) else value
        except UsageError as error:
            raise ValueError(error.message) from error

    @field_serializer("primary")
    def _write_primary(self, value: tuple[str, str] | None) -> str | None:
        return None if value is None else ":".join(value)

    @model_validator(mode="after")
    def _margin_is_of_the_primary_metric(self) -> Self:
        if self.margin is not None and self.primary is None:
            raise ValueError("a margin needs a primary question")
        return self


def read_board(folder: Path, *, name: str = BOARD) -> Board:
    """Read ``board.toml`` of a board folder, or a file called ``name``.

    Raises
    ------
    UsageError
        When the file does not exist.
    InputError
        With every key that is missing, unknown or malformed.
    """
    path = folder / name
    if not path.is_file():
        raise UsageError(
            f"{path}: no such file", remedy="A board folder holds board.toml; see docs/reference/leaderboards.md."
        )
    return read_model(path, Board)


def stage_board(folder: Path, board: Board) -> Path:
    """Write :data:`STAGED` atomically, keeping the comments and order of ``board.toml``; return its path."""
    path = folder / BOARD
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig")) if path.is_file() else tomlkit.document()
    content: dict[str, Any] = board.model_dump(by_alias=True, mode="json")
    defaults = {name: field.default for name, field in Board.model_fields.items()}
    for key, item in content.items():
        if document.get(key) != item and (key in document or item not in (defaults.get(key), [], {}, "")):
            document[key] = item
    document.setdefault("schema", content["schema"])
    staged = folder / STAGED
    try:
        write_text(staged, tomlkit.dumps(document))
    except UsageError:  # the file may exist although the disk did not confirm the write
        staged.unlink(missing_ok=True)
        raise
    return staged


def board_folders(root: Path | str) -> list[Path]:
    """Return ``root`` if it is a board, else the boards inside it, sorted by name.

    Raises
    ------
    UsageError
        When no board is found.
    """
    folder = Path(root)
    if (folder / BOARD).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{BOARD}") if not path.parent.name.startswith("."))
    if not found:
        raise UsageError(
            f"{folder}: no board found (a folder with {BOARD})",
            remedy="Create one: dermbench leaderboard init DIR --title TITLE --metric METRIC --truth TABLE",
        )
    return found


def leads_elsewhere(folder: Path, root: Path | str) -> bool:
    """Return whether a board inside ``root`` is a link; ``root`` itself may be one."""
    return folder != Path(root) and folder.is_symlink()


def counted(n_entries: int) -> str:
    """Return ``1 entry`` or ``2 entries``."""
    return "1 entry" if n_entries == 1 else f"{n_entries:,} entries"


def entry_folders(folder: Path) -> list[Path]:
    """Return the entry folders of a board, sorted; hidden ones are unfinished writes."""
    root = folder / ENTRIES
    if not root.is_dir():
        return []
    folders = (path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in folders if not path.name.startswith("."))
