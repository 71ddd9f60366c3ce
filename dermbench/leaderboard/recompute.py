"""Recompute the report of an entry from its predictions, and find where two reports differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dermbench.evaluation
from dermbench.artifacts.records import DIGITS
from dermbench.artifacts.report import Disparity, Report, reproducible, settled
from dermbench.leaderboard.board import BOARD
from dermbench.leaderboard.stored import read_stored
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board

TOLERANCE = 2 * 10.0**-DIGITS
"""Largest difference between two equal numbers: rounding may change the last digit that a report keeps by one."""
FEWEST = 2
"""Resamples of a quick evaluation, which does not use them: the smallest number with a spread."""


def recompute(predictions: Path, truth: Truth, board: Board, *, quick: bool = False) -> Report:
    """Evaluate the predictions of an entry with the settings of the board.

    :func:`score` says what ``quick`` leaves out.

    Raises
    ------
    InputError
        With all problems of the predictions.
    """
    return score(read_stored(predictions, truth), truth, board, quick=quick)


def score(predictions: Predictions, truth: Truth, board: Board, *, quick: bool = False) -> Report:
    """Evaluate predictions with the settings of the board, without curves, which a board does not show.

    With ``quick`` almost nothing is resampled; use only the part of the report that
    :func:`~dermbench.artifacts.report.settled` keeps.
    """
    return dermbench.evaluation.evaluate(
        predictions,
        truth,
        sensitive=list(board.sensitive),
        primary=board.primary,
        margin=board.margin,
        seed=board.seed,
        n_resamples=FEWEST if quick else board.resamples,
        curves=False,
    )


def difference(stored: Report, again: Report, *, quick: bool = False) -> str | None:
    """Return where a stored report first differs from the recomputed one; None if they agree.

    Numbers may differ by :data:`TOLERANCE`. Package versions are not compared. With ``quick`` only the parts that
    do not depend on random draws are compared.
    """
    compared = settled if quick else reproducible
    found = _first(compared(stored), compared(again), ())
    return None if found is None else f"{'.'.join(found[0])} is {_show(found[1])}, recomputed {_show(found[2])}"


def other_versions(stored: Report, again: Report) -> str | None:
    """Return the metrics whose versions differ; None if none do."""
    before, now = stored.provenance.metric_versions, again.provenance.metric_versions
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    changes = [f"{plain(n)} {before.get(n, 'absent')} -> {now.get(n, 'absent')}" for n in names]
    return ", ".join(changes) or None


def other_settings(stored: Report, board: Board) -> str | None:
    """Return the evaluation settings that differ from ``board.toml``; None if none do."""
    chosen = None if stored.primary is None else (stored.primary.metric, stored.primary.feature)
    found: list[tuple[str, object, object]] = [
        ("resamples", stored.provenance.resamples, board.resamples),
        ("seed", stored.provenance.seed, board.seed),
    ]
    if board.primary is not None:
        found.append(("primary", _question(chosen), _question(board.primary)))
        if chosen == board.primary:
            found += _margins(stored, board)
    changes = [f"{name} {plain(there)}, {BOARD} says {now}" for name, there, now in found if there != now]
    return "; ".join(changes) or None


def _question(primary: tuple[str, str] | None) -> str:
    return "none" if primary is None else ":".join(primary)


def _margins(stored: Report, board: Board) -> list[tuple[str, object, object]]:
    """Return the margins of the primary row and of the board, if the row has a verdict."""
    if stored.primary is None or stored.primary.feature not in stored.features:
        return []
    row = stored.features[stored.primary.feature].disparities.get(stored.primary.metric)
    if not isinstance(row, Disparity) or row.verdict is None:
        return []
    return [("margin", row.verdict.margin, board.margin)]


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
