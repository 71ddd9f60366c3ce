"""Write the board for programs (``leaderboard.json``) and for spreadsheets (``leaderboard.csv``)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.files import dump_json
from dermbench.leaderboard.render import headline_metrics
from dermbench.reporting.names import sorted_groups
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.ranking import Ranked
    from dermbench.leaderboard.reported import Row

JSON, CSV = "leaderboard.json", "leaderboard.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def to_json(board: Board, entries: Sequence[Ranked], reported: Sequence[Row]) -> str:
    """Return ``leaderboard.json``: settings, ranked entries, reported rows.

    An entry has its overall cells and, by the board's sensitive feature, groups and disparity of the board's
    group metric; everything else is in its ``report.json``.
    """
    return dump_json(
        {
            "schema": "dermbench.leaderboard/1",
            "board": board.model_dump(by_alias=True, mode="json"),
            "entries": [_document(one, board) for one in entries],
            "reported": [row.model_dump(mode="json") for row in reported],
        }
    )


def to_csv(board: Board, entries: Sequence[Ranked]) -> str:
    """Return ``leaderboard.csv``: one row an entry, undefined values as empty cells.

    Text that a spreadsheet would read as a formula starts with an apostrophe.
    """
    metrics = headline_metrics(board, entries)
    groups = sorted_groups({name for one in entries for name in one.groups(board.feature)})
    head = ["rank", "rank_first", "rank_last", "name", "slug", "n"]
    head += [f"{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    head += [f"{board.group_metric}_{cell(name)}{end}" for name in groups for end in ("_n", "", "_low", "_high")]
    head += ["gap", "gap_null_median", "gap_null_q95", "worst_group", "verdict"]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(_line(one, board, metrics, groups) for one in entries)
    return stream.getvalue()


def cell(text: object) -> str:
    """Return text for a spreadsheet: one line that is not read as a formula."""
    line = plain(text, limit=400)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _line(one: Ranked, board: Board, metrics: Sequence[str], groups: Sequence[str]) -> list[Any]:
    line: list[Any] = [_blank(one.rank), *(one.band or ("", "")), cell(one.entry.name), one.slug, one.report.n]
    for metric in metrics:
        line += _ends(one.cell(metric))
    for name in groups:
        block = one.groups(board.feature).get(name, {})
        line += [block.get("n", ""), *_ends(block.get(board.group_metric))]
    gap = one.disparity(board.feature, board.group_metric)
    line += [_blank(gap.get(key)) for key in ("difference", "null_median", "null_q95")]
    return [*line, *(cell(_blank(gap.get(key))) for key in ("worst_group", "verdict"))]


def _ends(score: dict[str, Any] | None) -> list[Any]:
    return [_blank((score or {}).get(key)) for key in ("value", "low", "high")]


def _blank(item: Any) -> Any:
    return "" if item is None else item


def _document(one: Ranked, board: Board) -> dict[str, Any]:
    metric = board.group_metric
    groups = {
        name: {key: block[key] for key in ("n", "small", metric) if key in block}
        for name, block in one.groups(board.feature).items()
    }
    return {
        "rank": one.rank,
        "band": one.band,
        "slug": one.slug,
        "about": one.entry.model_dump(mode="json", exclude={"schema_", "hashes"}),
        "predictions": one.entry.hashes.get("predictions.parquet"),
        "n": one.report.n,
        "overall": one.report.document()["overall"],
        "groups": groups,
        "disparity": one.disparity(board.feature, metric),
    }
