"""Layouts in which people have a release on their disks, and ways to spoil its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import draw

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

LAYOUTS = {
    "flat": ("{id}.jpg", ""),
    "nested once": ("images/{id}.jpg", ""),
    "nested twice": ("images/images/{id}.JPG", ""),
    "parts": ("part_{part}/{id}.jpeg", ""),
    "table one level down": ("release/images/{id}.jpg", "release/"),
    "upper-case suffix": ("{id}.JPG", ""),
    "other kinds": ("a/{id}.jfif", ""),
}


def lay_out(root: Path, ids: list[str], layout: str) -> Path:
    """Draw an image for each id as the layout has it, and return the folder of the table."""
    place, tables = LAYOUTS[layout]
    for number, name in enumerate(ids):
        draw_as(root / place.format(id=name, part=number % 2 + 1), number)
    folder = root / tables
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / f"._{ids[0]}.jpg").write_bytes(b"resource fork")
    return folder


def draw_as(path: Path, seed: int) -> Path:
    """Draw a JPEG, whatever its suffix is called."""
    drawn = draw(path.with_suffix(".jpg"), seed)
    return drawn.rename(path) if drawn != path else path


def spoil(table: pd.DataFrame, **cells: str) -> pd.DataFrame:
    """Return the table with cells replaced: ``spoil(table, dx_4="x")`` changes column dx in line 4 of the file."""
    table = table.copy()
    for name, value in cells.items():
        column, line = name.rsplit("_", 1)
        table.loc[int(line) - 2, column] = value
    return table
