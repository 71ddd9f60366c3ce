"""Write the files of ``--export`` beside a report or a comparison: CSV tables, LaTeX tables, figures."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, get_args

from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.outputs import remove_leftovers, sole_writer_of
from dermbench.errors import UsageError
from dermbench.reporting.frames import COMPARISON_FRAMES, REPORT_FRAMES
from dermbench.reporting.frames.csv_text import csv_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dermbench.reporting.figures import Drawing
    from dermbench.reporting.frames.frame import Frame, Source

ExportKind = Literal["csv", "latex", "figures"]
"""Kinds of export."""
TABLES, LATEX, FIGURES = "tables", "tables.tex", "figures"
"""Folder of the CSV tables, the file of the LaTeX tables, and the folder of the figures."""


def export_kinds(names: Iterable[str]) -> tuple[ExportKind, ...]:
    """Return the kinds of export with these names.

    Raises
    ------
    UsageError
        With every unknown name, or when one string is given instead of a list.
    """
    if isinstance(names, str):
        raise UsageError("export must be a list of names, not one string", remedy=f"Write export=[{names!r}].")
    known: dict[str, ExportKind] = {kind: kind for kind in get_args(ExportKind)}
    given = list(dict.fromkeys(names))
    unknown = [name for name in given if name not in known]
    if unknown:
        listed = ", ".join(map(repr, unknown))
        raise UsageError(f"cannot export {listed}; there are {', '.join(known)}")
    return tuple(known[name] for name in given)


def csv_files(folder: Path, frames: Mapping[str, Frame[Source]], source: Source) -> dict[Path, str]:
    """Return {file: text} of all tables of an artifact; a table without rows has only its heading."""
    return {folder / TABLES / f"{name}.csv": csv_text(frame, source) for name, frame in frames.items()}


def earlier_exports(target: Path, written: Iterable[Path]) -> list[Path]:
    """Return exported files beside a document that come from an earlier run and were not written now.

    Their numbers may differ from the document.
    """
    from dermbench.reporting.figures import FIGURES as MAKERS  # noqa: PLC0415 - imports matplotlib

    folder = target.parent
    tables = [folder / TABLES / f"{name}.csv" for name in {*REPORT_FRAMES, *COMPARISON_FRAMES}]
    figures = [path for name in MAKERS for path in (folder / FIGURES).glob(f"{name}*.svg")]
    found = [path for path in (*tables, folder / LATEX, *figures) if path.is_file()]
    return sorted(set(found) - set(written))


def write_together(
    target: Path,
    texts: Mapping[Path, str],
    drawings: Mapping[Path, Sequence[Drawing]],
    *,
    formats: Sequence[str] = ("svg", "png"),
) -> list[Path]:
    """Write files that belong together, under one lock.

    Parameters
    ----------
    target
        The document, whose lock protects all files.
    texts
        {file: text}; either all of them are moved into place, the last one first, or none.
    drawings
        {folder: figures}.
    formats
        File suffixes of the figures.

    Returns
    -------
    list of pathlib.Path
        The files that were written.

    Raises
    ------
    UsageError
        When another process is writing there, or a file cannot be written.
    """
    written = list(texts)
    figures = [(folder, drawing) for folder, found in drawings.items() for drawing in found]
    places = [*texts, *(folder / f"{drawing.name}.{suffix}" for folder, drawing in figures for suffix in formats)]
    with (
        sole_writer_of(target, *(path.name for path in places if path.parent == target.parent)),
        ExitStack() as stack,
    ):
        for folder in {path.parent for path in places} - {target.parent}:
            remove_leftovers(folder, [path.name for path in places if path.parent == folder])
        for path, text in texts.items():
            stack.enter_context(atomic_path(path)).write_text(text, encoding="utf-8", newline="\n")
        for folder, drawing in figures:
            written += drawing.write(folder, formats)
    return written
