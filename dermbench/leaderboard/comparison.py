"""Compare the entries with each other: rank bands, and how much the best value is inflated by selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dermbench.evaluation
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

DIGITS = 4
"""Decimals of the stored optimism; its Monte-Carlo error exceeds the last one."""


@dataclass(frozen=True)
class Comparison:
    """Result of comparing the entries of a board.

    Attributes
    ----------
    bands
        {slug: (first, last rank)} of the entries that have a rank; empty if the metric has no paired test.
    optimism
        How much the best value is inflated because the entry was selected on the same images, at least 0
        (:func:`dermbench.evaluation.selection_optimism`). None for fewer than two entries or without a paired
        test.
    """

    bands: dict[str, tuple[int, int]]
    optimism: float | None = None


def compare_entries(folder: Path, board: Board, truth: Truth, entries: Sequence[Ranked]) -> Comparison:
    """Compare all ranked entries with each other; see :func:`dermbench.evaluation.rank_bands`."""
    return _compared(folder, board, truth, ranked_slugs(entries))


def compare_ahead(folder: Path, board: Board, truth: Truth, slugs: Sequence[str]) -> Comparison | None:
    """Compare all entries before their reports are checked; None if predictions cannot be read."""
    try:
        return _compared(folder, board, truth, slugs)
    except DermbenchError:
        return None  # reported where the entry itself is checked


def ranked_slugs(entries: Sequence[Ranked]) -> list[str]:
    """Return the slugs of the entries that have a rank."""
    return [one.slug for one in entries if one.rank is not None]


def _compared(folder: Path, board: Board, truth: Truth, ranked: Sequence[str]) -> Comparison:
    if len(ranked) < 2:
        return Comparison(dict.fromkeys(ranked, (1, 1)))
    predictions = {slug: read_predictions(folder / ENTRIES / slug / PREDICTIONS, truth) for slug in ranked}
    try:
        how: dict[str, Any] = {"metric": board.metric, "seed": board.seed, "n_resamples": board.resamples}
        bands = dermbench.evaluation.rank_bands(predictions, truth, **how)
        optimism = dermbench.evaluation.selection_optimism(predictions, truth, **how)
    except UsageError:  # the predictions fit the truth, so the metric has no paired test
        return Comparison({})
    return Comparison(bands, None if optimism is None else round(optimism, DIGITS))


def stored_comparison(folder: Path, entries: Sequence[Ranked]) -> Comparison | None:
    """Return the comparison in ``leaderboard.json``; None unless it is of the same entries and predictions."""
    try:
        published = read_published(folder)
    except DermbenchError:
        return None  # missing or malformed; reported where the file is compared
    rows = published.entries
    there = {row.slug: row.predictions for row in rows}
    bands = {row.slug: (row.band[0], row.band[1]) for row in rows if row.band is not None}
    same = there == {one.slug: one.entry.hashes.get(PREDICTIONS) for one in entries}
    if not same or not published.complete or bands.keys() not in ({}.keys(), set(ranked_slugs(entries))):
        return None
    return Comparison(bands, published.optimism)
