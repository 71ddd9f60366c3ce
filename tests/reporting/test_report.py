from __future__ import annotations

import io
import json
import re

import full
import pytest
from report_records import cell, class_row, disparity, feature, group, provenance, screen_row
from report_records import report as make_report
from rich.console import Console

from dermbench.artifacts.report import Confusion, Contrast, Incomparable, RawGap, Report, undefined
from dermbench.artifacts.wording import NONE
from dermbench.reporting import print_report, to_markdown
from dermbench.reporting.sections import sections
from dermbench.reporting.text import PROSE_LIMIT, markdown_text


def printed(report, width=120, *, full=True):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=width, color_system=None), full=full)
    return stream.getvalue()


def table(text, heading):
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert len({len(row) for row in cells}) == 1, "a row has another number of cells"
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_the_summary_comes_first(report):
    text = to_markdown(report)
    assert [line for line in text.splitlines() if line.startswith("## ")][:2] == ["## Summary", "## Metrics"]
    shown = printed(report)
    for sentence in report.summary:
        assert markdown_text(sentence.text, limit=PROSE_LIMIT) in text
        assert sentence.text in " ".join(shown.split())


def test_metrics_show_value_interval_and_n(report):
    rows = table(to_markdown(report), "Metrics")
    assert rows[0] == {"metric": "accuracy", "value": ".62", "95 % interval": "[.59, .65]", "n": "1,227"}
    assert [r["metric"] for r in rows] == ["accuracy", "Cohen's κ", "macro-F1"]
    rows = table(to_markdown(report), "Further metrics")
    assert [r["metric"] for r in rows] == ["AUROC, one vs rest", "MCC"]
    assert rows[0]["value"] == NONE + "¹"
    assert "¹ predictions have no probabilities" in to_markdown(report)


def test_groups_are_in_order_marked_when_small_and_unknown_is_last(report):
    rows = table(to_markdown(report), "By Fitzpatrick skin type")
    assert [r["group"] for r in rows] == ["I", "II", "III", "IV", "V", "VI†", "unknown"]
    assert [r["n"] for r in rows] == ["238", "397", "243", "186", "83", "20", "60"]
    assert rows[5]["macro-F1 (95 %)"] == NONE + "²"
    assert table(to_markdown(report), "By Fitzpatrick skin type, further metrics")[6]["log loss (95 %)"] == NONE


def test_disparity_shows_gap_limits_chance_and_verdict(report):
    first, kappa, undefined = table(to_markdown(report), "Disparity by Fitzpatrick skin type")
    assert first == {
        "metric": "accuracy (primary)",
        "gap": ".12",
        "at least": ".00",
        "at most": ".24",
        "chance": ".06",
        "p": ".380",
        "verdict": "not settled",
        "overlap": ".90",
        "raw, includes class mix": ".14, VI → I",
    }
    assert kappa["at most"] == NONE + "¹"
    assert undefined["gap"] == NONE + "²"
    assert {undefined[name] for name in ("at least", "chance", "p", "verdict", "overlap")} == {NONE}
    assert "¹ κ is not a mean over images" in to_markdown(report)


def test_reasons_of_columns_that_are_not_shown_are_not_printed(raw):
    block = raw["features"]["fst"]["disparities"]["cohen_kappa"]
    block |= {"raw": None, "reasons": block["reasons"] | {"raw": "too few units"}}
    report = Report.model_validate(raw)
    assert "too few units" in to_markdown(report)
    assert "too few units" in printed(report, 160)
    assert "too few units" not in printed(report, 66, full=False)
    assert "macro-F1 is undefined in group VI" in printed(report)


def test_annotators_and_intersections_have_titles(raw):
    raw["features"] = {"fst_centaur": raw["features"]["fst"], "fst,sex": raw["features"]["fst_band"]}
    raw["primary"]["feature"] = "fst_centaur"
    text = to_markdown(Report.model_validate(raw))
    assert "## By Fitzpatrick skin type (centaur)" in text
    assert "## By Fitzpatrick skin type \N{MULTIPLICATION SIGN} sex" in text


def test_per_class_marks_sparse_classes_and_keeps_undefined(report):
    rows = table(to_markdown(report), "Per class")
    assert [r["class"] for r in rows] == ["NEV", "MEL", "ACK†"]
    assert rows[2]["precision (95 %)"] == NONE + "¹"
    assert rows[2]["support"] == "7"


