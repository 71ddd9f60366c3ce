"""Rank bands: the best and the worst place an entry may have among entries that cannot be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench import evaluation
from dermbench.artifacts.predictions import read_predictions
from dermbench.errors import DermbenchError, UsageError
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.contents import PREDICTIONS
from dermbench.leaderboard.published import read_published

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
        rows = read_published(folder).entries
    except DermbenchError:
        return None  # no board yet, or not one of ours: whoever compares the file says so
    there = {row.slug: row.predictions for row in rows}
    bands = {row.slug: (row.band[0], row.band[1]) for row in rows if row.band is not None}
    same = there == {one.slug: one.entry.hashes.get(PREDICTIONS) for one in entries}
    return bands if same and bands.keys() in ({}.keys(), set(ranked_slugs(entries))) else None
