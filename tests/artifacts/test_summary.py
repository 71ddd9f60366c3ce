from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reporting"))  # makes `report_records` importable

import full
from report_records import cell, class_row, disparity, feature, group, provenance, screen_row, shown
from report_records import report as make_report

from dermbench.artifacts.report import Contrast, Positive, Primary, RawGap, Undefined, Unit, undefined
from dermbench.artifacts.report.summary import class_extremes, summary
from dermbench.artifacts.wording import NONE

FORBIDDEN = r"\b(un)?fair|unbiased|no disparity detected|could have detected"
TYPES = ("I", "II", "III", "IV", "V", "VI")
SIZES = dict(zip(TYPES, (100, 90, 80, 60, 40, 20), strict=True)) | {"unknown": 10}


def sentences(made, **about):
    found = {sentence.kind: sentence.text for sentence in summary(made, **about)}
    assert not [text for text in found.values() if re.search(FORBIDDEN, text, re.IGNORECASE)]
    assert [text for text in found.values() if not text.endswith(".")] == []
    return found


def skin(row, sizes=SIZES, **changed):
    return feature(
        {name: group(n, {"accuracy": cell(0.6)}) for name, n in sizes.items()}, {"accuracy": row}, **changed
    )


def of(row, name="fst", **changed):
    return make_report({name: skin(row)}, **changed)


def test_three_to_seven_sentences_in_order():
    assert [s.kind for s in full.report().summary] == [
        "tested", "no_answer", "classes", "primary", "groups", "fails", "limits",
    ]  # fmt: skip
    assert 3 <= len(make_report({}).summary) <= 7


def test_what_was_tested_on_whom():
    assert sentences(of(disparity(role="primary")))["tested"] == (
        "lite0, seed 0 was tested on 400 images of the test split of made-up, in 3 classes; by skin type: I 100, "
        "II 90, III 80, IV 60, V 40, VI 20, unknown 10."
    )
    assert sentences(make_report({}, model=None))["tested"] == (
        "The model was tested on 400 images of the test split of made-up, in 3 classes."
    )
    whole = sentences(make_report({}, model=None, split="all"))["tested"]
    assert whole == "The model was tested on 400 images of the table made-up, in 3 classes."


def test_the_counts_are_those_of_the_skin_type_where_there_is_one():
    sexes = {"female": group(60, {}), "male": group(40, {})}
    both = {"sex": feature(sexes, {"accuracy": disparity(role="primary")}), "fst": skin(disparity())}
    assert "; by skin type: I 100" in sentences(make_report(both))["tested"]
    assert "; by sex: female 60, male 40, unknown 0." in sentences(make_report({"sex": both["sex"]}))["tested"]
    none = make_report({"sex": feature(sexes, {})}, primary=None)
    assert "; by sex: female 60" in sentences(none)["tested"]


def test_the_best_and_worst_classes_with_their_support():
    rows = {
        name: class_row(f1, 10) for name, f1 in zip("abcdefg", (0.9, 0.1, 0.5, None, 0.5, 0.2, 0.8), strict=True)
    }
    extremes = class_extremes(rows)
    assert extremes.best == ("a", "g", "c")
    assert extremes.worst == ("b", "f", "e")
    text = sentences(make_report({}, classes=tuple(rows), per_class=rows))["classes"]
    assert text == (
        "Highest F1: a .90 (n = 10), g .80 (n = 10) and c .50 (n = 10). "
        "Lowest: b .10 (n = 10), f .20 (n = 10) and e .50 (n = 10)."
    )


