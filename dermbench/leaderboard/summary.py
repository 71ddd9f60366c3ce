"""Write the result of verifying boards as markdown for a pull request; untrusted text is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE, decimal
from dermbench.leaderboard.moves import ARROW
from dermbench.reporting.markdown import markdown_table
from dermbench.reporting.names import metric_title
from dermbench.reporting.section import Column
from dermbench.reporting.text import markdown_text, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.leaderboard.moves import Move
    from dermbench.leaderboard.published import Place
    from dermbench.leaderboard.verified import Verified

MOST_ROWS = 60
"""Lines of a list that are shown before the rest is counted; a comment has at most 65,536 characters."""
SENTENCE = 300
"""Number of characters of a finding that are shown."""
CHANGES = {"added": "new", "replaced": "other predictions", "removed": "removed", "moved": "other rank band"}


def summary_markdown(results: Sequence[Verified]) -> str:
    """Return the findings, changes, passed checks and missing checks of each board as markdown."""
    return "\n".join(line for done in results for line in _board(done)) + "\n"


def _board(done: Verified) -> list[str]:
    state = "agrees" if not done.problems else f"{len(done.problems):,} finding{'s' * (len(done.problems) != 1)}"
    lines = [f"## {markdown_text(done.title or done.folder.name, limit=200)}: {state}", ""]
    lines += _listed("", done.problems)
    if not done.problems and done.moves is not None:
        lines += _moves(done.moves, done.metric)
    lines += _listed("Settings:", done.changes)
    lines += _listed("Checked:", done.proved)
    return lines + _listed("Not checked:", done.unchecked)


def _moves(moves: Sequence[Move], metric: str) -> list[str]:
    if not moves:
        return ["No entry was added, removed or changed, and no rank band moved.", ""]
    columns = [Column("entry", left=True), Column("change", left=True), Column("rank band", left=True)]
    columns += [Column(metric_title(metric), left=True)]
    rows = [(move.name, CHANGES[move.kind], move.rank, _values(move, metric)) for move in moves[:MOST_ROWS]]
    rest = len(moves) - MOST_ROWS
    more = [f"and {rest:,} more entries.", ""] if rest > 0 else []
    return [*markdown_table(columns, rows), "", *more, "All other entries keep their rank bands.", ""]


def _values(move: Move, metric: str) -> str:
    texts = [_value(place, metric) for place in (move.before, move.after) if place is not None]
    return ARROW.join(dict.fromkeys(texts))


def _value(place: Place, metric: str) -> str:
    cell = place.overall.get(metric)
    return NONE if cell is None or cell.value is None else decimal(cell.value)


def _listed(head: str, sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    shown = [f"- {markdown_text(plain(line, limit=SENTENCE), limit=SENTENCE)}" for line in sentences[:MOST_ROWS]]
    rest = len(sentences) - MOST_ROWS
    return [*([head, ""] if head else []), *shown, *([f"- and {rest:,} more"] if rest > 0 else []), ""]
