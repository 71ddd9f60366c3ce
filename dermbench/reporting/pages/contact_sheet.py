"""Contact sheet and HTML page of the Grad-CAM pictures of ``explain``."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PIL import Image, ImageDraw, ImageFont

from dermbench.artifacts.files import atomic_path, write_text
from dermbench.artifacts.skin import FST_NAMES, UNKNOWN
from dermbench.reporting.pages.page import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

SHEET, PAGE = "contact-sheet.png", "index.html"
SIDE, GAP, LINE = 160, 12, 15
"""Side of a picture on the sheet, space between pictures and height of a line, in pixels."""
MARGIN = 110
"""Width of the row names, in pixels."""
CAUTION = (
    "Grad-CAM (Selvaraju et al. 2017) shows where the last feature map speaks for the predicted class. "
    "It is a picture to look at, no evidence of why a network decides."
)
ORDER = (*FST_NAMES, UNKNOWN)
OUTCOMES = {False: "wrong", True: "right"}
STYLE = (
    "figure{display:inline-block;margin:0 1em 1em 0;vertical-align:top}"
    "img{width:340px;max-width:100%;display:block;border:3px solid var(--faint)}"
    "figure.wrong img{border-color:var(--accent)}figcaption{max-width:340px;overflow-wrap:anywhere}"
)
"""Styles of this page, in addition to the style of all pages."""


def write_contact_sheet(folder: Path, index: pd.DataFrame, totals: dict[tuple[str, bool], int]) -> Path:
    """Write all pictures on one image, one row per skin type and outcome; wrong answers have a red frame.

    Parameters
    ----------
    folder
        Folder of the pictures and of the sheet.
    index
        As in :class:`dermbench.training.explain.Explanation`.
    totals
        Number of images of the split by skin type and outcome.
    """
    rows = list(_strata(index, totals))
    columns = max(len(part) for _, _, part, _ in rows)
    cell = SIDE + 3 * LINE + GAP
    sheet = Image.new("RGB", (MARGIN + columns * (2 * SIDE + GAP), GAP + len(rows) * cell), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (fst, right, part, total) in enumerate(rows):
        top = GAP + number * cell
        title = f"FST {fst}\n{OUTCOMES[right]}\n{len(part)} of {total:,}"
        draw.multiline_text((GAP, top), title, "black", ImageFont.load_default(14))
        for place, (_, row) in enumerate(part.iterrows()):
            left = MARGIN + place * (2 * SIDE + GAP)
            with Image.open(folder / row["file"]) as picture:
                sheet.paste(picture.resize((2 * SIDE, SIDE), Image.Resampling.BICUBIC), (left, top))
            frame = (left, top, left + 2 * SIDE - 1, top + SIDE - 1)
            draw.rectangle(frame, outline="#888888" if right else "#b2182b", width=1 if right else 3)
            for line, text in enumerate(_caption(row)):
                draw.text((left, top + SIDE + 1 + line * LINE), _cut(text, draw, font), "black", font)
    with atomic_path(folder / SHEET) as temporary:
        sheet.save(temporary)
    return folder / SHEET


def write_page(folder: Path, index: pd.DataFrame, totals: dict[tuple[str, bool], int], heading: str) -> Path:
    """Write ``index.html``: every picture with its id, truth, prediction and skin type; no script."""
    about = (
        f"<h1>{escape(heading)}</h1><p>{CAUTION}</p><p>Left the photograph, right the overlay. Drawn at random "
        f'within each skin type and outcome. <a href="{SHEET}">All on one sheet</a>, '
        '<a href="index.csv">as a table</a>.</p>'
    )
    style = environment().get_template("style.css.j2").render() + STYLE
    viewport = '<meta name=viewport content="width=device-width, initial-scale=1">'
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8>{viewport}<title>{escape(heading)}</title>",
        f"<style>{style}</style>",
        about,
    ]
    for fst, right, part, total in _strata(index, totals):
        outcome = OUTCOMES[right]
        parts.append(f"<h2>Skin type {fst}, {outcome} ({len(part)} of {total:,})</h2>")
        for _, row in part.iterrows():
            first, *rest = map(escape, _caption(row))
            parts.append(
                f'<figure class={outcome}><img src="{quote(row["file"])}" alt="{first}" loading=lazy>'
                f"<figcaption><b>{first}</b><br>{'<br>'.join(rest)}</figcaption></figure>"
            )
    write_text(folder / PAGE, "\n".join(parts) + "\n")
    return folder / PAGE


def _strata(
    index: pd.DataFrame, totals: dict[tuple[str, bool], int]
) -> Iterator[tuple[str, bool, pd.DataFrame, int]]:
    """Yield skin type, outcome, rows and total number of images; light skin and wrong answers come first."""
    for fst in ORDER:
        for right in OUTCOMES:
            part = index[(index["fst"] == fst) & (index["right"] == right)]
            if len(part):
                yield fst, right, part, totals[fst, right]


def _caption(row: Any) -> tuple[str, str, str]:
    """Return id, truth, and prediction with its probability."""
    return str(row["image_id"]), f"is {row['label']}", f"said {row['pred']} ({row['prob']:.0%})"


def _cut(text: str, draw: ImageDraw.ImageDraw, font: Any) -> str:
    """Shorten a text to the width of a picture."""
    width = 2 * SIDE - 4
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f"{text}...", font) > width:
        text = text[:-1]
    return f"{text}..."
