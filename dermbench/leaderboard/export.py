"""Write the board for programs (``leaderboard.json``) and for spreadsheets (``leaderboard.csv``)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.files import dump_json
from dermbench.artifacts.report import Disparity
from dermbench.leaderboard.ranking import GAP_METRIC
from dermbench.reporting.names import headline_metrics, sorted_groups
from dermbench.reporting.sections.disparity import verdict_words
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.report import Cell, Group
    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.ranking import Ranked, Standings
    from dermbench.leaderboard.reported import Row

GAP_COLUMNS = ("gap", "gap_low", "gap_high", "gap_p_value", "gap_verdict", "worst_group")
_FORMULA = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four as wide signs


def to_json(board: Board, standings: Standings, reported: Sequence[Row]) -> str:
    """Return ``leaderboard.json``: settings, ranked entries, optimism of the first entry, reported rows.

    An entry has its overall cells and, for the feature of the primary question, the accuracy by group and the gap
    in accuracy. Everything else is in its ``report.json``.
    """
    return dump_json(
        {
            "schema": "dermbench.leaderboard/2",
            "board": board.model_dump(by_alias=True, mode="json"),
            "entries": [_document(one) for one in standings.entries],
            "optimism": standings.optimism,
            "reported": [row.model_dump(mode="json") for row in reported],
        }
    )


def to_csv(board: Board, entries: Sequence[Ranked]) -> str:
    """Return ``leaderboard.csv``: one row per entry, undefined values as empty cells.

    Text that a spreadsheet would read as a formula starts with an apostrophe.
    """
    there = {name for one in entries for name in one.report.overall}
    metrics = list(dict.fromkeys([board.metric, *headline_metrics(there)]))
    groups = sorted_groups({name for one in entries for name in one.groups})
    head = ["rank", "rank_first", "rank_last", "name", "slug", "n"]
    head += [cell(f"{name}{end}") for name in metrics for end in ("", "_low", "_high")]
    head += [f"{GAP_METRIC}_{cell(name)}{end}" for name in groups for end in ("_n", "", "_low", "_high")]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*head, *GAP_COLUMNS])
    writer.writerows(_line(one, metrics, groups) for one in entries)
    return stream.getvalue()


def cell(text: object) -> str:
    """Return text for a spreadsheet: one line that is not read as a formula."""
    line = plain(text, limit=400)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _line(one: Ranked, metrics: Sequence[str], groups: Sequence[str]) -> list[Any]:
    line: list[Any] = [
        _blank(one.rank),
        *(one.band or ("", "")),
        cell(one.entry.name),
        cell(one.slug),
        one.report.n,
    ]
    for metric in metrics:
        line += _ends(one.cell(metric))
    for name in groups:
        line += _group(one.groups.get(name))
    return line + _gap(one)


def _group(group: Group | None) -> list[Any]:
    return ["", *_ends(None)] if group is None else [group.n, *_ends(group.cells.get(GAP_METRIC))]


def _gap(one: Ranked) -> list[Any]:
    row = one.gap
    if not isinstance(row, Disparity):
        return [""] * len(GAP_COLUMNS)
    numbers = [_blank(value) for value in (row.gap, row.low, row.high, row.p_value)]
    words = ["" if row.verdict is None else verdict_words(row), "" if row.raw is None else row.raw.worst_group]
    return [*numbers, *map(cell, words)]


def _ends(score: Cell | None) -> list[Any]:
    return ["", "", ""] if score is None else [_blank(end) for end in (score.value, score.low, score.high)]


def _blank(item: Any) -> Any:
    return "" if item is None else item


def _document(one: Ranked) -> dict[str, Any]:
    groups = {
        name: {"n": group.n, "small": group.small, GAP_METRIC: group.cells[GAP_METRIC].document()}
        for name, group in one.groups.items()
        if GAP_METRIC in group.cells
    }
    return {
        "rank": one.rank,
        "band": one.band,
        "slug": one.slug,
        "about": one.entry.model_dump(mode="json", exclude={"schema_", "hashes"}),
        "predictions": one.entry.hashes.get("predictions.parquet"),
        "n": one.report.n,
        "overall": {name: score.document() for name, score in one.report.overall.items()},
        "primary": None if one.report.primary is None else one.report.primary.document(),
        "groups": groups,
        "disparity": None if one.gap is None else one.gap.document(),
    }
