from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from dermbench.artifacts import Report
from dermbench.reporting import to_html

VOID = {"meta", "br", "hr", "img", "input", "link"}
STRUCTURE = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "section",
    "footer",
    "div",
    "span",
}
CONTENT = {
    "h1",
    "h2",
    "p",
    "ul",
    "li",
    "strong",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "figure",
    "figcaption",
}
DRAWING = {"svg", "desc", "path", "rect", "circle", "text"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b id=x>',
    "' onload='x",
    "</svg></style></title><h1>x",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;i&gt;",
    "\x00\x1b[31m\u202eabc",
    "http://evil.example/x.png",
    "n" * 5_000,
]


class Page(HTMLParser):
    """Elements, attributes and text of a page, which must be well nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page(raw):
    return Page(to_html(Report.model_validate(raw)))


def check(found):
    assert set(found.tags) <= STRUCTURE | CONTENT | DRAWING
    names = {name for name, _ in found.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert not names & {"href", "src", "xlink:href", "action", "data", "srcset", "background", "ping"}
    assert not [value for _, value in found.attributes if value and re.search(r"url\(|javascript:", value)]


def test_page_is_well_formed_and_asks_for_nothing(everything):
    text = to_html(Report.model_validate(everything))
    check(Page(text))
    assert not re.search(r"@import|url\(|<script|<link|<iframe", text)
    assert "default-src 'none'" in text


def test_page_shows_summary_drawings_tables_and_notes(everything):
    found = page(everything)
    words = " ".join(" ".join(found.texts).split())
    for wanted in (
        "evidence of a disparity",
        ".66",
        "[.61, .71]",
        "VI .57 → I .71",
        "Per class",
        "melanoma",
        "Notes",
    ):
        assert wanted in words
    assert found.tags.count("title") == 3
    marks = [dict(found.attributes)]
    assert marks[0]["lang"] == "en"
    assert found.tags.count("svg") >= 8 + 2


def test_every_drawing_has_a_name(everything):
    text = to_html(Report.model_validate(everything))
    for svg in re.findall(
        r"<svg[^>]*>", text.split('<div class="key" aria-hidden="true">')[1].split("</div>", 1)[1]
    ):
        assert 'role="img"' in svg
        assert "aria-label" in svg


def test_bars_are_drawn_to_scale(everything):
    text = to_html(Report.model_validate(everything))
    row = text.split('aria-label="accuracy: gap .14', 1)[1].split("</svg>", 1)[0]
    band, dot = re.search(r'<rect x="6.0" y="3" width="([\d.]+)"', row), re.search(r'<circle cx="([\d.]+)"', row)
    # axis 0 to .3 over 178 units from 6 on
    assert float(band[1]) == pytest.approx(0.112 / 0.3 * 178, abs=0.1)
    assert float(dot[1]) == pytest.approx(6 + 0.14 / 0.3 * 178, abs=0.1)


def hostile(raw):
    cell = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 50}
    blank = {"value": None, "reason": HOSTILE[0]}
    gap = {"difference": 0.1, "best_group": HOSTILE[0], "worst_group": HOSTILE[1], "verdict": HOSTILE[2]}
    raw["features"] = {
        name: {
            "groups": {other: {"n": 50 + i, "accuracy": cell, "macro_f1": blank} for other in HOSTILE},
            "disparities": {"accuracy": gap | {"notes": HOSTILE}, name: {"difference": None, "reason": name}},
            "parity": {name: {"value": 0.1, "null": "free", "skipped": HOSTILE}},
        }
        for i, name in enumerate(HOSTILE)
    }
    raw |= {
        "task": HOSTILE[0],
        "split": HOSTILE[4],
        "classes": HOSTILE,
        "notes": HOSTILE,
        "provenance": {HOSTILE[1]: HOSTILE[2]},
    }
    raw["per_class"] = {name: {"support": 5, "precision": cell, "recall": blank} for name in HOSTILE}
    raw["confusion"] = {"labels": HOSTILE, "matrix": [[1] * len(HOSTILE)] * len(HOSTILE)}
    raw["overall"][HOSTILE[2]] = cell
    return raw


def test_hostile_names_create_no_element(everything):
    before = page(everything)
    found = page(hostile(everything))
    check(found)
    assert found.tags.count("h1") == before.tags.count("h1") == 1
    assert "b" not in found.tags
    text = "".join(found.texts)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "n" * 1_001 not in text


def test_a_report_of_nothing_but_undefined_values(everything):
    empty = {"value": None, "reason": "there is no image"}
    everything |= {"n": 0, "overall": {"accuracy": empty}, "per_class": {}, "confusion": {}, "calibration": {}}
    everything |= {"features": {"fst": {"groups": {}, "disparities": {}}}, "notes": [], "provenance": {}}
    found = page(everything)
    check(found)
    assert "there is no image" in found.texts
    assert "svg" not in found.tags


def test_values_outside_zero_to_one_are_drawn(everything):
    for value in (-0.5, 1_234.5):
        for cell in [everything["overall"]["accuracy"], everything["features"]["fst"]["groups"]["I"]["accuracy"]]:
            cell |= {"value": value, "low": value - 1, "high": value + 1}
        check(page(everything))


def test_the_word_is_never_printed(everything):
    assert not re.search(
        r"\b(un)?fair|unbiased|debiased model", to_html(Report.model_validate(everything)), re.IGNORECASE
    )


def test_the_same_report_gives_the_same_bytes(report):
    assert to_html(Report.model_validate_json(report.text())) == to_html(report)


CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars")
OFFLINE = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to render the page in")
def test_a_browser_renders_the_page(everything, tmp_path):
    (tmp_path / "report.html").write_text(to_html(Report.model_validate(hostile(everything))), encoding="utf-8")
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            CHROMIUM,
            *QUIET,
            *OFFLINE,
            "--window-size=1200,1600",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={shot}",
            (tmp_path / "report.html").as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    image = pytest.importorskip("PIL.Image").open(shot).convert("L")
    assert image.size == (1200, 1600)
    assert sum(image.histogram()[:128]) > 5_000, "the page is blank"
