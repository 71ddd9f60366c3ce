"""Results that were only published, as a table apart from the ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE
from dermbench.leaderboard.consistency import consistency
from dermbench.reporting.markdown import markdown_table
from dermbench.reporting.names import metric_title, sorted_metrics
from dermbench.reporting.section import Column
from dermbench.reporting.text import Safe, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.reported import Row


def reported_table(board: Board, rows: Sequence[Row]) -> list[str]:
    """Return the section of published rows, with what their numbers allow to be said."""
    metrics = sorted_metrics({name for row in rows for name in row.scores})
    grouped = any(row.groups for row in rows)
    columns = [Column("entry", left=True), *(Column(metric_title(name)) for name in metrics)]
    columns += [Column("by group", left=True)] if grouped else []
    columns += [Column(name, left=True) for name in ("source", "note", "do the numbers fit together?")]
    table = []
    for row in rows:
        scores = [_as_reported(str(row.scores[m]), row) if m in row.scores else NONE for m in metrics]
        groups = ", ".join(f"{plain(name)} {_as_reported(str(v), row)}" for name, v in row.groups.items())
        middle = [f"{metric_title(row.group_metric)}: {groups}" if groups else NONE] if grouped else []
        fit = "; ".join(consistency(row, board.n_classes))
        table.append((row.entry, *scores, *middle, row.source, row.note or NONE, fit))
    head = "Unranked, in no order: these numbers are as published, without predictions to recompute them from."
    return ["## Reported elsewhere, not recomputed", "", head, "", *markdown_table(columns, table), ""]


def _as_reported(number: str, row: Row) -> Safe:
    return Safe(("≈ " if row.approximate else "") + number.removeprefix("0"))
