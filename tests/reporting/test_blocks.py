from __future__ import annotations

import io

import pytest
from rich.console import Console

from dermbench.artifacts import Report
from dermbench.reporting import print_report
from dermbench.reporting.numbers import MINUS, NONE, Footnotes, verdict_text
from dermbench.reporting.sections import sections


def tables(raw):
    return {table.title: table for table in sections(Report.model_validate(raw))}


def rows(table):
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def printed(raw, width=80, *, full=False):
    stream = io.StringIO()
    print_report(Report.model_validate(raw), Console(file=stream, width=width, color_system=None), full=full)
    return stream.getvalue()


def test_the_summary_comes_first_with_one_line_a_feature_and_headline_metric(everything):
    first, second = list(tables(everything).values())[:2]
    assert [row[0] for row in first.rows] == ["accuracy", "balanced accuracy", "macro-F1", "Cohen's κ"]
    assert len(second.rows) == 2 * 4
    assert rows(second)[0] == {
        "feature": "Fitzpatrick skin type (3 groups, n = 380)",
        "metric": "accuracy",
        "gap": ".14",
        "worst → best": "VI .57 → I .71",
        "95 % interval": "[.00, .28]",
        "chance alone": ".06 / .11",
        "p": ".030",
        "could have detected": "≥ .13",
        "verdict": "evidence of a disparity",
    }


def test_p_of_the_summary_is_the_one_that_the_verdict_rests_on(everything):
    block = everything["features"]["fst"]["disparities"]["accuracy"]
    block |= {"p_value": 0.01, "tests": {"adjusted": 0.2, "omnibus": 0.1, "trend": 0.4}}
    assert rows(tables(everything)["Disparities"])[0]["p"] == ".200"
    block["tests"] = None
    assert rows(tables(everything)["Disparities"])[0]["p"] == ".010"


def test_identical_features_are_named_once(everything):
    found = tables(everything)
    assert not [title for title in found if "(scale)" in title]
    note = "Fitzpatrick skin type (scale): identical with Fitzpatrick skin type in every group and value."
    assert note in found["Disparities"].notes
    everything["features"]["fst_scale"]["groups"]["I"]["accuracy"]["value"] += 0.001
    assert "By Fitzpatrick skin type (scale)" in tables(everything)


def test_micro_f1_is_shown_once(everything):
    assert printed(everything, full=True).count("micro-F1") == 1
    del everything["overall"]["accuracy"]
    assert [r["metric"] for r in rows(tables(everything)["Further metrics"])][-1] == "log loss"


def test_worst_group_and_tests(everything):
    first = rows(tables(everything)["Worst group and spread by Fitzpatrick skin type"])[0]
    assert first["worst group"] == "VI .57, n = 60"
    assert first["at worst"] == ".41"
    assert first["runner-up"] == "III, p = .090"
    assert first["SD between groups"] == ".03 [.00, .11]"
    assert (first["p, range"], first["p, trend"]) == (".015", ".200")


def test_standardised_values_stand_beside_the_raw_ones(everything):
    table = tables(everything)["By Fitzpatrick skin type, same class mix"]
    first = rows(table)[0]
    assert first["accuracy (95 %)"] == ".71 [.66, .76]"
    assert first["standardised accuracy (95 %)"] == ".72 [.67, .77]"
    assert "unknown" not in [row[0] for row in table.rows]


def test_standardised_values_that_no_group_has_are_one_sentence(everything):
    for group in everything["features"]["fst"]["groups"].values():
        for name in [key for key in group if key.startswith("standardised")]:
            group[name] = {"value": None, "reason": "not estimable: 1 class"}
    table = tables(everything)["By Fitzpatrick skin type, same class mix"]
    assert table.rows == ()
    assert table.notes == (f"{NONE} not estimable: 1 class",)


def test_parity_stands_beside_chance_with_the_classes_left_out(everything):
    found = {row["measure"]: row for row in rows(tables(everything)["Parity by Fitzpatrick skin type"])}
    assert found["PQD"] == {
        "measure": "PQD",
        "value": ".80",
        "chance alone": ".88 [.78, .94]",
        "p": ".018",
        "classes left out": "0",
    }
    assert found["EOM"]["classes left out"] == "1¹"
    assert found["TPR range, largest"]["value"] == NONE + "²"
    ranges = rows(tables(everything)["Ranges by class and Fitzpatrick skin type"])
    assert [row["selection rate"] for row in ranges] == [NONE + "¹", ".20", ".10"]