def test_many_classes_list_the_most_frequent_confusions(raw):
    names = [f"class {i}" for i in range(20)]
    matrix = [[0] * 20 for _ in names]
    matrix[3][4], matrix[3][3], matrix[7][0] = 30, 70, 5
    raw |= {"classes": names, "confusion": {"labels": names, "matrix": matrix}}
    rows = table(to_markdown(Report.model_validate(raw)), "Most frequent confusions")
    assert rows[0] == {"true": "class 3", "predicted as": "class 4", "n": "30", "of the class": ".30"}
    assert len(rows) == 2


def test_long_class_names_are_numbered_in_the_matrix(raw):
    names = ["seborrheic keratosis", "melanoma", "nevus"]
    raw["confusion"]["labels"] = names
    rows = table(to_markdown(Report.model_validate(raw)), "Confusion matrix")
    assert list(rows[0]) == ["true", "1", "2", "3"]
    assert rows[0]["true"] == "1: seborrheic keratosis"


def test_read_back_gives_the_same_bytes(report):
    again = Report.model_validate(json.loads(report.text()))
    assert to_markdown(again) == to_markdown(report)


def test_row_order_of_the_file_does_not_matter(raw):
    shuffled = json.loads(json.dumps(raw, sort_keys=True))
    assert to_markdown(Report.model_validate(shuffled)) == to_markdown(Report.model_validate(raw))


def test_provenance_and_notes(report):
    text = to_markdown(report)
    assert "- 3 images have tied probabilities." in text
    assert "seed 0 · resamples 9,999 · 400 units by image" in text
    assert "sha256:abababababab" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_terminal_shows_every_value_at_any_width(report, width):
    text = printed(report, width)
    words = text.replace("\n", " ")
    for wanted in ("[.59,", "VI†", "unknown", "not settled", "Notes"):
        assert wanted in words
    for section in sections(report):
        assert section.detail or section.title in text
    assert max(map(len, text.splitlines())) <= width


def test_forbidden_words_are_never_printed(report):
    for text in (to_markdown(report), printed(report), printed(report, 70)):
        assert not re.search(FORBIDDEN, text, re.IGNORECASE)


FORBIDDEN = r"\b(un)?fair|unbiased|debiased model|no disparity detected|could have detected"
HOSTILE = [
    "a|b",
    "x\n\n# y",
    "<b>z</b>",
    "[red]k[/red]",
    "`c`",
    "\u202eabc",
    "\x1b[31mred",
    "n" * 10_000,
    "=1+1",
    "",
]


def test_hostile_names_break_neither_markdown_nor_terminal():
    names = [name or "empty" for name in HOSTILE]
    groups = {name: group(50, {"accuracy": cell(0.5, 0.1)}) for name in names}
    sides = Contrast(first=("a|b",), second=(names[1], names[2]), kind="cut", value=-0.1, low=-0.2, high=0.0)
    row = disparity(
        gap=0.1,
        role="primary",
        contrast=sides,
        raw=RawGap(difference=0.1, ratio=None, best_group="a|b", worst_group="x\n\n# y"),
        not_comparable=[Incomparable(groups=("a|b", name), reason=name) for name in names[1:]],
    )
    counts = dict.fromkeys(names, (3, 12))
    rows = {name: class_row(0.5, 50) for name in names}
    report = make_report(
        {
            "a|b\n": feature(
                groups,
                {"accuracy": row},
                screen={name: screen_row(counts, (names[0],), q=0.01) for name in names},
                annotators=full.annotators().model_copy(update={"columns": tuple(names)}),
            )
        },
        classes=tuple(names),
        per_class=rows,
        confusion=Confusion(labels=names, matrix=[[1] * len(names)] * len(names)),
        model="\x1b[31m<b>",
        task="t|\n# h",
        split="<s>",
        notes=("a\n# b", "<script>x</script>"),
        provenance=provenance(version="<i>|", interpreted=tuple(names)),
    )
    text = to_markdown(report)
    assert len(table(text, "By a&#124;b")) == len(HOSTILE)
    assert len(table(text, "Per class")) == len(HOSTILE)
    assert len(table(text, "Recall by class and a&#124;b")) == len(HOSTILE)
    assert table(text, "Disparity by a&#124;b")[0]["raw, includes class mix"] == r".10, x \# y → a&#124;b"
    assert "<script>" not in text
    assert "<b>" not in text
    shown = printed(report)
    assert "[red]k[/red]" in shown
    assert "\x1b" not in shown + text
    assert "\u202e" not in shown + text
    assert "n" * 1_001 not in text


def test_a_report_of_nothing_but_undefined_values():
    report = make_report(
        {"fst": feature({}, {})},
        n=0,
        overall={"accuracy": undefined("there is no image")},
        per_class={},
        confusion=Confusion(labels=(), matrix=()),
    )
    assert table(to_markdown(report), "Metrics")[0]["value"] == NONE + "¹"
    assert "there is no image" in printed(report)
