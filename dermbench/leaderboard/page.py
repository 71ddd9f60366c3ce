"""The board as one HTML file that sorts and filters without a server, and is a plain table without its script."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from dermbench.artifacts.files import write_text
from dermbench.artifacts.report import Disparity
from dermbench.artifacts.wording import NONE, decimal, interval, limit
from dermbench.leaderboard.board import HTML, counted
from dermbench.leaderboard.figure import board_figure
from dermbench.leaderboard.ranking import GAP_METRIC, primary_feature
from dermbench.leaderboard.render import declared, flattered_words, legend, worst_words
from dermbench.reporting.names import SMALL, feature_title, metric_title, sorted_groups
from dermbench.reporting.pages.page import environment, figures
from dermbench.reporting.section import Column
from dermbench.reporting.sections.disparity import verdict_words
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.artifacts.report import Cell
    from dermbench.leaderboard.board import Board
    from dermbench.leaderboard.ranking import Ranked, Standings

ROOM = "dermbench.leaderboard"
HOW = "Every number is recomputed from predictions. A dash: undefined or not known. Not for clinical use."
LIMITS = "At least, at most: limits of the gap (95 %)."


@dataclass(frozen=True)
class Text:
    """A cell of a table: what is shown, and the number that it is sorted by, if it is one."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table that the script sorts; ``name`` is the index of the column that names the entry."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]
    name: int = 0
    notes: tuple[str, ...] = ()


def to_page(board: Board, standings: Standings) -> str:
    """Return the board as ``leaderboard.html``.

    One file with inline styles, drawings and one script, which its content-security policy names by its hash;
    every request is forbidden. The same board gives the same bytes.
    """
    script = files(ROOM).joinpath("templates/leaderboard.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    drawing = board_figure(board, standings.entries)
    entries = standings.entries
    further = [table for table in (_groups(entries), _declared(entries)) if table is not None]
    return (
        _environment()
        .get_template("leaderboard.html.j2")
        .render(
            title=board.title or board.task,
            facts=_facts(board, standings.entries),
            paragraphs=[text for text in (board.note, HOW, flattered_words(board, standings)) if text],
            ranking=_ranking(board, standings),
            further=further,
            figures=figures({} if drawing is None else {drawing.name: drawing}),
            script=Markup(script),  # noqa: S704 - our own
            script_hash=f"sha256-{digest}",
        )
    )


def write_page(folder: Path, board: Board, standings: Standings) -> None:
    """Write :func:`to_page` beside the board, atomically."""
    write_text(folder / HTML, to_page(board, standings))


def _facts(board: Board, entries: Sequence[Ranked]) -> str:
    parts = [f"Task {plain(board.task)}, split {plain(board.split)}", counted(len(entries))]
    parts += [f"{entries[0].report.n:,} images"] if entries else []
    parts += [f"{board.n_classes} classes"] if board.n_classes else []
    return ", ".join(parts) + f". Ranked by {metric_title(board.metric)}."


@cache
def _environment() -> Environment:
    made = environment().overlay()
    made.loader = ChoiceLoader([PackageLoader(ROOM), PackageLoader("dermbench.reporting.pages")])
    return made


def _ranking(board: Board, standings: Standings) -> Table:
    entries = standings.entries
    feature = primary_feature(entries)
    columns = [
        Column("rank"),
        Column("entry", left=True),
        Column(metric_title(board.metric)),
        Column("95 % interval"),
    ]
    columns += [Column("gap"), Column("at least"), Column("at most"), Column("verdict", left=True)]
    columns += [Column("worst subgroup", left=True)]
    rows = tuple(_row(one, board.metric) for one in entries)
    return Table("Ranking", tuple(columns), rows, 1, tuple(legend(standings, feature, LIMITS)))


def _row(one: Ranked, metric: str) -> tuple[Text, ...]:
    place = None if one.rank is None else float((one.band or (one.rank, one.rank))[0]) + one.rank / 1e6
    gap = one.gap if isinstance(one.gap, Disparity) else None
    ends = (None, None, None) if gap is None else (gap.gap, gap.low, gap.high)
    verdict = "" if gap is None or gap.verdict is None else verdict_words(gap)
    return (
        Text(one.place, place),
        Text(one.entry.name),
        *_cells(one.cell(metric)),
        _number(ends[0]),
        *(Text(NONE if end is None else limit(end), end) for end in ends[1:]),
        Text(verdict or NONE),
        Text(worst_words(one)),
    )


def _cells(cell: Cell | None) -> tuple[Text, Text]:
    value = None if cell is None else cell.value
    return _number(value), Text(
        NONE if cell is None else interval(cell.low, cell.high), None if cell is None else cell.low
    )


def _number(value: float | None) -> Text:
    return Text(NONE if value is None else decimal(value), value)


def _groups(entries: Sequence[Ranked]) -> Table | None:
    feature, names = primary_feature(entries), sorted_groups({name for one in entries for name in one.groups})
    if feature is None or not names:
        return None
    sizes = {name: next(one.groups[name].n for one in entries if name in one.groups) for name in names}
    columns = [Column("entry", left=True)]
    columns += [
        Column(f"{plain(name)}{'†' if sizes[name] < SMALL else ''} (n = {sizes[name]:,})") for name in names
    ]
    rows = []
    for one in entries:
        cells = [one.groups[name].cells.get(GAP_METRIC) if name in one.groups else None for name in names]
        rows.append((Text(one.entry.name), *(_cells(cell)[0] for cell in cells)))
    title = f"{metric_title(GAP_METRIC).capitalize()} by {plain(feature_title(feature))}"
    small = any(size < SMALL for size in sizes.values())
    notes = (f"† fewer than {SMALL} images: too few to compare.",) if small else ()
    return Table(title, tuple(columns), tuple(rows), notes=notes)


def _declared(entries: Sequence[Ranked]) -> Table | None:
    facts, alike = declared(entries)
    if not facts and not alike:
        return None
    columns = [Column("entry", left=True), *(Column(title, left=True) for _, title in facts)]
    rows = [
        (Text(one.entry.name), *(Text(plain(getattr(one.entry, field) or NONE, limit=400)) for field, _ in facts))
        for one in entries
    ]
    notes = (alike,) if alike else ()
    return Table("What the submitters declare", tuple(columns), tuple(rows), notes=notes)
