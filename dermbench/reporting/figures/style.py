"""The style of all figures: colours by name, text sizes, and placement in pixels."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING
from warnings import catch_warnings, filterwarnings

from dermbench.reporting.text import PROSE_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 440, 920
"""Widths of a figure in a column and of one over the whole page, in CSS pixels."""
PIXELS = 72
"""Pixels per inch, chosen so that sizes in points are CSS pixels."""
TEXT, SMALL_TEXT = 12.0, 11.5
"""Text sizes; on a page 390 px wide, text of a narrow figure is still larger than 9 px."""
WIDEST = 1.12
"""Width of the widest bold ASCII letter relative to the text size."""
FAMILY = "'DejaVu Sans',Verdana,sans-serif"
"""Fonts of a figure in SVG; Verdana is as wide as the one that matplotlib measures with."""

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1f2933", "#e6eaef"),
    "soft": ("#5a6675", "#a3afbd"),
    "faint": ("#d9dee4", "#37414d"),
    "paper": ("#ffffff", "#14181d"),
    "mark": ("#17588c", "#6cb2e8"),
    "accent": ("#b8400e", "#f0905a"),
    "c1": ("#0072b2", "#4fb0ea"),
    "c2": ("#d55e00", "#f08a3c"),
    "c3": ("#00815c", "#2fc196"),
    "c4": ("#a8508a", "#df8fc2"),
    "c5": ("#6f6a00", "#c9c13a"),
    "c6": ("#5b4bb0", "#a79bf0"),
    "c7": ("#00808a", "#4cc9d4"),
    "c8": ("#66717f", "#98a5b3"),
    "r0": ("#f4f7fb", "#1a2029"),
    "r1": ("#e3ecf5", "#1d2a38"),
    "r2": ("#cfdfee", "#203548"),
    "r3": ("#b7d0e6", "#244159"),
    "r4": ("#9dbfde", "#294f6d"),
    "r5": ("#3b77ad", "#5a9bd0"),
    "r6": ("#2f6ba4", "#74aedd"),
    "r7": ("#215a92", "#90c1e8"),
    "r8": ("#15487c", "#b0d4f1"),
    "r9": ("#0b3563", "#d3e8fa"),
}
"""{name: colour on light paper, on dark paper}; ``c1`` to ``c8`` tell groups apart, ``r0`` to ``r9`` rise."""
RAMP = tuple(f"r{step}" for step in range(10))
CATEGORIES = tuple(f"c{k}" for k in range(1, 9))


def colour(name: str) -> str:
    """Return a colour of the palette as drawn on light paper."""
    return PALETTE[name][0]


def css_variables(*, dark: bool = False) -> dict[str, str]:
    """Return {``--ink``: colour} for every colour of the palette, for a page that holds figures."""
    return {f"--{name}": shades[dark] for name, shades in PALETTE.items()}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of dermbench inside this context: text stays text, without formulas or dates.

    A character that the font lacks is a box in PNG and uses another font in SVG; there is no warning about it.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    style = {
        "svg.hashsalt": "dermbench",
        "svg.fonttype": "none",
        "font.family": ["DejaVu Sans"],
        "font.size": TEXT,
        "text.color": colour("ink"),
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "path.simplify": False,
    }
    with mpl.rc_context(style), catch_warnings():  # type: ignore[arg-type]  # the stubs want literal keys
        filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(width: float, height: float) -> Figure:
    """Return an empty figure of this size in CSS pixels."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    return Figure(figsize=(width / PIXELS, height / PIXELS), dpi=PIXELS, facecolor="none")


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place of the figure, in pixels from its upper left corner, with only the lower spine."""
    wide, high = (size * PIXELS for size in figure.get_size_inches())
    axes = figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high), facecolor="none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(colour("soft"))
    axes.tick_params(
        color=colour("soft"),
        labelcolor=colour("soft"),
        length=3,
        labelsize=SMALL_TEXT,
        left=False,
        labelleft=False,
    )
    return axes


def words(
    figure: Figure, x: float, y: float, text: str, *, ink: str = "ink", size: float = TEXT, align: str = "left",
    bold: bool = False,
) -> None:  # fmt: skip
    """Write text at a place of the figure, in pixels from its upper left corner; ``y`` is its middle.

    Parameters
    ----------
    figure
        The figure.
    x, y
        Place.
    text
        One line; control characters have been removed.
    ink, size
        Colour of the palette, and size in pixels.
    align
        Which side of the text is at ``x``: ``left``, ``center`` or ``right``.
    bold
        Whether it is bold.
    """
    wide, high = (length * PIXELS for length in figure.get_size_inches())
    figure.text(
        x / wide, 1 - y / high, text, color=colour(ink), size=size, ha=align, va="center_baseline",
        weight="bold" if bold else "normal",
    )  # fmt: skip


def sheet(figure: Figure) -> Axes:
    """Return axes without lines over the whole figure, whose units are pixels from its upper left corner."""
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    wide, high = (size * PIXELS for size in figure.get_size_inches())
    axes.set_xlim(0, wide)
    axes.set_ylim(high, 0)
    axes.set_axis_off()
    return axes


def on_ramp(step: int) -> str:
    """Return the colour of text on a step of the ramp."""
    return "ink" if step < len(RAMP) // 2 else "paper"


def text_width(text: str, *, size: float = TEXT, bold: bool = False) -> float:
    """Return the width of a line of text in pixels."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - slow to import
    from matplotlib.textpath import text_to_path  # noqa: PLC0415 - slow to import

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def fitted(text: str, width: float, *, size: float = TEXT, bold: bool = False) -> str:
    """Return one printable line of at most ``width`` pixels, shortened in the middle.

    The ends are kept, because seeds, variants and long class names often differ there.
    """
    whole = plain(text, limit=PROSE_LIMIT)

    def fits(line: str) -> bool:
        widest = WIDEST * size * len(line)  # measured only where that may be too much
        return (line.isascii() and widest <= width) or text_width(line, size=size, bold=bold) <= width

    if fits(whole):
        return whole
    low, high = 1, len(whole) - 1  # characters kept
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(_cut(whole, middle)) else (low, middle - 1)
    return _cut(whole, low)


def fitted_apart(texts: Sequence[str], width: float) -> list[str]:
    """Apply :func:`fitted` to each text; texts that would look the same start at the word that differs."""
    found = [fitted(text, width) for text in texts]
    for line, times in Counter(found).items():
        if times > 1:
            places = [place for place, other in enumerate(found) if other == line]
            whole = [plain(texts[place], limit=PROSE_LIMIT) for place in places]
            start = _apart(whole)
            for place, text in zip(places, whole, strict=True):
                found[place] = fitted(f"\N{HORIZONTAL ELLIPSIS}{text[start:]}" if start else text, width)
    return found


def _apart(texts: Sequence[str]) -> int:
    """Return the start of the first word in which the texts differ, at most twelve characters before it."""
    first, last = min(texts), max(texts)
    same = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return len(re.sub(r"\w{1,12}$", "", same))


def _cut(text: str, kept: int) -> str:
    """Return this many characters from both ends, slightly more from the start, with an ellipsis between."""
    tail = kept // 2
    return f"{text[: kept - tail].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[len(text) - tail :].lstrip()}"
