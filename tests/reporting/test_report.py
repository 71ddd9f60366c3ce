from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from dermbench.artifacts import Report
from dermbench.reporting import print_report, to_markdown
from dermbench.reporting.numbers import NONE
from dermbench.reporting.sections import sections


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


def test_summary_shows_value_interval_and_n(report):
    rows = table(to_markdown(report), "Summary")
    assert rows[0] == {"metric": "accuracy", "value": ".62", "95 % interval": "[.59, .65]", "n": "1,227"}
    assert [r["metric"] for r in rows] == ["accuracy", "macro-F1", "Cohen's κ"]
    rows = table(to_markdown(report), "Further metrics")
    assert [r["metric"] for r in rows] == ["MCC", "AUROC, one vs rest"]
    assert rows[-1]["value"] == NONE + "¹"
    assert "¹ predictions have no probabilities" in to_markdown(report)


def test_groups_are_in_order_marked_when_small_and_unknown_is_last(report):
    rows = table(to_markdown(report), "By Fitzpatrick skin type")
    assert [r["group"] for r in rows] == ["I", "II", "III", "IV", "V", "VI†", "unknown"]
    assert [r["n"] for r in rows] == ["238", "397", "243", "186", "83", "20", "60"]
    assert rows[5]["macro-F1 (95 %)"] == NONE + "²"
    assert table(to_markdown(report), "By Fitzpatrick skin type, further metrics")[6]["log loss (95 %)"] == NONE


def test_disparity_shows_gap_groups_chance_and_verdict(report):
    first, undefined, plain_gap = table(to_markdown(report), "Disparity by Fitzpatrick skin type")
    assert first["gap"] == ".12"
    assert first["worst → best"] == "VI .50 → II .62"
    assert first["chance alone"] == ".11 / .20"
    assert first["95 % interval"] == "[.00, .24]"
    assert first["p"] == ".380"
    assert first["verdict"] == "no disparity detected (could have detected ≥ .18)"
    assert undefined["gap"] == NONE + "¹"
    assert undefined["worst → best"] == NONE
    assert plain_gap["chance alone"] == plain_gap["verdict"] == NONE


def test_disparity_columns_without_values_are_left_out(report):
    (row,) = table(to_markdown(report), "Disparity by Fitzpatrick skin-type band")
    assert list(row) == ["metric", "gap", "worst → best"]


def test_reasons_by_field_are_numbered(raw):
    block = raw["features"]["fst"]["disparities"]["accuracy"]
    block |= {"low": None, "high": None, "reasons": {"low": "too few units"}}
    raw["features"]["fst"]["disparities"]["macro_f1"] = {"difference": None, "reasons": {"reason": "no class"}}
    raw["features"]["fst"]["disparities"]["cohen_kappa"] |= {"low": 0.0, "high": 0.3}
    text = to_markdown(Report.model_validate(raw))
    first, second, third = table(text, "Disparity by Fitzpatrick skin type")
    assert first["95 % interval"] == NONE + "¹"
    assert second["gap"] == NONE + "²"
    assert third["95 % interval"] == "[.00, .30]"
    assert "¹ too few units" in text
    assert "² no class" in text


def test_compared_values_of_a_macro_metric_are_shown(raw):
    raw["features"]["fst"]["disparities"]["cohen_kappa"] |= {
        "values": {"II": 0.71, "VI": 0.42},
        "classes": ["NEV", "MEL"],
    }
    text = to_markdown(Report.model_validate(raw))
    row = table(text, "Disparity by Fitzpatrick skin type")[2]
    assert row["worst → best"] == "VI .42 → II .71"
    assert "Cohen's κ: compared over the 2 classes with enough cases in every group." in text


def test_reasons_of_columns_that_are_not_shown_are_not_printed(raw):
    raw["features"]["fst"]["disparities"]["cohen_kappa"]["reasons"] = {"low": "too few units"}
    report = Report.model_validate(raw)
    assert "too few units" in to_markdown(report)
    assert "too few units" in printed(report, 160)
    assert "too few units" not in printed(report, 66, full=False)
    assert "macro-F1 is undefined in group VI" in printed(report)


def test_annotators_and_intersections_have_titles(raw):
    raw["features"] = {"fst_centaur": raw["features"]["fst"], "fst,sex": raw["features"]["fst_band"]}
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
    assert "seed 0" in text
    assert "commit 0123456789 with changes" in text
    assert "sha256:abababababab" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_terminal_shows_every_value_at_any_width(report, width):
    text = printed(report, width)
    words = text.replace("\n", " ")
    for wanted in ("[.59,", "VI†", "unknown", "no disparity", "Notes"):
        assert wanted in words
    for section in sections(report):
        assert section.detail or section.title in text
    assert max(map(len, text.splitlines())) <= width


def test_the_word_is_never_printed(report):
    for text in (to_markdown(report), printed(report), printed(report, 70)):
        assert not re.search(r"\b(un)?fair|unbiased|debiased", text, re.IGNORECASE)


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


def test_hostile_names_break_neither_markdown_nor_terminal(raw):
    groups = {name or "empty": {"n": 50, "accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}} for name in HOSTILE}
    raw["features"] = {
        "a|b\n": {
            "groups": groups,
            "disparities": {"accuracy": {"difference": 0.1, "best_group": "a|b", "worst_group": "x\n\n# y"}},
        }
    }
    names = [name or "empty" for name in HOSTILE]
    raw["classes"] = names
    raw["per_class"] = {name: {"support": 50, "precision": {"value": None, "reason": name}} for name in names}
    raw["confusion"] = {"labels": names, "matrix": [[1] * len(names)] * len(names)}
    raw |= {"task": "t|\n# h", "split": "<s>", "notes": ["a\n# b", "<script>x</script>"]}
    report = Report.model_validate(raw)
    text = to_markdown(report)
    assert len(table(text, "By a&#124;b")) == len(HOSTILE)
    assert len(table(text, "Per class")) == len(HOSTILE)
    assert table(text, "Disparity by a&#124;b")[0]["worst → best"].startswith(r"x \# y .50 →")
    assert "<script>" not in text
    assert "<b>" not in text
    shown = printed(report)
    assert "[red]k[/red]" in shown
    assert "\x1b" not in shown + text
    assert "\u202e" not in shown + text
    assert "n" * 1_001 not in text


def test_a_report_of_nothing_but_undefined_values(raw):
    empty = {"value": None, "reason": "there is no image"}
    raw |= {
        "n": 0,
        "overall": {"accuracy": empty},
        "per_class": {},
        "confusion": {},
        "features": {"fst": {"groups": {}, "disparities": {}}},
        "notes": [],
        "provenance": {},
    }
    report = Report.model_validate(raw)
    assert table(to_markdown(report), "Summary")[0]["value"] == NONE + "¹"
    assert "there is no image" in printed(report)
