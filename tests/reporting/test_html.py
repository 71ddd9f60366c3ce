from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser

import full
import pytest
from report_records import cell, class_row, disparity, feature, group, provenance, screen_row
from report_records import report as make_report

from dermbench.artifacts.report import Confusion, Contrast, Incomparable, ParityMeasure, RawGap, Report, undefined
from dermbench.reporting import to_html
from dermbench.reporting.figures import report_figures
from dermbench.reporting.sections import sections

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
    "nav",
    "section",
    "details",
    "summary",
    "footer",
    "div",
    "span",
}
CONTENT = {
    "h1",
    "h2",
    "h3",
    "a",
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
DRAWING = {"svg", "desc", "g", "path", "rect", "circle", "text", "tspan"}
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


def html(raw):
    """Return the page of a document; figures take a second, so that it is made once."""
    return _html(json.dumps(raw, sort_keys=True))


@cache
def _html(text):
    return to_html(Report.model_validate_json(text))


def page(raw):
    return Page(html(raw))


def check(found):
    assert set(found.tags) <= STRUCTURE | CONTENT | DRAWING
    names = {name for name, _ in found.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert not names & {"src", "xlink:href", "action", "data", "srcset", "background", "ping"}
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert not [name for name in ids if not re.fullmatch(r"[a-z0-9-]+", name)], "an id that dermbench did not make"
    assert {value for name, value in found.attributes if name == "href"} <= {f"#{name}" for name in ids}
    assert not [value for _, value in found.attributes if value and re.search(r"url\(|javascript:", value)]


def test_page_is_well_formed_and_asks_for_nothing(everything):
    text = html(everything)
    check(Page(text))
    assert not re.search(r"@import|url\(|<script|<link|<iframe", text)
    assert "default-src 'none'" in text


def test_page_shows_summary_drawings_tables_and_notes(everything):
    found = page(everything)
    words = " ".join(" ".join(found.texts).split())
    for wanted in (
        "types V\N{EN DASH}VI lie below types I\N{EN DASH}II by .15 [.06, .24]",
        "disparity",
        ".66",
        "[.61, .71]",
        "VI → I",
        "Per class",
        "melanoma",
        "Notes",
    ):
        assert wanted in words
    assert found.tags.count("title") == 1 + len(report_figures(Report.model_validate(everything)))
    marks = [dict(found.attributes)]
    assert marks[0]["lang"] == "en"
    assert found.tags.count("svg") >= 5 + 2


def test_every_drawing_has_a_name(everything):
    text = html(everything)
    key, without = re.search(r'<div class="key" aria-hidden="true">.*?</div>', text, re.DOTALL)[0], 0
    for svg, first in re.findall(r"(<svg[^>]*>)(<title>[^<]+</title><desc>[^<]+</desc>)?", text.replace(key, "")):
        assert 'role="img"' in svg
        assert first or "aria-label" in svg
        without += not first
    rows = [row for item in everything["features"].values() for row in item["disparities"]]
    assert 0 < without <= len(rows) + 1, "a bar a row and their axis"


def test_the_summary_comes_before_everything_else(everything):
    text = html(everything)
    assert text.index('class="said"') < text.index('class="cards"') < text.index("<table")
    assert text.count('class="said"') == len(everything["summary"]) == 7


def test_all_but_the_gaps_is_folded_under_headings_of_the_table_of_contents(everything):
    text = html(everything)
    before, folded = text.split('<h2 id="rest">', 1)
    assert before.count("<table") == 1, "the table of disparities stays open"
    assert text.count("<details>") == folded.count("<details>") == folded.count("<summary><h2>")
    assert "<details open" not in text
    links = re.findall(r'<a href="#([a-z0-9-]+)">', text.split("<nav", 1)[1].split("</nav>")[0])
    assert links == ["figures", "gaps", *re.findall(r'</summary>\n<div id="([a-z0-9-]+)">', folded)]
    outside = re.sub(r"<details>.*?</details>", "", folded, flags=re.DOTALL)
    assert "<table" not in outside


def test_every_section_of_the_report_is_on_the_page(everything):
    report = Report.model_validate(everything)
    found = {text.strip() for text in page(everything).texts}
    missing = {section.title for section in sections(report)} - found
    assert missing == {"Summary", "Metrics"}, "which the page shows as sentences and cards"


def test_bars_are_drawn_to_scale(everything):
    text = html(everything)
    row = text.split('aria-label="accuracy (primary): gap .15, at least .06, at most .27, by chance .06"', 1)[1]
    row = row.split("</svg>", 1)[0]
    chance, dot = re.search(r'<path d="M([\d.]+) 3v16"', row), re.search(r'<circle cx="([\d.]+)"', row)
    ends = re.search(r'<path d="M([\d.]+) 11H([\d.]+)"', row)
    # axis 0 to .3 over 178 units from 6 on
    for place, value in ((chance[1], 0.06), (dot[1], 0.15), (ends[1], 0.06), (ends[2], 0.27)):
        assert float(place) == pytest.approx(6 + value / 0.3 * 178, abs=0.1)


def test_verdicts_are_set_apart_by_kind(everything):
    text = html(everything)
    assert re.search(r'<td class="left loud">disparity</td>', text)
    assert re.search(r'<td class="left silent">not settled</td>', text)


def hostile():
    names = tuple(HOSTILE)
    row = disparity(
        contrast=Contrast(first=names[:2], second=names[2:4], kind="cut", value=-0.1, low=-0.2, high=0.0),
        raw=RawGap(difference=0.1, ratio=None, best_group=names[0], worst_group=names[1]),
        not_comparable=[Incomparable(groups=(names[0], name), reason=name) for name in names[1:]],
    )
    counts = dict.fromkeys(names, (3, 12))
    features = {
        name: feature(
            {n: group(50 + i, {"accuracy": cell(0.5), "macro_f1": undefined(names[0])}) for n in names},
            {"accuracy": row.model_copy(update={"role": "secondary" if i else "primary"}), name: row},
            screen={label: screen_row(counts, names[:2], q=0.01) for label in names},
            parity={name: ParityMeasure(value=0.1, null="free", skipped=names)},
            annotators=full.annotators().model_copy(update={"columns": names}),
        )
        for i, name in enumerate(names)
    }
    return make_report(
        features,
        task=names[0],
        split=names[4],
        model=names[5],
        classes=names,
        notes=names,
        provenance=provenance(version=names[1], interpreted=names),
        per_class={name: class_row(0.5, 50) for name in names},
        confusion=Confusion(labels=names, matrix=[[1] * len(names)] * len(names)),
        overall={"accuracy": cell(0.66), names[2]: cell(0.5)},
        calibration=full.calibration(),
    )


def test_hostile_names_create_no_element(everything):
    before = page(everything)
    found = Page(to_html(hostile()))
    check(found)
    assert found.tags.count("h1") == before.tags.count("h1") == 1
    assert "b" not in found.tags
    text = "".join(found.texts)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "n" * 1_001 not in text


def test_a_report_of_nothing_but_undefined_values():
    report = make_report(
        {"fst": feature({}, {})},
        n=0,
        overall={"accuracy": undefined("there is no image")},
        per_class={},
        confusion=Confusion(labels=(), matrix=()),
    )
    found = Page(to_html(report))
    check(found)
    assert "there is no image" in found.texts
    assert "svg" not in found.tags


def test_values_outside_zero_to_one_are_drawn(everything):
    for value in (-0.5, 1_234.5):
        group_cells = everything["features"]["fst"]["groups"]["I"]
        for item in (everything["overall"]["accuracy"], group_cells["accuracy"]):
            item |= {"value": value, "low": value - 1, "high": value + 1}
        check(page(everything))


def test_forbidden_words_are_never_printed(everything):
    text = html(everything)
    forbidden = r"\b(un)?fair|unbiased|debiased model|no disparity detected|could have detected"
    assert not re.search(forbidden, text, re.IGNORECASE)


def test_the_same_report_gives_the_same_bytes(report):
    assert to_html(Report.model_validate_json(report.text())) == to_html(report)
