"""Recall by class and group, with the groups where it is lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import LEVEL, THIN, Undefined
from dermbench.artifacts.wording import NONE, p_value, span_words
from dermbench.reporting.names import sorted_groups
from dermbench.reporting.report_sections import FeatureView, for_feature
from dermbench.reporting.section import Column, Section, Topic
from dermbench.reporting.text import PROSE_LIMIT, Safe, plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import ScreenCell, ScreenRow

DAGGER = "†"


@for_feature(30, Topic.CLASSES)
def screen_sections(view: FeatureView) -> list[Section]:
    """Return the table of recall by class and group as k/n; only the reason if undefined."""
    feature = view.feature
    heading = f"Recall by class and {view.title}"
    if isinstance(feature.screen, Undefined):
        return [
            Section(heading, notes=(f"{NONE} {plain(feature.screen.reason, limit=PROSE_LIMIT)}",), detail=True)
        ]
    rows = {label: feature.screen[label] for label in view.report.classes if label in feature.screen}
    groups = sorted_groups({group for row in rows.values() for group in row.cells})
    if not groups:
        return []
    columns = (
        Column("class", left=True, name=True),
        *(Column(plain(group)) for group in groups),
        Column(
            "lowest", left=True, meaning="lowest: where the class is recognised least, against the other groups."
        ),
        Column("q", meaning="q: smallest corrected p of the class."),
    )
    table = tuple(
        (plain(label), *(_count(row.cells.get(group)) for group in groups), *_lowest(row))
        for label, row in rows.items()
    )
    marks = "k/n: images recognised, of the images of the class. "
    marks += f"{DAGGER} fewer than {THIN} images. * differs from the other groups (q ≤ .05)."
    return [Section(heading, columns, table, (marks,), detail=True)]


def _count(cell: ScreenCell | None) -> Safe:
    if cell is None or not cell.n:
        return Safe(NONE)
    out = cell.q is not None and cell.q <= LEVEL
    return Safe(f"{cell.k:,}/{cell.n:,}" + DAGGER * cell.thin + "*" * out)


def _lowest(row: ScreenRow) -> tuple[str, Safe]:
    found = [cell.q for cell in row.cells.values() if cell.q is not None]
    q = Safe(p_value(min(found)) if found else NONE)
    if row.worst is None:
        return NONE, q
    worst = row.worst
    counts = f"{worst.k:,}/{worst.n:,} against {worst.rest_k:,}/{worst.rest_n:,}"
    return f"{plain(span_words(worst.groups), limit=60)}: {counts}", q
