"""Clean up matplotlib's SVG for embedding in a page: no ids, references, style sheets or metadata."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import groupby
from typing import TYPE_CHECKING

from dermbench.reporting.figures.style import FAMILY, PALETTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_REFERENCE = "{http://www.w3.org/1999/xlink}href"
_VARIABLES = {light: f"var(--{name},{light})" for name, (light, _) in PALETTE.items()}
_USUAL = {
    "stroke-linejoin": {"round"},
    "stroke-linecap": {"butt"},
    "opacity": {"1"},
    "stroke-miterlimit": {"100000"},
    "stroke-width": {"1"},
    "text-anchor": {"start"},
}
"""Values that are the default in SVG or set on the root element."""
_KEPT = ("d", "x", "y", "width", "height", "transform")
_CIRCLE, _QUARTERS = re.compile(r"M 0 (\d+(?:\.\d+)?)\s"), 8
"""Start of the outline of a round marker, and its number of curves."""
_NUMBER = re.compile(r"-?\d+\.\d+")


def tidy_svg(source: str, *, title: str, alt: str, themed: bool) -> str:
    """Return the drawing as one self-contained element.

    Parameters
    ----------
    source
        SVG written by matplotlib, with text as text.
    title, alt
        Title and text alternative of the drawing.
    themed
        Whether colours are CSS variables of the page (``var(--ink,#1f2933)``) instead of literals.

    Returns
    -------
    str
        ``<svg role="img">`` with ``<title>`` and ``<desc>``.
    """
    drawn = ET.fromstring(source)  # noqa: S314 - written by matplotlib from our own drawing
    box = drawn.attrib["viewBox"]
    width, height = box.split()[2:]
    style = f"font-family:{FAMILY};stroke-linejoin:round"
    root = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "width": _short(width), "height": _short(height)}
        | {"viewBox": " ".join(map(_short, box.split())), "style": style},
    )
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "desc").text = alt
    named = {item.attrib["id"]: item for item in drawn.iter() if "id" in item.attrib}
    root.extend(_together([made for child in drawn for made in _tidied(child, named, themed=themed)]))
    return ET.tostring(root, encoding="unicode")


def _together(items: Sequence[ET.Element]) -> Iterator[ET.Element]:
    """Put neighbours with the same style into one group with that style."""
    for style, found in groupby(items, key=lambda item: item.get("style", "")):
        same = list(found)
        if not style or len(same) < 3:
            yield from same
            continue
        group = ET.Element("g", {"style": style})
        for item in same:
            del item.attrib["style"]
            group.append(item)
        yield group


def _tidied(item: ET.Element, named: Mapping[str, ET.Element], *, themed: bool) -> Iterator[ET.Element]:
    kind = item.tag.rpartition("}")[2]
    if kind in ("defs", "metadata", "style"):
        return
    if kind == "g":
        inside = [made for child in item for made in _tidied(child, named, themed=themed)]
        kept = _attributes(item, themed=themed)
        if not kept:
            yield from inside
        elif inside:
            group = ET.Element("g", kept)
            group.extend(inside)
            yield group
        return
    made = _placed(item, named, themed=themed) if kind == "use" else _copy(kind, item, themed=themed)
    if made is not None:
        yield made


def _copy(kind: str, item: ET.Element, *, themed: bool) -> ET.Element | None:
    made = ET.Element(kind, _attributes(item, themed=themed))
    made.text = item.text if kind in ("text", "tspan") else None
    made.extend(found for child in item if (found := _copy("tspan", child, themed=themed)) is not None)
    style = made.get("style", "")
    unseen = kind == "path" and "fill:none" in style and "stroke:" not in style
    return None if unseen or (kind == "path" and not made.get("d")) else made


def _placed(item: ET.Element, named: Mapping[str, ET.Element], *, themed: bool) -> ET.Element:
    """Return the path that a ``<use>`` refers to, moved to its place."""
    target = named[item.attrib[_REFERENCE].removeprefix("#")]
    x, y = (_short(item.get(key, "0")) for key in ("x", "y"))
    both = {"style": item.get("style") or target.get("style") or ""}
    outline = target.attrib["d"]
    if (radius := _CIRCLE.match(outline)) and outline.count("C") == _QUARTERS:
        style = _attributes(ET.Element("circle", both), themed=themed)
        return ET.Element("circle", {"cx": x, "cy": y, "r": _short(radius[1])} | style)
    made = ET.Element("path", {"d": outline, **both, "transform": f"translate({x} {y})"})
    return ET.Element("path", _attributes(made, themed=themed))


def _attributes(item: ET.Element, *, themed: bool) -> dict[str, str]:
    kept = {key: _short(item.attrib[key]) for key in _KEPT if key in item.attrib}
    turned = re.fullmatch(r"rotate\(-?0 .*\)", kept.get("transform", ""))
    if turned:
        kept.pop("transform")
    style = _style(item.get("style", ""), themed=themed)
    return kept | ({"style": style} if style else {})


def _style(text: str, *, themed: bool) -> str:
    found = dict(part.split(":", 1) for part in text.split(";") if ":" in part)
    given = {key.strip(): value.strip() for key, value in found.items()}
    given.pop("font-family", None)
    font = given.pop("font", "")
    if font:
        given |= _font(font)
    kept = {key: value for key, value in given.items() if value not in _USUAL.get(key, ())}
    if themed:
        kept = {key: _VARIABLES.get(value, value) for key, value in kept.items()}
    return ";".join(f"{key}:{_short(value)}" for key, value in kept.items())


def _font(text: str) -> dict[str, str]:
    """Return weight and size of the ``font`` shorthand; the root sets the family."""
    head = text.split("'", 1)[0].split()
    size = next(part for part in head if part.endswith("px"))
    return {"font-size": size} | ({"font-weight": "bold"} if {"bold", "700"} & set(head) else {})


def _short(text: str) -> str:
    """Return text whose decimal numbers have at most two places, on one line."""
    return " ".join(_NUMBER.sub(lambda found: _number(found[0]), text).split())


def _number(text: str) -> str:
    shown = f"{float(text):.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown
