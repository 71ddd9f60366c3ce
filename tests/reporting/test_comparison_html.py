from __future__ import annotations

import re

import pytest
from test_comparison import comparison
from test_html import HOSTILE, Page, check

from dermbench.artifacts.comparison import Comparison, Difference, GapChange, Gaps, RankedModel
from dermbench.artifacts.report import Contrast, Undefined, undefined
from dermbench.reporting.compared.summary import comparison_reading, comparison_summary
from dermbench.reporting.compared.tables import comparison_sections
from dermbench.reporting.figures import comparison_figures
from dermbench.reporting.pages.comparison_html import comparison_html


@pytest.fixture(scope="module")
def two():
    return comparison(margin=0.05)


@pytest.fixture(scope="module")
def text(two):
    return comparison_html(two)


def difference(value, half, p_holm, **changed):
    ends = {"low": value - half, "high": value + half}
    return Difference(**({"value": value, "n": 120, "p_value": p_holm, "p_holm": p_holm} | ends | changed))


def with_differences(item, **effects):
    metric = item.ranks.metric
    return item.model_copy(update={"differences": {model: {metric: effect} for model, effect in effects.items()}})


def with_change(item, change, metric="accuracy"):
    gaps = Gaps(models={"first": 0.1, "second": 0.2}, changes={"second": change})
    block = item.features["fst"].model_copy(update={"gap": {metric: gaps}})
    return item.model_copy(update={"features": {"fst": block}})


def gap_change(value, low, p_holm, sides):
    contrast = Contrast(first=("I",), second=("II",), kind="pair", value=sides, low=None, high=None)
    told = {"value": value, "low": low, "high": 0.3, "chance": 0.05, "p_value": p_holm, "p_holm": p_holm}
    return GapChange(**told, overlap=1.0, contrast=contrast)


def test_page_is_well_formed_and_asks_for_nothing(text):
    found = Page(text)
    check(found)
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|<script|<link|<iframe", text)
    assert found.tags.count("h1") == 1


def test_hostile_names_create_no_element():
    found = Page(comparison_html(comparison(tuple(HOSTILE[:3]))))
    check(found)
    assert found.tags.count("h1") == 1
    assert "b" not in found.tags
    assert "<script>alert(1)</script>" in "".join(found.texts)


def test_figures_have_a_name_and_tables_are_folded(two, text):
    svgs = re.findall(r"(<svg[^>]*>)(<title>[^<]+</title><desc>[^<]+</desc>)", text)
    assert len(svgs) == text.count("<svg") == len(comparison_figures(two)) > 0
    assert all('role="img"' in svg for svg, _ in svgs)
    before, folded = text.split('<h2 id="rest">', 1)
    assert before.count("<table") == 1, "the ranks stay open"
    assert text.index('class="said"') < text.index('class="reading"') < text.index("<table") < text.index("<svg")
    links = re.findall(r'<a href="#([a-z0-9-]+)">', text)
    assert links == ["figures", *re.findall(r'</summary>\n<div id="([a-z0-9-]+)">', folded)]


def test_every_table_of_the_comparison_is_on_the_page(two, text):
    found = {part.strip() for part in Page(text).texts}
    assert {section.title for section in comparison_sections(two)} <= found


def test_a_long_table_is_cut_and_says_so(two, text):
    cell = two.features["fst"].screen["second"][0]
    block = two.features["fst"].model_copy(update={"screen": {"second": (cell,) * 220}})
    long = comparison_html(two.model_copy(update={"features": {"fst": block}}))
    assert "The first 150 of 220 rows; the .md file beside this page has all." in long
    assert "The first 150" not in text


def test_the_same_comparison_gives_the_same_bytes(two, text):
    assert comparison_html(Comparison.model_validate_json(two.text())) == text


def test_who_may_be_the_best(two):
    def ranked(model, value, best, worst):
        return RankedModel(model=model, value=value, low=value - 0.02, high=value + 0.02, best=best, worst=worst)

    alone = two.ranks.model_copy(update={"models": (ranked("second", 0.8, 1, 1), ranked("first", 0.7, 2, 2))})
    both = two.ranks.model_copy(update={"models": (ranked("second", 0.8, 1, 2), ranked("first", 0.7, 1, 2))})
    none = two.ranks.model_copy(update={"models": (), "reason": "needs two models"})
    said = [comparison_summary(two.model_copy(update={"ranks": ranks}))[0] for ranks in (alone, both, none)]
    assert said == [
        "Best by macro-F1: second .800 [.780, .820]; no other model may rank first.",
        "By macro-F1, 2 models may be the best: second .800 [.780, .820] and first .700 [.680, .720].",
        "No ranks by macro-F1: needs two models.",
    ]


