from __future__ import annotations

import io

import pytest
from report_records import disparity
from rich.console import Console

from dermbench.artifacts.report import Report, Undefined
from dermbench.artifacts.wording import MINUS, NONE
from dermbench.reporting import print_report
from dermbench.reporting.sections import sections
from dermbench.reporting.sections.disparity import gap_text, verdict_words


def tables(raw):
    return {table.title: table for table in sections(Report.model_validate(raw))}


def rows(table):
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def printed(raw, width=80, *, full=False):
    stream = io.StringIO()
    print_report(Report.model_validate(raw), Console(file=stream, width=width, color_system=None), full=full)
    return stream.getvalue()


def test_the_summary_comes_first_with_one_line_a_feature_and_headline_metric(everything):
    summary, lost, points, metrics, gaps = list(tables(everything).values())[:5]
    assert lost.title == "Images without a usable prediction"
    assert points.title == "Sensitivity and specificity"  # where positive classes lead
    assert [sentence["text"] for sentence in everything["summary"]] == list(summary.sentences)
    assert [row[0] for row in metrics.rows] == ["accuracy", "balanced accuracy", "Cohen's κ", "macro-F1"]
    assert len(gaps.rows) == 4 + 1
    assert rows(gaps)[0] == {
        "feature": "Fitzpatrick skin type (5 groups, n = 380)",
        "metric": "accuracy (primary)",
        "gap": ".15",
        "at least": ".06",
        "at most": ".27",
        "chance": ".06",
        "p": ".003",
        "verdict": "disparity",
        "overlap": ".90",
        "raw, includes class mix": ".16, VI → I",
    }


def test_pairs_that_are_not_compared_are_named(everything):
    table = tables(everything)["Disparities"]
    assert rows(table)[3]["overlap"] == ".90²"
    assert "² not comparable: I and VI, II and VI (they share too few classes)" in table.notes


def test_macro_averages_name_the_classes_behind_them(everything):
    notes = tables(everything)["Disparities"].notes
    assert "Fitzpatrick skin type, macro-F1: gaps over 2 of 3 classes." in notes
    assert "Fitzpatrick skin type, balanced accuracy: gaps over 3 of 3 classes." in notes
    assert not [note for note in notes if note.startswith("Fitzpatrick skin type, accuracy")]


def test_the_family_of_questions_is_stated(everything):
    assert [
        note for note in tables(everything)["Disparities"].notes if note.startswith("2 questions. The primary")
    ]
    everything["family"] = None
    assert not [note for note in tables(everything)["Disparities"].notes if "questions" in note]


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
    assert "micro-F1" in [r["metric"] for r in rows(tables(everything)["Further metrics"])]


def test_contrasts_and_spread(everything):
    first, second = rows(tables(everything)["Contrasts and spread by Fitzpatrick skin type"])[:2]
    assert first == {
        "metric": "accuracy (primary)",
        "clearest contrast": f"V{NONE}VI minus I{NONE}II: {MINUS}.15 [{MINUS}.24, {MINUS}.06]",
        "SD between groups": ".03 [.00, .06]",
        "raw ratio": ".78",
    }
    assert second["raw ratio"] == NONE


def test_recall_by_class_and_group_marks_thin_cells_and_those_that_stand_out(everything):
    table = tables(everything)["Recall by class and Fitzpatrick skin type"]
    assert rows(table)[1] == {
        "class": "melanoma",
        "I": "40/45",
        "II": "20/22",
        "III": "25/30",
        "V": "8/14*",
        "VI": "3/8†*",
        "lowest": f"V{NONE}VI: 11/22 against 85/97",
        "q": ".004",
    }
    assert rows(table)[2]["III"] == NONE
    assert rows(table)[2]["lowest"] == NONE
    everything["features"]["fst"]["screen"] = {"reason": "one class"}
    assert tables(everything)[table.title].notes == (f"{NONE} one class",)


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
        "chance": ".88",
        "p": ".018",
        "classes left out": "0",
    }
    assert found["EOM"]["classes left out"] == "1¹"
    assert found["TPR range, largest"]["value"] == NONE + "²"
    ranges = rows(tables(everything)["Ranges by class and Fitzpatrick skin type"])
    assert [row["selection rate"] for row in ranges] == [NONE + "¹", ".20", ".10"]


