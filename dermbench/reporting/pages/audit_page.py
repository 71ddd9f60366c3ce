"""An audit as one HTML file: findings in words, and pairs as pictures side by side."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import NONE, decimal
from dermbench.reporting.pages.page import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.audit import AngleTable, Audit, Pair, Suspect

MOST_PAIRS = 200
MOST_PICTURES = 60
"""Maximum number of pairs, and of pictures in each further list, on the page."""
KINDS = {"exact": "equal bytes", "verified": "confirmed", "alike": "look alike, not confirmed"}
LOOKS = {
    "tiny": "shorter side in pixels",
    "blank": "spread of grey levels",
    "blurred": "sharpness",
    "text": "share of flat white or black",
    "no_skin_colour": "share of skin colour",
}


@dataclass(frozen=True)
class Side:
    """One image of a pair, with the texts below it."""

    image: str
    split: str
    label: str
    tone: str
    picture: str


@dataclass(frozen=True)
class Card:
    """A pair on the page: its two images, how they were matched, and what differs, in words."""

    sides: tuple[Side, Side]
    match: str
    differs: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A single image on the page with lines of text below."""

    picture: str
    image: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table: title, heads, rows; the first column is left-aligned."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def shown_pairs(record: Audit) -> list[Pair]:
    """Return the pairs to show; pairs with different labels or in two splits come first."""
    ranked = sorted(
        record.pairs,
        key=lambda p: (
            not p.sure,
            not p.label_differs,
            not p.crosses_splits,
            not p.tone_differs,
            p.first,
            p.second,
        ),
    )
    return ranked[:MOST_PAIRS]


def shown_images(record: Audit) -> list[str]:
    """Return the images to show, in the order of the page."""
    pairs = [image for pair in shown_pairs(record) for image in (pair.first, pair.second)]
    looks = [look.image for look in record.looks[:MOST_PICTURES]]
    return list(dict.fromkeys([*pairs, *looks, *(s.image for s in _suspects(record)[:MOST_PICTURES])]))


def audit_page(record: Audit, pictures: Mapping[str, bytes]) -> str:
    """Return ``audit.html``.

    One file, pictures inlined, no script; its content-security policy forbids every request.

    Parameters
    ----------
    record
        The audit.
    pictures
        {image id: JPEG} of :func:`shown_images`; a missing image is shown as an empty frame.
    """
    data = {image: f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" for image, jpeg in pictures.items()}
    pairs, suspects = shown_pairs(record), _suspects(record)
    return (
        environment()
        .get_template("audit.html.j2")
        .render(
            record=record,
            cards=[_card(pair, data) for pair in pairs],
            n_pairs=len(record.pairs),
            looks=[
                Picture(
                    data.get(look.image, ""),
                    look.image,
                    (look.kind.replace("_", " "), _measured(look.kind, look.value)),
                )
                for look in record.looks[:MOST_PICTURES]
            ],
            suspects=[
                Picture(
                    data.get(s.image, ""),
                    s.image,
                    (
                        f"given {s.given}",
                        f"suggested {s.suggested}",
                        f"probability of the given {decimal(s.probability)}",
                    ),
                )
                for s in suspects[:MOST_PICTURES]
            ],
            n_suspects=len(suspects),
            grids=_grids(record),
        )
    )


def _suspects(record: Audit) -> tuple[Suspect, ...]:
    found = record.label_errors
    return () if isinstance(found, Undefined) else found.suspects


def _measured(kind: str, value: float) -> str:
    return f"{LOOKS[kind]}: {value:,.0f}" if kind == "tiny" else f"{LOOKS[kind]}: {decimal(value)}"


def _card(pair: Pair, data: Mapping[str, str]) -> Card:
    ends = zip((pair.first, pair.second), pair.splits, pair.labels, pair.tones, strict=True)
    sides = tuple(
        Side(image, split, label, "skin type unknown" if tone is None else f"type {tone}", data.get(image, ""))
        for image, split, label, tone in ends
    )
    differs = [
        words
        for words, is_so in (
            ("label differs", pair.label_differs),
            ("in two splits", pair.crosses_splits),
            ("skin type differs", pair.tone_differs),
        )
        if is_so
    ]
    match = KINDS[pair.kind]
    if pair.inliers is not None:
        match += f", {pair.inliers:,} points" + (", mirrored" if pair.mirrored else "")
    return Card((sides[0], sides[1]), match, tuple(differs))


def _grids(record: Audit) -> list[Grid]:
    grids = [
        Grid(
            f"Images by class and {table.feature} (in brackets: test)",
            ("class", *table.groups),
            tuple(
                (label, *map(_cell, table.groups, counts, in_test))
                for label, counts, in_test in zip(table.classes, table.counts, table.test, strict=True)
            ),
        )
        for table in record.tones
    ]
    if record.agreement:
        rows = [
            (
                f"{pair.columns[0]}, {pair.columns[1]}",
                f"{pair.n:,}",
                decimal(pair.exact),
                decimal(pair.within_one),
                NONE if pair.kappa is None else decimal(pair.kappa),
            )
            for pair in record.agreement
        ]
        heads = ("columns", "n", "same", "within one step", "weighted kappa")
        grids.append(Grid("Agreement of annotators", heads, tuple(rows)))
    for table in record.skin_angle.tables:
        grids += [_angles(record, table, six=six) for six in (True, False)]
    return grids


def _cell(group: str, n: int, test: int) -> str:
    return "none" if not n and group != UNKNOWN else f"{n:,} ({test:,})"


def _angles(record: Audit, table: AngleTable, *, six: bool) -> Grid:
    classes = record.skin_angle.classes_six if six else record.skin_angle.classes_five
    counts = table.six if six else table.five
    rows = [
        (group, NONE if median is None else f"{median:.0f}°", *(f"{n:,}" for n in row))
        for group, median, row in zip(table.groups, table.median, counts, strict=True)
    ]
    rho = NONE if table.spearman is None else decimal(table.spearman)
    note = (
        f"n = {table.n:,}, Spearman correlation {rho}. An estimate from the pixels of skin colour; light and "
        "camera move it by as much as two types, so it is never made into one."
    )
    title = f"Estimated typology angle (ITA), {'six' if six else 'five'} classes, by {table.feature}"
    return Grid(title, (table.feature, "median", *classes), tuple(rows), note)