def test_a_model_without_a_value_may_be_the_best(two):
    def ranked(model, value, rank):
        return RankedModel(model=model, value=value, low=value - 0.02, high=value + 0.02, best=rank, worst=rank)

    alone = two.ranks.model_copy(update={"models": (ranked("first", 0.8, 1),), "without_value": ("second",)})
    best = two.ranks.model_copy(
        update={"models": (ranked("first", 0.8, 1), ranked("third", 0.7, 2)), "without_value": ("second",)}
    )
    said = [comparison_summary(two.model_copy(update={"ranks": ranks}))[0] for ranks in (alone, best)]
    aside = "Without a value, so not ranked: second."
    assert said == [
        f"Only first .800 [.780, .820] has a value in macro-F1. {aside}",
        f"Best by macro-F1: first .800 [.780, .820]; no other model with a value may rank first. {aside}",
    ]
    alt = comparison_figures(two.model_copy(update={"ranks": best}))["ranks"].alt
    assert alt.endswith("(rank 2). Without a value, so not drawn: second.")


def test_who_differs_from_the_baseline(two):
    effects = {
        "a": difference(0.04, 0.03, 0.01),
        "b": difference(-0.05, 0.02, 0.002),
        "c": difference(0.01, 0.03, 0.4),
        "d": Difference(value=None, reason="no probabilities"),
        "e": difference(0.06, 0.03, 0.01),
    }
    assert comparison_summary(with_differences(two, **effects))[1] == (
        "Against first in macro-F1 (p at most .05 after Holm's correction): Better: e +.060 [.030, .090] and a "
        "+.040 [.010, .070]. Worse: b \N{MINUS SIGN}.050 [\N{MINUS SIGN}.070, \N{MINUS SIGN}.030]. Not told "
        "apart: c +.010 [\N{MINUS SIGN}.020, .040]. Not tested: d (no probabilities)."
    )
    lower = two.model_copy(update={"ranks": two.ranks.model_copy(update={"metric": "log_loss"})})
    said = comparison_summary(with_differences(lower, a=difference(-0.04, 0.03, 0.01)))[1]
    assert "Better: a \N{MINUS SIGN}.040" in said, "a smaller loss is better"


def test_whether_the_difference_varies_by_group(two):
    head = "Whether the difference in accuracy varies by skin type, class held fixed: "
    shown = comparison_summary(with_change(two, gap_change(0.12, 0.03, 0.004, -0.11)))[2]
    assert shown == (
        f"{head}it does for second (.110 lower on type I than on type II; between the two groups that differ "
        "most by .120, at least .030)."
    )
    open_ = comparison_summary(with_change(two, gap_change(0.12, 0.0, 0.4, 0.11)))[2]
    assert open_ == f"{head}not shown for second (by .120 here, at most .300)."
    unknown = comparison_summary(with_change(two, Undefined(reason="too few units.")))[2]
    assert unknown == f"{head}not known for second (too few units)."
    untested = gap_change(0.12, None, None, 0.11).model_copy(update={"reasons": {"p_value": "unequal spread"}})
    said = comparison_summary(with_change(two, untested))[2]
    assert said == f"{head}not tested for second (by .120 here; unequal spread)."
    bare = two.model_copy(update={"features": {}})
    assert "No sensitive feature was compared" in comparison_summary(bare)[2]


def test_the_margin_is_answered(two):
    block = two.features["fst"]
    answer = block.margin["macro_f1"]["second"].model_copy(update={"verdict": "open"})
    block = block.model_copy(update={"margin": {"macro_f1": {"second": answer}}})
    assert comparison_summary(two.model_copy(update={"features": {"fst": block}}))[3] == (
        "Margin of 5 points in each group: not shown: a group may have lost more than the margin: second."
    )


def test_images_without_a_prediction_are_counted_on_the_first_screen(two):
    refused = {"first": 3, "second": 60, "third@1": 3, "third@2": 1}
    page = comparison_html(two.model_copy(update={"unanswered": refused}))
    said = "Without a usable prediction, so counted as wrong, of 120 images: second 60, first 3, third@1 3 and 1 "
    assert f"{said}further model." in page.split("<table", 1)[0]
    assert "so counted as wrong" not in comparison_html(two)


def test_a_difference_is_read_aloud(two):
    head = "Read a difference as: on the same images, macro-F1 of second minus that of first is +.040"
    for effect, end in (
        (difference(0.04, 0.03, 0.01), "; the data are compatible with +.010 to +.070. It is beyond chance"),
        (
            difference(0.04, 0.05, 0.2),
            "; the data are compatible with \N{MINUS SIGN}.010 to +.090. It is not beyond",
        ),
        (difference(0.04, 0.03, None, reason="one seed"), "to +.070. It was not tested: one seed."),
        (difference(0.04, 0, 0.2, low=None, high=None, reason="few"), "; it has no interval (few)."),
    ):
        said = comparison_reading(with_differences(two, second=effect))
        assert said.startswith(head)
        assert end in said
    nothing = with_differences(two, second=Difference(value=None, reason="no probabilities"))
    assert comparison_reading(nothing) == (
        "There is no difference in macro-F1 to read: no model has a value to set against first."
    )
    bare = {"first": {"macro_f1": undefined("no probabilities")}, "second": two.models["second"]}
    assert comparison_reading(nothing.model_copy(update={"models": bare})) == (
        "There is no difference in macro-F1 to read: first has no value."
    )
