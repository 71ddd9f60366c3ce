"""Recall of each class in each group as a table of tinted counts, with the failures marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import THIN, Report, Undefined
from dermbench.artifacts.report.summary import failure_words, failures
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import NONE, counted, enumerated
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.marks import boxes, hatched, outlined
from dermbench.reporting.figures.registry import figure
from dermbench.reporting.figures.style import COLUMN, PAGE, RAMP, SMALL_TEXT, canvas, fitted, on_ramp, sheet, words
from dermbench.reporting.names import feature_title, sorted_groups
from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dermbench.artifacts.report import Feature, ScreenCell, ScreenRow

MOST_CLASSES, MOST_GROUPS, NAMED = 30, 12, 6
"""Maximum numbers of rows and columns, and of classes named in the alternative text."""
ROW, HEAD, KEY = 24.0, 26.0, 52.0
"""Heights of a row, of the group names and of the key, in pixels."""
DIGIT = 0.64
"""Width of a digit relative to the text size."""


@dataclass(frozen=True)
class Grid:
    """Content of the figure.

    Attributes
    ----------
    groups
        Names of the columns.
    rows
        {class: recall by group}, in the order of the rows.
    worst
        {class: groups that stand out}.
    left_out
        Numbers of classes and groups left out for lack of space.
    """

    groups: list[str]
    rows: dict[str, ScreenRow]
    worst: dict[str, tuple[str, ...]]
    left_out: tuple[int, int]

    @property
    def cell(self) -> float:
        """Width of a column in pixels: enough for its counts, within the page."""
        longest = max((len(_count(cell)) for row in self.rows.values() for cell in row.cells.values()), default=1)
        wanted = max(DIGIT * 10.5 * longest + 5, 8.0 * max(map(len, self.groups)), 40.0)
        return min(wanted, (PAGE - 172) / len(self.groups))

    @property
    def label(self) -> float:
        """Width of the names of the classes."""
        narrow = COLUMN - 2 - self.cell * len(self.groups)
        return min(narrow, 220.0) if narrow >= 110 else 170.0


@figure("recall", Report, order=30)
def draw_recall(report: Report) -> Iterator[Drawing]:
    """Yield recall by class and group of the primary feature, if it is known."""
    if report.primary is None or report.primary.feature not in report.features:
        return
    name = report.primary.feature
    feature = report.features[name]
    if isinstance(feature.screen, Undefined):
        return
    grid = arrange(feature, list(report.classes))
    if not grid.groups or not grid.rows:
        return
    title = f"Recall by class and {feature_title(name)}"
    yield Drawing(
        "recall",
        title,
        plain(f"{title}, images recognised of those of the class. {_said(feature)}", limit=PROSE_LIMIT),
        _caption(grid),
        wide=grid.label + grid.cell * len(grid.groups) > COLUMN - 2,
        draw=lambda: _draw(grid),
    )


def arrange(feature: Feature, classes: list[str]) -> Grid:
    """Return rows and columns: classes that stand out first, then by decreasing share of missed images."""
    assert not isinstance(feature.screen, Undefined)
    screen = feature.screen
    worst = {label: item.groups for label, item in failures(feature)}
    rest = [label for label in classes if label in screen and label not in worst]
    rest.sort(key=lambda label: _share(screen[label]))
    found = [*worst, *rest]
    known = sorted_groups({group for row in screen.values() for group in row.cells})
    named = {group for groups in worst.values() for group in groups}
    sizes = {group: feature.groups[group].n if group in feature.groups else 0 for group in known}
    kept = sorted(known, key=lambda group: (group not in named, -sizes[group]))[:MOST_GROUPS]
    return Grid(
        [group for group in known if group in kept],
        {label: screen[label] for label in found[:MOST_CLASSES]},
        worst,
        (len(found) - len(found[:MOST_CLASSES]), len(known) - len(kept)),
    )


def _share(row: ScreenRow) -> float:
    """Return the recall of the class in all groups together; classes without images come last."""
    n = sum(cell.n for cell in row.cells.values())
    return sum(cell.k for cell in row.cells.values()) / n if n else 2.0


def _said(feature: Feature) -> str:
    found = failures(feature)
    if not found:
        assert not isinstance(feature.screen, Undefined)
        cells = [cell for row in feature.screen.values() for cell in row.cells.values() if cell.n]
        thin = sum(cell.thin for cell in cells)
        few = f"; {thin:,} of {len(cells):,} cells hold fewer than {THIN} images" if thin else ""
        return f"No class and group stand out (q > .05){few}."
    groups = [group for group in feature.groups if group != UNKNOWN]
    named = [failure_words(plain(label, limit=60), worst, groups) for label, worst in found[:NAMED]]
    if len(found) > NAMED:
        named.append(f"and {counted(len(found) - NAMED, 'further class')}")
    return f"Stands out: {'; '.join(named)}."


def _caption(grid: Grid) -> str:
    parts = [
        "The stronger the tint, the more images are missed. Classes that stand out come first, then by recall."
    ]
    classes, groups = grid.left_out
    missing = [counted(n, noun) for n, noun in ((classes, "class"), (groups, "group")) if n]
    if missing:
        parts.append(f"Left out for room: {enumerated(missing)}, with less to see; all are in the table.")
    return " ".join(parts)


def _count(cell: ScreenCell | None) -> str:
    return NONE if cell is None or not cell.n else f"{cell.k:,}/{cell.n:,}"


def _draw(grid: Grid) -> Figure:
    label, cell, n = grid.label, grid.cell, len(grid.rows)
    width = max(label + cell * len(grid.groups) + 2, 330.0)
    drawn = canvas(width, HEAD + ROW * n + KEY)
    axes = sheet(drawn)
    for column, group in enumerate(grid.groups):
        words(
            drawn,
            label + (column + 0.5) * cell,
            HEAD / 2,
            fitted(group, cell - 4, bold=True),
            align="center",
            bold=True,
        )
    tinted: dict[str, list[tuple[float, float, float, float]]] = {}
    for place, (name, row) in enumerate(grid.rows.items()):
        y = HEAD + place * ROW
        words(drawn, 0, y + ROW / 2, fitted(name, label - 8, bold=name in grid.worst), bold=name in grid.worst)
        for column, group in enumerate(grid.groups):
            box = (label + column * cell + 1, y + 1, cell - 2, ROW - 2)
            tint, ink = _look(row.cells.get(group))
            tinted.setdefault(tint, []).append(box)
            _write(drawn, box, _count(row.cells.get(group)), ink)
    for tint, places in tinted.items():
        if tint == "thin":
            hatched(axes, places, "faint")
        elif tint:
            boxes(axes, places, tint)
    _outlines(axes, grid)
    _key(axes, drawn, HEAD + ROW * n + 10)
    return drawn


def _look(cell: ScreenCell | None) -> tuple[str, str]:
    """Return tint and colour of the text: ``""`` for no image, ``"thin"`` for a few."""
    if cell is None or not cell.n:
        return "", "soft"
    if cell.thin:
        return "thin", "ink"
    step = min(int((cell.n - cell.k) * len(RAMP) / cell.n), len(RAMP) - 1)
    return RAMP[step], on_ramp(step)


def _write(drawn: Figure, box: tuple[float, float, float, float], text: str, ink: str) -> None:
    size = min(SMALL_TEXT, (box[2] - 2) / (DIGIT * len(text)))
    words(drawn, box[0] + box[2] / 2, box[1] + box[3] / 2, text, ink=ink, size=size, align="center")


def _outlines(axes: Axes, grid: Grid) -> None:
    """Draw a frame around neighbouring groups in which a class stands out."""
    for place, name in enumerate(grid.rows):
        columns = [grid.groups.index(group) for group in grid.worst.get(name, ()) if group in grid.groups]
        for first in columns:
            if first - 1 in columns:
                continue
            last = first
            while last + 1 in columns:
                last += 1
            x, width = grid.label + first * grid.cell, (last - first + 1) * grid.cell
            outlined(axes, [(x + 0.5, HEAD + place * ROW + 0.5, width - 1, ROW - 1)], "accent")


def _key(axes: Axes, drawn: Figure, y: float) -> None:
    """Explain the tints, the hatching and the frame."""
    words(drawn, 0, y + 7, "recall 1", ink="soft", size=SMALL_TEXT)
    for step, tint in enumerate(RAMP):
        boxes(axes, [(54 + 14 * step, y, 14, 14)], tint)
    words(drawn, 200, y + 7, "0", ink="soft", size=SMALL_TEXT)
    hatched(axes, [(1, y + 22, 24, 14)], "soft")
    words(drawn, 31, y + 29, f"fewer than {THIN} images", ink="soft", size=SMALL_TEXT)
    outlined(axes, [(181, y + 22, 24, 14)], "accent")
    words(drawn, 211, y + 29, "stands out (q ≤ .05)", ink="soft", size=SMALL_TEXT)
