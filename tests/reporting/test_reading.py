from __future__ import annotations

import pytest
from report_records import disparity, feature, shown
from report_records import report as make_report

from dermbench.artifacts.report import Contrast, Primary, Undefined
from dermbench.reporting.reading import reading

CUT = Contrast(first=("V", "VI"), second=("I", "II"), kind="cut", value=-0.15, low=-0.24, high=-0.06)
USUAL = "If the groups made no difference, a gap of .06 would be usual."
CONTRAST = (
    "Read the gap as: class held fixed, accuracy on type VI is .12 below types I and III; the data are compatible "
    "with anything from .02 above to .26 below."
)
APART = f"{CONTRAST} The two groups that differ most are .12 apart"


def read(row, metric="accuracy"):
    made = make_report({"fst": feature({}, {metric: row})}, primary=Primary(metric=metric, feature="fst"))
    return reading(made).replace("\N{EN DASH}", "-")


def primary(**changed):
    return disparity(role="primary", **changed)


def test_a_disparity_names_the_worse_side_first_and_what_the_data_allow():
    said = (
        "Read the gap as: class held fixed, accuracy on types V-VI is .15 below types I-II; the data are "
        "compatible with .06 to .24. The two groups that differ most are .15 apart, at least .06 and at most .27. "
        f"{USUAL} So there is a difference beyond chance."
    )
    assert read(shown()) == said
    turned = Contrast(first=CUT.second, second=CUT.first, kind="cut", value=0.15, low=0.06, high=0.24)
    assert read(shown(contrast=turned)) == said


def test_of_a_loss_the_larger_side_is_the_worse_one():
    assert "class held fixed, log loss on types I-II is .15 above types V-VI; the data" in read(
        shown(contrast=Contrast(first=CUT.second, second=CUT.first, kind="cut", value=0.15, low=0.06, high=0.24)),
        "log_loss",
    )


def test_a_disparity_without_limits_of_the_contrast_or_of_the_gap():
    bare = CUT.model_copy(update={"low": None, "high": None})
    said = read(shown(contrast=bare, high=None, reasons={"high": "not a mean over images."}))
    assert "accuracy on types V-VI is .15 below types I-II. The two groups" in said
    assert "are .15 apart, at least .06 and without an upper limit (not a mean over images)." in said
    none = read(shown(contrast=None, reasons={"contrast": "too few"}))
    assert "the two groups that differ most are .15 apart in accuracy, at least .06 and at most .27." in none


def test_a_disparity_below_the_margin():
    said = read(shown(margin=0.3))
    assert said.endswith("So there is a difference beyond chance, and it is below the stated margin of .30.")


def test_a_gap_within_the_margin():
    assert read(primary(margin=0.3)) == (
        f"{APART}, at least .00 and at most .29. {USUAL} So the gap is below the stated "
        "margin of .30, averaged over classes; within a single class it may be larger."
    )


@pytest.mark.parametrize(
    ("margin", "end"),
    [(None, "its absence"), (0.1, "a gap below the stated margin of .10")],
    ids=["plain", "margin"],
)
def test_an_undecided_row_shows_neither_difference_nor_margin(margin, end):
    assert read(primary(margin=margin)) == (
        f"{APART}, at least .00 and at most .29. {USUAL} So neither a difference nor {end} is shown."
    )


def test_without_an_upper_limit():
    said = read(primary(high=None, reasons={"high": "not a mean over images"}))
    assert f"{APART}, at least .00 and without an upper limit (not a mean over images)." in said
    assert said.endswith("So neither a difference nor its absence is shown.")


def test_beyond_chance_without_a_lower_limit():
    said = read(primary(p_value=0.03))
    assert f"{APART}, at least .00 and at most .29." in said
    assert said.endswith("So there is a difference beyond chance, of unknown smallest size.")


def test_no_limits_no_chance_no_verdict_have_their_reasons():
    why = {"low": "too few units", "high": "b", "chance": "c", "p_value": "d", "verdict": "rejected too often"}
    said = read(
        primary(
            low=None,
            high=None,
            chance=None,
            p_value=None,
            verdict=None,
            contrast=None,
            reasons=why | {"contrast": "e"},
        )
    )
    assert said == (
        "Read the gap as: class held fixed, the two groups that differ most are .12 apart in accuracy, "
        "without a lower limit (too few units) and without an upper limit (b). Which "
        "gap is usual by chance is not known: c. There is no verdict: rejected too often."
    )


def test_an_undefined_row_has_its_reason_and_a_report_without_groups_says_so():
    assert read(Undefined(reason="fewer than two known groups of fst")) == (
        "There is no gap to read: fewer than two known groups of fst."
    )
    assert "no gap between subgroups to read" in reading(make_report({}))
    missing = make_report({"fst": feature({}, {})}, primary=Primary(metric="accuracy", feature="fst"))
    assert reading(missing) == "There is no gap to read: it was not computed."
