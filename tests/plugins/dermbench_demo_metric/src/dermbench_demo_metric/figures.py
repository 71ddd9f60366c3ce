"""A figure that dermbench's reports show where this package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Report
from dermbench.artifacts.wording import decimal
from dermbench.reporting.figures import Drawing, Maker
from dermbench.reporting.figures.style import canvas, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure


def draw_guessing(report: Report) -> Iterator[Drawing]:
    """Yield the accuracy of guessing, as a large number."""
    text = decimal(1 / len(report.classes))

    def draw() -> Figure:
        figure = canvas(200, 60)
        words(figure, 100, 30, f"guessing: {text}", size=20, align="center")
        return figure

    yield Drawing(
        "guessing", "Accuracy of guessing", f"Guessing is right in {text}.", "One number.", wide=False, draw=draw
    )


GUESSING = Maker(Report, 45, draw_guessing)