def test_annotators_are_one_band(everything):
    (row,) = rows(tables(everything)["Annotators of Fitzpatrick skin type"])
    assert row == {
        "annotators": "fst, fst_centaur",
        "same label (95 %)": ".67 [.62, .72]",
        "within ±1 (95 %)": NONE + "¹",
        "gap in accuracy": ".10 to .15",
    }
    everything["features"]["fst"]["annotators"]["gap"] = {"reason": "no pair is comparable"}
    table = tables(everything)["Annotators of Fitzpatrick skin type"]
    assert rows(table)[0]["gap in accuracy"] == NONE + "¹"


def test_calibration_and_abstention(everything):
    found = tables(everything)
    table = rows(found["Calibration by Fitzpatrick skin type"])
    assert [row["group"] for row in table] == ["all images", "I", "II", "III", "V", "VI", "unknown"]
    assert table[0][f"confidence {MINUS} accuracy (95 %)"] == f"{MINUS}.05 [{MINUS}.09, {MINUS}.01]"
    assert table[-1]["squared error"] == NONE + "¹"
    abstention = found["Abstention by Fitzpatrick skin type"]
    assert abstention.rows[0] == ("all images", ".80 [.75, .85]", ".20 [.15, .25]")
    assert "fitted on val" in abstention.notes[0]


def test_calibration_without_probabilities_says_why(everything):
    everything["calibration"]["abstention"] = {"reason": "no validation predictions"}
    assert tables(everything)["Abstention"].notes == (f"{NONE} no validation predictions",)
    everything["calibration"] = {"reason": "needs probabilities"}
    assert tables(everything)["Calibration"].notes == (f"{NONE} needs probabilities",)


def test_a_gap_that_is_undefined_is_a_dash_with_its_reason(everything):
    everything["features"]["fst"]["disparities"]["accuracy"] = {"reason": "not ranked: n < 30"}
    table = tables(everything)["Disparities"]
    first = rows(table)[0]
    assert (first["gap"], first["chance"], first["verdict"]) == (NONE + "¹", NONE, NONE)
    assert "¹ not ranked: n < 30" in table.notes


@pytest.mark.parametrize(
    ("changed", "words", "text"),
    [
        ({}, "not settled", ".12 [.00, .29]"),
        ({"p_value": 0.03}, "size not bounded", ".12 [.00, .29]"),
        ({"p_value": 0.03, "low": 0.05}, "disparity", ".12 [.05, .29]"),
        ({"margin": 0.3}, "within margin .30", ".12 [.00, .29]"),
        ({"margin": 0.3, "p_value": 0.03, "low": 0.05}, "disparity, within margin .30", ".12 [.05, .29]"),
        ({"high": None, "reasons": {"high": "none"}}, "not settled", f".12 [.00, {NONE}]"),
    ],
)
def test_verdicts_in_words_and_gaps_with_limits(changed, words, text):
    row = disparity(**({"role": "primary"} | changed))
    assert (verdict_words(row), gap_text(row)) == (words, text)


def test_no_verdict_and_no_gap_are_dashes():
    missing = Undefined(reason="one group")
    silent = disparity(verdict=None, reasons={"verdict": "log loss"})
    assert (verdict_words(missing), gap_text(missing), verdict_words(silent)) == (NONE, NONE, NONE)


def test_short_report_shows_the_main_feature_and_headline_metrics(everything):
    short, long = printed(everything), printed(everything, full=True)
    assert "Contrasts and spread by sex" not in short
    assert "Contrasts and spread by sex" in long
    assert "sex: 3 images" not in short
    assert "sex: 3 images" in long
    assert "The model's class mel is read as melanoma." in short
    assert "Parity" not in short
    assert 3 * len(short.splitlines()) < 2 * len(long.splitlines())


@pytest.mark.parametrize("width", [80, 120])
def test_no_table_is_folded_at_usual_widths(everything, width):
    lines = printed(everything, width, full=True).splitlines()
    assert max(map(len, lines)) <= width
    for row in ("accuracy ", "Cohen's κ "):
        assert [line for line in lines if line.startswith(row)]
    assert not [line for line in lines if line.strip().startswith(("→", "[.", "tell"))]
