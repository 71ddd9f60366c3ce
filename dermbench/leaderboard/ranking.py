"""Rank the entries of a board in a total order, so that a board has the same bytes everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE
from dermbench.evaluation import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dermbench.artifacts.entry import Entry
    from dermbench.artifacts.report import Cell, Disparity, Feature, Group, Report, Undefined
    from dermbench.leaderboard.board import Board

GAP_METRIC = "accuracy"
"""Metric of the gap and of the table by group."""


@dataclass(frozen=True)
class Ranked:
    """An entry of a board with its report.

    Attributes
    ----------
    slug
        Name of the entry's folder.
    entry, report
        Content of ``entry.toml`` and ``report.json``.
    rank
        1 for the best; equal values share the smaller rank; None when the ranking metric is undefined.
    band
        First and last rank among entries that cannot be told apart; None if not known.
    """

    slug: str
    entry: Entry
    report: Report
    rank: int | None = None
    band: tuple[int, int] | None = None

    @property
    def place(self) -> str:
        """Rank band to show, such as ``1-3``; the rank if there is no band; a dash without a rank."""
        return place_text(None if self.rank is None else self.band or (self.rank, self.rank))

    def cell(self, metric: str) -> Cell | None:
        """Return the overall cell of a metric; None if the report has none."""
        return self.report.overall.get(metric)

    def value(self, metric: str) -> float | None:
        """Return the overall value of a metric; None when undefined."""
        cell = self.cell(metric)
        return None if cell is None else cell.value

    @property
    def feature(self) -> Feature | None:
        """The sensitive feature of the primary question; None if none is evaluated."""
        primary = self.report.primary
        return None if primary is None else self.report.features.get(primary.feature)

    @property
    def groups(self) -> dict[str, Group]:
        """The groups of :attr:`feature`."""
        return {} if self.feature is None else self.feature.groups

    @property
    def gap(self) -> Disparity | Undefined | None:
        """The within-class gap in accuracy between these groups; None if the report has no such row."""
        return None if self.feature is None else self.feature.disparities.get(GAP_METRIC)


@dataclass(frozen=True)
class Standings:
    """The entries of a board.

    Attributes
    ----------
    entries
        In order of rank.
    optimism
        How much the first entry's value is inflated by selection on the same images; None if not known.
    withdrawn
        Number of entries that the index lists as removed.
    """

    entries: tuple[Ranked, ...] = ()
    optimism: float | None = None
    withdrawn: int = 0


def place_text(places: tuple[int, int] | None) -> str:
    """Return a first and last rank as text: ``1``, ``1-3`` with an en dash, or a dash."""
    if places is None:
        return NONE
    first, last = places
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"


def primary_feature(entries: Iterable[Ranked]) -> str | None:
    """Return the sensitive feature of the entries' primary question; None if none is evaluated."""
    return next((one.report.primary.feature for one in entries if one.report.primary), None)


def rank(entries: Iterable[Ranked], board: Board) -> list[Ranked]:
    """Return the entries by the board's metric, best first; sort ties and undefined values by name and folder."""
    sign = -1.0 if higher_is_better(board.metric) else 1.0

    def key(one: Ranked) -> tuple[bool, float, str, str]:
        value = one.value(board.metric)
        return value is None, 0.0 if value is None else sign * value, one.entry.name.casefold(), one.slug

    ordered = sorted(entries, key=key)
    values = [one.value(board.metric) for one in ordered]
    return [
        replace(one, rank=None if value is None else values.index(value) + 1)
        for one, value in zip(ordered, values, strict=True)
    ]


def higher_is_better(metric: str) -> bool:
    """Return whether higher values of a metric are better.

    Raises
    ------
    RegistryError
        When there is no metric with this name.
    """
    return METRICS.get(metric).higher_is_better