@pytest.mark.parametrize("n", range(7))
def test_no_class_is_among_the_best_and_the_worst(n):
    extremes = class_extremes({str(i): class_row(0.5, 10) for i in range(n)})
    assert not set(extremes.best) & set(extremes.worst)
    assert len(extremes.best) == len(extremes.worst) == min(3, n // 2)


def test_one_class_cannot_be_ranked():
    text = sentences(make_report({}, per_class={"a": class_row(0.5, 9), "b": class_row(None, 0)}))["classes"]
    assert text == "The classes cannot be ranked: fewer than two have an F1."


CUT = Contrast(first=("I", "II", "III", "IV"), second=("V", "VI"), kind="cut", value=0.15, low=0.06, high=0.24)
NUMBERS = "(gap .15, at least .06, at most .27; p .003)"
BELOW = f"types V{NONE}VI lie below types I{NONE}IV by .15 [.06, .24]"


GAP = "the gap in accuracy between skin types"
ANSWERS = {
    "disparity": f"Accuracy differs between skin types beyond chance: {BELOW} {NUMBERS}.",
    "disparity_within_margin": (
        f"Accuracy differs between skin types beyond chance, by less than the stated margin of .30: {BELOW} "
        f"{NUMBERS}."
    ),
    "undecided": f"Not settled: {GAP} may be anywhere from 0 to .29 (.12 here; p .200).",
    "no upper limit": f"Not settled: {GAP} is .12 here, and has no upper limit; p .200.",
    "not bounded": (
        f"Not settled: {GAP} is beyond chance (p .030), but its size is not bounded from below; it is .12 here "
        "and at most .29."
    ),
    "within_margin": (
        "Within the stated margin of .30: the difference in accuracy between skin types, averaged over classes, "
        "is below .30 (gap .12, at least .00, at most .29; p .200); differences within a class, melanoma "
        "included, are not bounded by this."
    ),
    "no verdict": (
        "No verdict on accuracy between skin types: fewer than 30 units; the gap is .12, at least .00, at most "
        ".29."
    ),
    "no gap": "No answer on accuracy between skin types: one group is known.",
}


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (shown(contrast=CUT), "disparity"),
        (shown(contrast=CUT, margin=0.3), "disparity_within_margin"),
        (disparity(role="primary"), "undecided"),
        (disparity(role="primary", high=None, reasons={"high": "none"}), "no upper limit"),
        (disparity(role="primary", p_value=0.03), "not bounded"),
        (disparity(role="primary", margin=0.3), "within_margin"),
        (disparity(role="primary", verdict=None, reasons={"verdict": "fewer than 30 units"}), "no verdict"),
        (Undefined(reason="one group is known"), "no gap"),
    ],
)
def test_the_answer_to_the_primary_question(row, answer):
    assert sentences(of(row))["primary"] == ANSWERS[answer]


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((("VI",), ("I", "II"), -0.15, -0.24, -0.06), f"type VI lies below types I{NONE}II by .15 [.06, .24]"),
        ((("I", "II"), ("VI",), 0.15, 0.06, 0.24), f"type VI lies below types I{NONE}II by .15 [.06, .24]"),
        ((("V-VI",), ("I-II",), -0.15, None, None), f"types V{NONE}VI lie below types I{NONE}II by .15 ("),
        ((("female",), ("male",), 0.15, 0.06, 0.24), "male lies below female by .15 [.06, .24]"),
    ],
)
def test_the_worse_side_of_a_contrast_comes_first(sides, words):
    first, second, value, low, high = sides
    contrast = Contrast(first=first, second=second, kind="cut", value=value, low=low, high=high)
    assert words in sentences(of(shown(contrast=contrast)))["primary"]


def test_of_a_loss_the_worse_side_lies_above():
    block = skin(disparity()).model_copy(update={"disparities": {"brier": shown(contrast=CUT)}})
    made = make_report({"fst": block}, primary=Primary(metric="brier", feature="fst"))
    worse = f"types I{NONE}IV lie above types V{NONE}VI by .15 [.06, .24]"
    said = sentences(made, title="Brier score", higher_is_better=False)["primary"]
    assert said.startswith(f"Brier score differs between skin types beyond chance: {worse}")


def test_a_metric_that_is_not_installed_and_other_features():
    block = skin(disparity()).model_copy(update={"disparities": {"new_metric": shown(contrast=CUT)}})
    made = make_report({"sex,age": block}, primary=Primary(metric="new_metric", feature="sex,age"))
    assert sentences(made)["primary"].startswith(
        "New metric differs by sex \N{MULTIPLICATION SIGN} age beyond chance"
    )
    absent = make_report({"fst": skin(disparity())}, primary=Primary(metric="mcc", feature="fst"))
    assert sentences(absent, title="MCC")["primary"] == "No answer on MCC between skin types: it was not computed."


def test_what_a_margin_does_not_bound():
    row = disparity(role="primary", margin=0.3)
    positive = Positive(classes=("nevus", "eczema"), source="--positive", leads=True)
    assert "within a class, nevus and eczema included, are" in sentences(of(row, positive=positive))["primary"]
    assert "within a class are not bounded" in sentences(of(row, classes=("a", "b")))["primary"]


def screened(rows, sizes=SIZES):
    return make_report({"fst": skin(disparity(role="primary"), sizes, screen=rows)})


def test_where_it_fails_worst_first_and_at_most_two():
    def counts(k):
        return {name: (k, 15) if name in ("V", "VI") else (35, 40) for name in TYPES}

    rows = {
        "nevus": screen_row(counts(12), ("V", "VI"), q=0.03),
        "melanoma": screen_row(counts(8), ("V", "VI"), q=0.001),
        "eczema": screen_row(counts(2), ("V", "VI"), q=0.2),
        "acne": screen_row(counts(15), ("V", "VI"), q=0.001),
        "keloid": screen_row(counts(11), ("VI",), q=0.04),
    }
    assert sentences(screened(rows))["fails"] == (
        f"Where it fails: melanoma on V{NONE}VI: 16 of 30 recognised, 140 of 160 on I{NONE}IV (q .001); keloid "
        f"on VI: 11 of 15 recognised, 151 of 175 on I{NONE}V (q .040); 1 further class also stands out."
    )


