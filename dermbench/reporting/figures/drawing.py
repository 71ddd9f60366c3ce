"""A figure with title, description and caption, as SVG for a page and as files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.files import atomic_path
from dermbench.reporting.figures.style import PIXELS, colour, styled
from dermbench.reporting.figures.svg import tidy_svg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

SCALE = 2
"""Resolution of a PNG, in dots per CSS pixel."""


@dataclass(frozen=True)
class Drawing:
    """A figure of a report, a comparison or a plan.

    Attributes
    ----------
    name
        Stem of its files: ``gap``, ``recall``, ``forest-accuracy``.
    title
        Heading, plain text.
    alt
        What is drawn, and what it shows with its numbers, for those who do not see it.
    caption
        How to read it.
    wide
        Whether it needs the whole width of a page; others stand two beside each other.
    draw
        Draws it, within :func:`dermbench.reporting.figures.style.styled`; use :meth:`figure`.
    """

    name: str
    title: str
    alt: str
    caption: str
    wide: bool
    draw: Callable[[], Figure]

    def figure(self) -> Figure:
        """Return a matplotlib figure with a light background, so that it is readable in a dark notebook."""
        with styled():
            figure = self.draw()
        figure.set_facecolor(colour("paper"))
        return figure

    def svg(self) -> str:
        """Return an ``<svg>`` element for a page; CSS variables of the page (``--ink``) set its colours.

        It has no ids, no references, no style sheet and no date; the same report gives the same text.
        """
        return tidy_svg(self._raw(), title=self.title, alt=self.alt, themed=True)

    def write(self, folder: Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
        """Write the figure as files.

        Parameters
        ----------
        folder
            Folder to write to.
        formats
            ``svg``, ``png``, or another suffix that matplotlib knows.

        Returns
        -------
        list of pathlib.Path
            One file a format, on white paper. The same report gives the same bytes.
        """
        written = []
        for suffix in formats:
            path = folder / f"{self.name}.{suffix}"
            with atomic_path(path) as temporary:
                temporary.write_bytes(self._bytes(suffix))
            written.append(path)
        return written

    def _bytes(self, suffix: str) -> bytes:
        if suffix == "svg":
            text = tidy_svg(self._raw(), title=self.title, alt=self.alt, themed=False)
            paper = f'<rect width="100%" height="100%" fill="{colour("paper")}" />'
            text = text.replace("</desc>", f"</desc>{paper}", 1)
            return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()
        stream = io.BytesIO()
        dates = {"Software": None} if suffix == "png" else {"CreationDate": None}
        with styled():
            self.draw().savefig(
                stream, format=suffix, dpi=PIXELS * SCALE, facecolor=colour("paper"), metadata=dates
            )
        return stream.getvalue()

    def _raw(self) -> str:
        stream = io.StringIO()
        with styled():
            self.draw().savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        return stream.getvalue()
