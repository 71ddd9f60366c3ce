"""Rank bands: the best and the worst place an entry may have among entries that cannot be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dermbench import evaluation
from dermbench.artifacts.guarded import read_json
from dermbench.artifacts.predictions import read_predictions
from dermbench.errors import DermbenchError, UsageError
from dermbench.leaderboard.board import ENTRIES, JSON
from dermbench.leaderboard.contents import PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.ranking import Ranked

Bands = dict[str, tuple[int, int]]


def rank_bands(folder: Path, board: Board, truth: Truth, entries: Sequence[Ranked]) -> Bands:
    """Compare all ranked entries with each other; see :func:`dermbench.evaluation.rank_bands`.

    Returns
    -------
    dict
        {slug: (first, last place)}; entries without a rank have none, nor any where the metric has no paired test.
    """
    return _compared(folder, board, truth, ranked_slugs(entries))


def bands_ahead(folder: Path, board: Board, truth: Truth, slugs: Sequence[str]) -> Bands | None:
    """Compare all entries before their reports are checked; None where predictions cannot be read."""
    try:
        return _compared(folder, board, truth, slugs)
    except DermbenchError:
        return None  # told where the entry itself is checked


def ranked_slugs(entries: Sequence[Ranked]) -> list[str]:
    """Return the slugs of the entries that have a rank."""
    return [one.slug for one in entries if one.rank is not None]


def _compared(folder: Path, board: Board, truth: Truth, ranked: Sequence[str]) -> Bands:
    if len(ranked) < 2:
        return dict.fromkeys(ranked, (1, 1))
    predictions = {slug: read_predictions(folder / ENTRIES / slug / PREDICTIONS, truth) for slug in ranked}
    try:
        return evaluation.rank_bands(
            predictions, truth, metric=board.metric, seed=board.seed, n_resamples=board.resamples
        )
    except UsageError:  # the predictions are those of the truth: what is left is a metric without a paired test
        return {}


def stored_bands(folder: Path, entries: Sequence[Ranked]) -> Bands | None:
    """Return the bands in ``leaderboard.json``; None unless they are of these entries and predictions."""
    try:
        rows = _entries(folder)
        there = {row["slug"]: row["predictions"] for row in rows}
        bands = {row["slug"]: _band(row["band"]) for row in rows if row["band"] is not None}
    except (DermbenchError, ValueError, KeyError, TypeError):
        return None  # no board yet, or not one of ours: whoever compares the file says so
    same = there == {one.slug: one.entry.hashes.get(PREDICTIONS) for one in entries}
    return bands if same and bands.keys() in ({}.keys(), set(ranked_slugs(entries))) else None


def _entries(folder: Path) -> Any:
    content: Any = read_json(folder / JSON)
    return content["entries"]


def _band(pair: Any) -> tuple[int, int]:
    first, last = pair
    if not (isinstance(first, int) and isinstance(last, int)):
        raise TypeError("a place is an integer")
    return first, last
