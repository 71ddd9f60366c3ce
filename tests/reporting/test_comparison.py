"""A comparison as terminal tables, markdown and figures."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from dermbench.artifacts import make_predictions, make_truth
from dermbench.artifacts.comparison import Comparison, Difference, RankedModel, Ranks
from dermbench.evaluation import compare
from dermbench.reporting.compared.cells import change, signed
from dermbench.reporting.compared.tables import comparison_markdown, comparison_sections, print_comparison
from dermbench.reporting.figures import comparison_figures
from dermbench.reporting.figures.ranks import rank_figure
from dermbench.reporting.figures.style import fitted, text_width
from dermbench.reporting.numbers import Footnotes

HOSTILE = "a|b\n<script>$x$ \u202eevil =1+1 `c` [l](http://x.y)" + "z" * 10_000


def comparison(names=("first", "second"), *, skin=True, n=120, **options):
    rng = np.random.default_rng(0)
    y_true, ids = rng.integers(0, 2, n), [f"i{k:03d}" for k in range(n)]
    fst = {"fst": [1 + k % 2 for k in range(n)]} if skin else {}
    truth = make_truth(pd.DataFrame({"image_id": ids, "label": [("x", "y")[c] for c in y_true], **fst}))
    found = {}
    for k, name in enumerate(names):
        p = np.clip(0.5 + (0.1 + 0.1 * k) * (2 * y_true - 1) + 0.3 * rng.normal(size=n), 0.01, 0.99)
        found[name] = make_predictions(ids, np.column_stack([1 - p, p]), ("x", "y"))
    return compare(found, truth, n_resamples=99, **options)


@pytest.fixture(scope="module")
def plain_one():
    return comparison(margin=0.05)


def printed(item, width=110):
    stream = io.StringIO()
    print_comparison(item, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_a_comparison_shows_every_requested_part(plain_one):
    text = printed(plain_one)
    for part in (
        "2 models on 120 images",
        "Rank bands by macro-F1",
        "All images, against first",
        "Fitzpatrick skin type: accuracy, against first",
        "The bands hold the true ranks of all models at once",
        "worst group",
        "change of the gap",
        "did a group lose more than 5 points?",
        "overall against worst group",
        "exploratory",
        "Holm over all pairs of models",
        "independence between images is assumed",
    ):
        assert part in text, part


def test_printed_numbers_equal_the_document(plain_one):
    effect = plain_one.differences["second"]["macro_f1"]
    assert str(change(effect, Footnotes())) in printed(plain_one)
    assert str(change(effect, Footnotes())) in comparison_markdown(plain_one)


def test_markdown_tables_have_equal_columns(plain_one):
    text = comparison_markdown(plain_one, figures=["ranks.svg"])
    assert "![ranks.svg](ranks.svg)" in text
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in rows}) <= 1


def test_the_same_from_the_file(plain_one):
    again = Comparison.model_validate(json.loads(plain_one.text()))
    assert comparison_markdown(again) == comparison_markdown(plain_one)
    assert printed(again) == printed(plain_one)


def test_differences_stand_at_their_values_and_the_margin_on_the_side_of_a_loss(plain_one):
    drawing = comparison_figures(plain_one)["differences"]
    axes = drawing.figure().axes[1:]
    effects = plain_one.features["fst"].differences["second"]
    found = [[x for line in each.lines for x in line.get_xdata()] for each in axes]
    assert found == [[effects[group]["macro_f1"].value] for group in ("I", "II")]
    assert "a loss of the stated margin, 5 points" in drawing.caption
    dashed = [patch for patch in axes[0].patches if patch.get_linestyle() not in ("-", "solid")]
    assert {x for patch in dashed for x, _ in patch.get_path().vertices} == {-0.05}
    for group in ("I", "II"):
        low, high = effects[group]["macro_f1"].low, effects[group]["macro_f1"].high
        outside = low > 0 or high < 0
        assert outside == (f"second in {group} " in drawing.alt)


def with_effects(item, **effects):
    """Return the comparison whose second model differs by these in macro-F1, one a group."""
    block = item.features["fst"]
    found = {group: {"macro_f1": effect} for group, effect in effects.items()}
    return item.model_copy(
        update={"features": {"fst": block.model_copy(update={"differences": {"second": found}, "margin": {}})}}
    )


def test_differences_say_no_more_than_their_intervals(plain_one):
    clear = Difference(value=0.2, low=0.1, high=0.3)
    open_ = Difference(value=0.1, low=-0.1, high=0.3)
    bare = Difference(value=0.1, reason="few cases")
    nothing = Difference(value=None, reason="no probabilities")
    for first, second, said in (
        (clear, open_, "1 interval leaves 0 out: second in I +.200 [+.100, +.300]."),
        (open_, bare, "Every interval includes 0."),
        (bare, nothing, "No difference has an interval."),
    ):
        found = comparison_figures(with_effects(plain_one, I=first, II=second))
        assert found["differences"].alt.endswith(f"by group. {said}")
    assert "differences" not in comparison_figures(with_effects(plain_one, I=nothing, II=nothing))


def test_a_higher_loss_is_said_to_be_worse(plain_one):
    assert "higher than first. Lines" in comparison_figures(plain_one)["differences"].caption
    loss = comparison(metrics=("log_loss",))
    assert "higher than first, which is worse. Lines" in comparison_figures(loss)["differences"].caption


def test_worst_groups_stand_at_their_values(plain_one):
    drawing = comparison_figures(plain_one)["worst-group"]
    models = plain_one.features["fst"].pareto["macro_f1"]
    axes = drawing.figure().axes[0]
    drawn = {tuple(xy) for line in axes.lines if line.get_marker() == "o" for xy in line.get_xydata()}
    assert drawn == {(item.overall, item.worst) for item in models.values()}
    for name, item in models.items():
        assert (f"{name} " in drawing.alt.partition("On the front:")[2]) == item.on_front


def test_without_skin_types():
    item = comparison(skin=False)
    assert "No skin type is assessed" in printed(item)
    assert "No skin type is assessed" in comparison_markdown(item)
    assert set(comparison_figures(item)) == {"ranks"}


def test_many_models_print_less_and_write_everything():
    item = comparison([f"m{k}" for k in range(5)])
    shown = [section for section in comparison_sections(item) if not section.detail]
    assert len(shown) < len(comparison_sections(item))
    assert "macro-F1, against m0" in comparison_markdown(item)
    assert "macro-F1, against m0" not in printed(item)


def test_a_metric_asked_for_is_shown_however_many_models_there_are():
    text = printed(comparison(names=tuple("abcdef"), metrics=("accuracy", "weighted_f1")))
    overall = text.partition("All images, against")[2].partition("Fitzpatrick")[0]
    assert "weighted F1" in overall
    assert (
        "weighted F1"
        not in printed(comparison(names=tuple("abcdef")))
        .partition("All images, against")[2]
        .partition("Fitzpatrick")[0]
    )


def test_a_reason_stands_for_what_is_missing():
    item = comparison(metrics=["average_precision"])
    assert item.ranks.models == ()
    assert "no paired test of this metric is offered" in printed(item)


def test_hostile_names_break_nothing():
    item = comparison((HOSTILE, f"{HOSTILE}2"), margin=0.05)
    text, markdown = printed(item), comparison_markdown(item)
    for output in (text, markdown):
        assert "\u202e" not in output
        assert "zzz" * 100 not in output
    assert "<script>" not in markdown
    assert "http://" not in markdown
    for block in markdown.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1
    for drawing in comparison_figures(item).values():
        svg = drawing.svg()
        ET.fromstring(svg)
        assert "<script" not in svg
        for part in (svg, drawing.alt, drawing.caption, drawing.title):
            assert "\u202e" not in part
            assert "zzz" * 100 not in part


def test_figures_open_and_are_the_same_again(plain_one, tmp_path):
    first, second = (
        [path for drawing in comparison_figures(plain_one).values() for path in drawing.write(tmp_path / place)]
        for place in ("one", "two")
    )
    assert [path.name for path in first] == [
        f"{name}.{suffix}" for name in ("ranks", "differences", "worst-group") for suffix in ("svg", "png")
    ]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
        if one.suffix == ".png":
            with Image.open(one) as image:
                assert min(image.size) > 200
                assert len(image.convert("RGB").getcolors(1_000_000)) > 20


@pytest.mark.parametrize(
    ("value", "text"), [(0.0234, "+.023"), (-0.0234, "\u2212.023"), (0.0001, ".000"), (None, "\u2013")]
)
def test_signed_numbers(value, text):
    assert signed(value) == text


def test_every_model_has_a_dot_in_the_rank_figure():
    """Twenty models in a chain of letters: nothing is drawn beyond the edge of its axes."""
    names = [f"m{k:02d}" for k in range(20)]
    letters = {
        name: "".join("abcdefghijklmnopqrstuvwxyz"[k] for k in (max(0, i - 1), i)) for i, name in enumerate(names)
    }
    models = tuple(
        RankedModel(model=name, value=0.9 - 0.02 * i, best=max(1, i), worst=i + 2, letters=letters[name])
        for i, name in enumerate(names)
    )
    figure = rank_figure(Ranks(metric="macro_f1", models=models))
    axes, paper = figure.axes
    values = [line for line in axes.lines if line.get_marker() == "o"]
    assert [tuple(xy) for line in values for xy in line.get_xydata()] == [
        (m.value, k) for k, m in enumerate(models)
    ]
    drawn = {y for line in paper.lines if line.get_marker() == "o" for _, y in line.get_xydata()}
    assert len(drawn) == 20
    width, _ = (size * 72 for size in figure.get_size_inches())
    assert all(0 < x < width for line in paper.lines for x, _ in line.get_xydata())


def test_long_names_of_seeds_stay_apart_in_figures():
    names = [f"{'a very long description of a network, ' * 3}seed {seed}" for seed in range(3)]
    labels = {fitted(name, 200) for name in names}
    assert len(labels) == 3
    assert max(map(text_width, labels)) <= 200
    assert fitted("short", 200) == "short"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_long_names_cost_no_group_limit_or_verdict(width):
    """Names of 60 characters stand over their rows; what a gap, a worst group and a margin say stays."""
    long = [f"efficientnet-lite{i}-96-px-sampling-by-class-and-skin-type-z" for i in range(3)]
    text = printed(comparison(long, margin=0.05), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.strip() == long[1] for line in lines) >= (4 if width < 200 else 0)
    at = next(i for i, line in enumerate(lines) if line.endswith("change of the gap"))
    head = " ".join(" ".join(lines[at : at + 8]).split())
    for title in ("gap", "least", "most", "where", "Holm"):
        assert title in head
    assert "I against II" in " ".join(text.split())
    left_out = " ".join(re.findall(r"Left out at this width: ([^.]*)\.", " ".join(text.split())))
    for title in ("worst group", "at least", "at most", "verdict", "lowest bound", "where"):
        assert title not in left_out
