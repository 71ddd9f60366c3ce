"""From an entry's predictions to its report once more, and the first place where two reports differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench.artifacts.predictions import Predictions, read_predictions
from dermbench.artifacts.records import DIGITS
from dermbench.artifacts.report import Report
from dermbench.leaderboard.board import BOARD
from dermbench.leaderboard.deterministic import deterministic
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board

TOLERANCE = 2 * 10.0**-DIGITS
"""How far two numbers of a report may be apart: the last digit it keeps, which rounding may move by one."""
VERSIONS = "metric_versions"
FEWEST = 2
"""Resamples of a quick evaluation, which looks at none of them: as many as have a spread."""


def recompute(predictions: Path, truth: Truth, board: Board, *, quick: bool = False) -> Report:
    """Evaluate a predictions file with the settings of the board; :func:`score` says what ``quick`` leaves out.

    Raises
    ------
    InputError
        With everything that is wrong with the predictions.
    """
    return score(read_predictions(predictions, truth), truth, board, quick=quick)


def score(predictions: Predictions, truth: Truth, board: Board, *, quick: bool = False) -> Report:
    """Evaluate predictions with the settings of the board; the report is as read from ``report.json``.

    With ``quick`` nothing is resampled, and only what
    :func:`~dermbench.leaderboard.deterministic.deterministic` keeps of the report means something.
    """
    import dermbench.evaluation as evaluation  # noqa: PLC0415, PLR0402 - slow to import, looked up when called

    report = evaluation.evaluate(
        predictions,
        truth,
        sensitive=list(board.sensitive),
        seed=board.seed,
        n_resamples=FEWEST if quick else board.resamples,
    )
    return Report.model_validate(report.document())


def difference(stored: Report, again: Report, *, quick: bool = False) -> str | None:
    """Say where a stored report first differs from the recomputed one; None when it does not.

    Numbers may be apart by :data:`TOLERANCE`. Of the provenance, the versions of packages are no part of
    the comparison. With ``quick`` only what does not rest on resampling is compared.
    """
    left, right = _compared(stored), _compared(again)
    found = _first(deterministic(left), deterministic(right), ()) if quick else _first(left, right, ())
    return None if found is None else f"{'.'.join(found[0])} is {_show(found[1])}, recomputed {_show(found[2])}"


def other_versions(stored: Report, again: Report) -> str | None:
    """Name the metrics whose versions differ; they explain every other difference."""
    before, now = stored.provenance.get(VERSIONS), again.provenance.get(VERSIONS)
    if not isinstance(before, dict) or not isinstance(now, dict) or before == now:
        return None
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return ", ".join(
        f"{plain(n)} {plain(before.get(n, 'absent'))} -> {plain(now.get(n, 'absent'))}" for n in names
    )


def other_settings(stored: Report, board: Board) -> str | None:
    """Name the settings of the evaluation that are not those of ``board.toml``."""
    wanted = {"n_resamples": board.resamples, "seed": board.seed}
    changes = [
        f"{name} {plain(stored.provenance.get(name, 'absent'))}, {BOARD} says {now}"
        for name, now in wanted.items()
        if stored.provenance.get(name) != now
    ]
    return "; ".join(changes) or None


def _compared(report: Report) -> dict[str, Any]:
    document = report.document()
    provenance = {k: v for k, v in report.provenance.items() if k not in {"environment", "revision"}}
    return document | {"provenance": provenance}


def _first(left: Any, right: Any, path: tuple[str, ...]) -> tuple[tuple[str, ...], Any, Any] | None:
    if isinstance(left, dict) and isinstance(right, dict):
        pairs = [(key, left.get(key, "absent"), right.get(key, "absent")) for key in sorted({*left, *right})]
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(left, right, strict=True))]
    else:
        return None if _same(left, right) else (path, left, right)
    found = (_first(a, b, (*path, plain(key))) for key, a, b in pairs)
    return next((f for f in found if f is not None), None)


def _same(left: Any, right: Any) -> bool:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return abs(left - right) <= TOLERANCE if numbers else bool(left == right)


def _show(item: Any) -> str:
    return plain(item, limit=60)