def test_annotators_show_agreement_and_band(everything):
    found = tables(everything)
    (pair,) = rows(found["Agreement of the annotators"])
    assert pair["Cohen's κ (95 %)"] == ".59 [.54, .64]"
    assert pair["within ±1 (95 %)"] == NONE + "¹"
    band, empty = rows(found["Gap by annotator"])
    assert (band["gaps"], band["agreement only"], band["same verdict"]) == (".10 to .14", NONE, "no")
    assert band["verdicts"] == "evidence of a disparity, no disparity detected"
    assert empty["gaps"] == NONE + "¹"


def test_calibration_and_abstention(everything):
    found = tables(everything)
    table = rows(found["Calibration by Fitzpatrick skin type"])
    assert [row["group"] for row in table] == ["all images", "I", "III", "VI", "unknown"]
    assert table[0][f"confidence {MINUS} accuracy (95 %)"] == f"{MINUS}.05 [{MINUS}.09, {MINUS}.01]"
    assert table[-1]["squared error"] == NONE + "¹"
    abstention = found["Abstention by Fitzpatrick skin type"]
    assert abstention.rows[0] == ("all images", ".80 [.75, .85]", ".20 [.15, .25]")
    assert "fitted on val" in abstention.notes[0]


def test_calibration_without_probabilities_says_why(everything):
    everything["calibration"] = {"reason": "needs probabilities"}
    assert tables(everything)["Calibration"].notes == (f"{NONE} needs probabilities",)
    everything["calibration"] = {}
    assert "Calibration" not in tables(everything)


def test_unranked_gaps_keep_interval_chance_and_reason(everything):
    everything["features"]["fst"]["disparities"]["accuracy"] |= {
        "difference": None,
        "reason": "not ranked: n < 30",
    }
    table = tables(everything)["Disparities"]
    first = rows(table)[0]
    assert (first["gap"], first["worst → best"], first["chance alone"]) == (NONE + "¹", NONE, ".06 / .11")
    assert "¹ not ranked: n < 30" in table.notes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no disparity detected (could have detected ≥ 0.23)",
            "no disparity detected (could have detected ≥ .23)",
        ),
        ("could have detected ≥ 0.026", "could have detected ≥ .03"),
        ("≥ 0.1", "≥ .10"),
        ("≥ 1.2", "≥ 1.20"),
        ("≥ 5e-05", "≥ .00"),
        ("too small to tell", "too small to tell"),
    ],
)
def test_numbers_of_verdicts_look_like_those_of_tables(text, shown):
    assert verdict_text(text) == shown


def test_a_verdict_and_its_column_round_the_same_number(everything):
    block = everything["features"]["fst"]["disparities"]["accuracy"]
    block |= {"minimum_detectable": 0.0848, "verdict": "no disparity detected (could have detected ≥ 0.085)"}
    row = next(row for row in rows(tables(everything)["Disparities"]) if row["metric"] == "accuracy")
    assert row["could have detected"] == "≥ .08"
    assert row["verdict"] == "no disparity detected (could have detected ≥ .08)"


def test_reasons_that_differ_in_numbers_share_a_line():
    notes = Footnotes(merge=True)
    reasons = ("4 of 21 classes", "18 of 21 classes", "no F1", "no F2")
    assert [notes.mark(reason) for reason in reasons] == ["¹", "¹", "²", "³"]
    assert notes.lines() == ["¹ 4 to 18 of 21 classes", "² no F1", "³ no F2"]


def test_short_report_shows_the_main_feature_and_headline_metrics(everything):
    short, long = printed(everything), printed(everything, full=True)
    assert "By Fitzpatrick skin type (centaur)" not in short
    assert "By Fitzpatrick skin type (centaur)" in long
    assert "fst_centaur: 20 unknown" not in short
    assert "Parity" not in short
    assert 2 * len(short.splitlines()) < len(long.splitlines())


@pytest.mark.parametrize("width", [80, 120])
def test_no_table_is_folded_at_usual_widths(everything, width):
    lines = printed(everything, width, full=True).splitlines()
    assert max(map(len, lines)) <= width
    for row in ("accuracy ", "Cohen's κ "):
        assert [line for line in lines if line.startswith(row)]
    assert not [line for line in lines if line.strip().startswith(("→", "[.", "tell"))]
