"""What holds for every figure: the same bytes again, nothing but marks and text, colours of the page, words."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import full
import pytest
from figure_cases import EMOJI, SVG, hostile, many, nothing_known, one_group, planted, styles
from PIL import Image

from dermbench.reporting.figures import report_figures
from dermbench.reporting.figures.drawing import Drawing
from dermbench.reporting.figures.style import COLUMN, PAGE, PALETTE, canvas, css_variables, words

CASES = {
    "everything": full.report,
    "planted": planted,
    "many": many,
    "one-group": one_group,
    "nothing": nothing_known,
    "hostile": hostile,
}
NAMES = {
    "everything": {"gap", "recall", "confusion", "reliability", "risk-coverage", "roc", "forest-accuracy"},
    "planted": {"gap", "recall", "confusion", "forest-accuracy"},
    "many": {"gap", "recall", "confusion", "forest-accuracy"},
    "one-group": {"confusion", "forest-accuracy"},
    "nothing": {"gap", "recall", "forest-accuracy"},
    "hostile": {"gap", "recall", "confusion", "reliability", "risk-coverage", "roc", "forest-accuracy"},
}
TAGS = {"svg", "title", "desc", "g", "path", "text", "circle"}


@pytest.fixture(scope="module")
def drawn():
    """SVG of every figure of every case, drawn once; warnings are errors here."""
    return {
        case: {name: (drawing, drawing.svg()) for name, drawing in report_figures(make()).items()}
        for case, make in CASES.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_a_report_has_the_figures_that_it_has_data_for(drawn, case):
    found = set(drawn[case])
    assert NAMES[case] <= found
    extra = {name for name in found - NAMES[case] if not name.startswith(("forest-", "operating-"))}
    assert extra == set()


@pytest.mark.parametrize("case", CASES)
def test_a_drawing_is_marks_and_text_alone(drawn, case):
    for name, (drawing, svg) in drawn[case].items():
        root = ET.fromstring(svg)
        assert {item.tag.removeprefix(SVG) for item in root.iter()} <= TAGS, name
        attributes = {key for item in root.iter() for key in item.attrib}
        assert attributes <= {
            "role", "width", "height", "viewBox", "style", "d", "x", "y", "transform", "cx", "cy", "r"
        }, name  # fmt: skip
        assert "url(" not in re.sub(r"<(text|desc|title)[^>]*>.*?</\1>", "", svg)
        assert root.get("role") == "img"
        assert float(root.get("width")) <= (PAGE if drawing.wide else COLUMN), name


@pytest.mark.parametrize("case", CASES)
def test_every_colour_is_one_of_the_page(drawn, case):
    allowed = {"none"} | {f"var(--{name},{light})" for name, (light, _) in PALETTE.items()}
    for name, (_, svg) in drawn[case].items():
        painted = {value for key, value in styles(svg) if key in ("fill", "stroke")}
        assert painted <= allowed, name
        assert not re.search(
            r"<text(?![^>]*fill)", re.sub(r"<g style=\"[^\"]*fill:var[^\"]*\">.*?</g>", "", svg)
        ), name


@pytest.mark.parametrize("case", CASES)
def test_title_and_alternative_text_stand_in_the_drawing(drawn, case):
    for drawing, svg in drawn[case].values():
        root = ET.fromstring(svg)
        assert [root[0].tag, root[0].text] == [f"{SVG}title", drawing.title]
        assert [root[1].tag, root[1].text] == [f"{SVG}desc", drawing.alt]
        assert 20 < len(drawing.alt) < 2_500
        assert 10 < len(drawing.caption) < 400


def test_hostile_names_are_inert_text(drawn):
    for name, (drawing, svg) in drawn["hostile"].items():
        said = svg + drawing.alt + drawing.title + drawing.caption
        assert "<script" not in svg, name
        assert not {"\u202e", "\u2066", "\x00", "\x1b"} & set(said), name
        assert "z" * 200 not in said, name
    recall = drawn["hostile"]["recall"][1]
    assert EMOJI in recall
    assert "$x^2$" in recall  # a formula is not drawn as one


def test_files_of_hostile_names_can_be_drawn_as_pictures(tmp_path, drawn):
    drawing = drawn["hostile"]["recall"][0]
    svg, png = drawing.write(tmp_path)
    ET.parse(svg)
    with Image.open(png) as picture:
        size = picture.size
        assert len(picture.convert("RGB").getcolors(1_000_000)) > 10
    root = ET.fromstring(drawing.svg())
    assert size == (round(2 * float(root.get("width"))), round(2 * float(root.get("height"))))


def test_a_file_has_plain_colours_and_a_page_variables(drawn, tmp_path):
    drawing, inline = drawn["planted"]["gap"]
    (path,) = drawing.write(tmp_path, formats=("svg",))
    text = path.read_text(encoding="utf-8")
    assert "var(" not in text
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<svg ')
    paper = '<rect width="100%" height="100%" fill="#ffffff" />'
    assert paper in text
    assert re.sub(r"var\(--\w+,(#\w+)\)", r"\1", inline) in text.replace(paper, "")


PROCESS = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from figure_cases import planted
from dermbench.reporting.figures import report_figures
for drawing in report_figures(planted()).values():
    drawing.write(Path({out!r}))
"""


def test_another_process_draws_the_same_bytes(tmp_path):
    here = Path(__file__).parent
    path = [str(here), str(here.parent)]
    other, own = tmp_path / "other", tmp_path / "own"
    code = PROCESS.format(path=path, out=str(other))
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONHASHSEED": "7", **_environment()})
    for drawing in report_figures(planted()).values():
        drawing.write(own)
    files = sorted(file.name for file in own.iterdir())
    assert files == sorted(file.name for file in other.iterdir())
    assert len(files) == 8
    for name in files:
        assert (own / name).read_bytes() == (other / name).read_bytes(), name


def _environment():
    import os

    return {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}


def test_numbers_of_drawings_of_wide_and_narrow_cases_stay_small(drawn):
    """A page of 114 classes has room for its tables: 400 kB in all."""
    assert sum(len(svg) for _, svg in drawn["many"].values()) < 130_000


def test_a_drawing_of_ones_own_is_tidied_as_well():
    def draw():
        figure = canvas(100, 50)
        words(figure, 10, 25, "here & <there>")
        return figure

    svg = Drawing("own", "a title", "an alternative text", "", wide=False, draw=draw).svg()
    root = ET.fromstring(svg)
    (text,) = root.iter(f"{SVG}text")
    assert text.text == "here & <there>"
    assert float(text.get("x")) == 10
    assert root.get("viewBox") == "0 0 100 50"


def _luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    """Return the contrast ratio of WCAG 2."""
    low, high = sorted((_luminance(one), _luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_and_marks_are_seen_on_both_papers(dark):
    shades = {name.removeprefix("--"): shade for name, shade in css_variables(dark=dark).items()}
    for name in ("ink", "soft"):
        assert contrast(shades[name], shades["paper"]) >= 4.5, name
    for name in ("mark", "accent", *(f"c{k}" for k in range(1, 9))):
        assert contrast(shades[name], shades["paper"]) >= 3, name
    for step in range(10):
        text = "ink" if step < 5 else "paper"
        assert contrast(shades[text], shades[f"r{step}"]) >= 4.5, step
    assert contrast(shades["accent"], shades["r0"]) >= 3  # the frame around a cell


@pytest.mark.parametrize("dark", [False, True])
def test_the_ramp_goes_one_way(dark):
    light = [_luminance(css_variables(dark=dark)[f"--r{step}"]) for step in range(10)]
    assert light == sorted(light, reverse=not dark)