def test_nothing_stands_out():
    rows = {"nevus": screen_row(dict.fromkeys(TYPES, (9, 10)), ("VI",)), "acne": screen_row({"I": (0, 0)})}
    said = "No class is recognised clearly less in some groups of skin type than in others (q > .05)"
    assert sentences(screened(rows))["fails"] == f"{said}."
    rows["acne"] = screen_row({"I": (0, 0), "II": (2, 9), "III": (9, 10)})
    few = "1 of 8 class \N{MULTIPLICATION SIGN} group cells hold fewer than 10 images"
    assert sentences(screened(rows))["fails"] == f"{said}; {few}."
    assert "fails" not in sentences(of(disparity(role="primary")))


def test_the_worst_and_the_best_group_with_their_plain_values():
    cells = {"I": cell(0.8, 0.1), "II": cell(0.85, 0.01), "VI": cell(0.5, 0.2, n=8), "unknown": cell(0.5)}

    def said(metric="accuracy"):
        raw = RawGap(difference=0.35, ratio=None, best_group="II", worst_group="VI")
        groups = {name: group(SIZES[name], {metric: item}) for name, item in cells.items()}
        row = disparity(role="primary", raw=raw)
        primary = Primary(metric=metric, feature="fst")
        return sentences(make_report({"fst": feature(groups, {metric: row})}, primary=primary))["groups"]

    values = ".50 [.30, .70] on type VI (n = 8); .85 [.84, .86] on type II (n = 400)."
    assert said() == f"Accuracy as it stands, class mix included: {values}"
    assert said("sensitivity") == f"Sensitivity as it stands: {values}"
    cells["V"] = cell(0.5, 0.3, n=6)
    assert ": .50 on types V\N{EN DASH}VI (n = 6 and 8); .85" in said()


def test_without_a_difference_or_a_raw_gap_no_group_is_the_worst():
    groups = {name: group(SIZES[name], {"accuracy": cell(0.5)}) for name in ("I", "VI")}
    raw = RawGap(difference=0.35, ratio=None, best_group="I", worst_group="VI")
    equal = disparity(role="primary", raw=raw.model_copy(update={"difference": 0.0}))
    assert "groups" not in sentences(make_report({"fst": feature(groups, {"accuracy": equal})}))
    unranked = disparity(role="primary", raw=None, reasons={"raw": "undefined in V"})
    assert "groups" not in sentences(make_report({"fst": feature(groups, {"accuracy": unranked})}))


def test_groups_without_order_are_the_others():
    rows = {"nevus": screen_row({"female": (3, 20), "male": (19, 20)}, ("female",), q=0.001)}
    sizes = {"female": 50, "male": 60}
    made = make_report({"sex": skin(disparity(role="primary"), sizes, screen=rows)})
    assert sentences(made)["fails"] == (
        "Where it fails: nevus on female: 3 of 20 recognised, 19 of 20 on the others (q .001)."
    )


def test_what_the_data_cannot_say():
    sizes = {"I": 100, "II": 50, "III": 40, "V": 20, "unknown": 10}
    made = make_report({"fst": skin(disparity(role="primary"), sizes, annotators=full.annotators())})
    assert sentences(made)["limits"] == (
        "What the data cannot say: no image of types IV and VI; too few images to compare: 20 of type V; 2 "
        "annotators give the same skin type to .67 of the images, and with the labels of each of "
        "them alone the gap is .10 to .15; no column says which images share a patient, so images "
        "count as independent."
    )


def test_data_that_can_say_everything_need_no_such_sentence():
    sizes = dict.fromkeys(TYPES, 50)
    alike = full.annotators().model_copy(update={"exact": cell(1.0, 0.0)})
    unit = provenance(unit=Unit(column="patient_id", count=90))
    made = make_report({"fst": skin(disparity(role="primary"), sizes, annotators=alike)}, provenance=unit)
    assert "limits" not in sentences(made)


def test_annotators_without_a_gap_and_reports_without_a_feature():
    silent = full.annotators().model_copy(update={"gap": Undefined(reason="none")})
    made = make_report({"fst": skin(disparity(role="primary"), annotators=silent)})
    assert "to .67 of the images; no column" in sentences(made)["limits"]
    unknown = full.annotators().model_copy(update={"exact": undefined("no image has both")})
    made = make_report({"fst": skin(disparity(role="primary"), annotators=unknown)})
    assert "annotators" not in sentences(made)["limits"]
    text = sentences(make_report({}))["limits"]
    assert "no sensitive feature was evaluated" in text
