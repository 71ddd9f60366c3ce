"""Add an entry to a board: validate and evaluate it, then move its complete folder into place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dermbench.artifacts.entry import ENTRY, Entry, read_entry, write_entry
from dermbench.artifacts.files import locked, write_text
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.predictions import read_predictions, write_predictions
from dermbench.artifacts.report import Report
from dermbench.artifacts.run import RUN, RunRecord
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.leaderboard.board import BOARD, ENTRIES, LOCK, Board, stage_board
from dermbench.leaderboard.check_settings import refuse_changed_settings
from dermbench.leaderboard.contents import PREDICTIONS, REPORT, REPORT_MD, entry_names
from dermbench.leaderboard.index import append_settings, read_index
from dermbench.leaderboard.place import put_in_place, staged_entry, tidy
from dermbench.leaderboard.recompute import recompute
from dermbench.leaderboard.refuse import refuse_unsafe
from dermbench.leaderboard.reported import read_reported
from dermbench.leaderboard.resolve import Resolved, resolve_board
from dermbench.leaderboard.settings import settings_of
from dermbench.leaderboard.slug import slugify
from dermbench.leaderboard.truths import store_truth as write_truth
from dermbench.reporting import to_markdown

if TYPE_CHECKING:
    from dermbench.artifacts.manifest import Dataset
    from dermbench.artifacts.truth import Truth


def add(
    board: Path | str,
    predictions: Path | str,
    *,
    name: str,
    truth: Dataset | Truth | Path | None = None,
    run: Path | str | None = None,
    replace: bool = False,
    store_truth: bool | None = None,
    **about: Any,
) -> Entry:
    """Add an entry to a board; the first entry creates the board.

    On an error the board stays unchanged, and a crash at any point leaves either the old board or the new one.
    Several processes may add at the same time.

    Parameters
    ----------
    board
        Board folder.
    predictions
        Predictions for exactly the images of the board's split, one row per image; stored as parquet.
    name
        Display name, at most 80 characters, unique on the board.
    truth
        Dataset, truth, or the file of a truth table; by default the board's own ``truth.csv``.
    run
        Run folder or ``run.json``; its record is kept with the entry, with paths shortened to their last part.
    replace
        Replace the entry with this name.
    store_truth
        Keep ``truth.csv`` in the board folder, if the licence of the images allows it; by default as in
        ``board.toml``.
    **about
        ``authors``, ``link``, ``licence``, ``model``, ``training_data``, ``method``, ``seed`` of
        :class:`~dermbench.artifacts.entry.Entry`.

    Returns
    -------
    Entry
        Content of the new ``entry.toml``.

    Raises
    ------
    InputError
        With all problems of the predictions, the truth or the facts about the entry; with every setting that
        differs from the index.
    UsageError
        When the name is taken, or there is neither a truth nor a board.
    """
    folder = Path(board)
    refuse_unsafe(folder)
    record = None if run is None else _read_run(Path(run))
    if record is not None and about.get("seed") is None:
        about["seed"] = record.seed
    entry = _entry(name, about)
    if folder.is_dir():
        with locked(folder / LOCK):
            tidy(folder)
    refuse_changed_settings(folder)
    resolved = resolve_board(folder, truth, store=store_truth)
    _check_free(folder, entry, replace=replace)
    _check_task(record, resolved)
    table = read_predictions(predictions, resolved.truth)
    entries = folder / ENTRIES
    entries.mkdir(parents=True, exist_ok=True)
    with staged_entry(entries) as fresh:
        write_predictions(fresh / PREDICTIONS, table)
        done = _complete(fresh, entry, resolved, record)
        with locked(folder / LOCK):
            tidy(folder)
            _settle_board(folder, resolved)
            _check_free(folder, entry, replace=replace)
            put_in_place(fresh, folder, done)
    return done


def write_report(folder: Path, report: Report) -> None:
    """Write ``report.json``, read it back, and write ``report.md`` from it, since the order of keys may matter."""
    report.write(folder / REPORT)
    write_text(folder / REPORT_MD, to_markdown(Report.read(folder / REPORT)))


def entry_hashes(folder: Path) -> dict[str, str]:
    """Return the digest of every file of an entry folder except ``entry.toml``."""
    return {name: file_digest(folder / name) for name in sorted(entry_names(folder))}


def _entry(name: str, about: dict[str, Any]) -> Entry:
    facts = {key: item for key, item in about.items() if item is not None}
    try:
        return Entry.model_validate({"schema": "dermbench.entry/1", "name": name, **facts})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError("entry", problems) from error


def _read_run(path: Path) -> RunRecord:
    record = RunRecord.read(path / RUN if path.is_dir() else path)
    return record.model_copy(update={"config": _without_folders(record.config)})


def _without_folders(item: Any) -> Any:
    """Shorten absolute paths to their last part, to keep private folder names out of the board."""
    if isinstance(item, dict):
        return {key: _without_folders(part) for key, part in item.items()}
    if isinstance(item, list):
        return [_without_folders(part) for part in item]
    return Path(item).name if isinstance(item, str) and Path(item).is_absolute() else item


def _check_task(record: RunRecord | None, resolved: Resolved) -> None:
    if record is not None and (record.task, record.classes) != (resolved.board.task, resolved.truth.classes):
        raise UsageError(
            f"the run was trained on task {record.task!r} or other classes; the board's task is "
            f"{resolved.board.task!r}"
        )


def _check_free(folder: Path, entry: Entry, *, replace: bool) -> None:
    slug = slugify(entry.name)
    taken = folder / ENTRIES / slug
    if taken.exists() and not replace:
        raise UsageError(
            f"{taken}: taken by the entry {read_entry(taken / ENTRY).name!r}",
            remedy="Choose another name, or replace that entry with --replace.",
        )


def _complete(fresh: Path, entry: Entry, resolved: Resolved, record: RunRecord | None) -> Entry:
    # evaluate the stored file, so that recomputing starts from the same bits
    report = recompute(fresh / PREDICTIONS, resolved.truth, resolved.board)
    if record is not None:
        record.write(fresh / RUN)
    return seal(fresh, entry.model_copy(update={"truth_digest": resolved.truth.digest}), report)


def seal(fresh: Path, entry: Entry, report: Report) -> Entry:
    """Write the report and ``entry.toml`` of a staged entry; return the content of ``entry.toml``."""
    write_report(fresh, report)
    done = entry.model_copy(update={"hashes": entry_hashes(fresh)})
    write_entry(fresh / ENTRY, done)
    fresh.chmod(0o755)
    return done


def _settle_board(folder: Path, resolved: Resolved) -> None:
    """Write ``board.toml`` and ``truth.csv``, and record new settings in the index."""
    if (folder / BOARD).is_file():
        current = resolve_board(folder, resolved.truth, store=resolved.board.store_truth).board
        current = current.model_copy(update={"dataset_digest": resolved.board.dataset_digest})
        if current != resolved.board:
            raise UsageError(f"{folder / BOARD}: changed while the entry was evaluated; add the entry again")
    refuse_changed_settings(folder)
    if resolved.store:
        write_truth(folder, resolved.truth)
    write_board(folder, resolved.board)


def write_board(folder: Path, board: Board) -> None:
    """Write ``board.toml`` and record the settings in the index; :func:`tidy` repairs an interrupted write."""
    staged, settings = stage_board(folder, board), settings_of(board, read_reported(folder))
    try:
        recorded = read_index(folder).settings
        if recorded is None or recorded.settings != settings:
            append_settings(folder, settings)
        staged.replace(folder / BOARD)
    except BaseException:
        with suppress(OSError, DermbenchError):  # the next command tidies up if this fails
            tidy(folder)
        raise
