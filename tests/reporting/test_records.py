"""The records of a report: what can be made, what is written, and what a quick check compares."""

from __future__ import annotations

import json

import full
import numpy as np
import pytest
import record_keys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from report_records import cell, class_row, disparity, feature, group, screen_row, shown
from report_records import report as make_report

from dermbench.artifacts.report import (
    Cell,
    Confusion,
    Contrast,
    Disparity,
    Extremes,
    GapRange,
    Group,
    ParityMeasure,
    Report,
    ScreenCell,
    Undefined,
    Verdict,
    Worst,
    compact_json,
    report_schema,
    reproducible,
    settled,
    undefined,
    verdict_kind,
)
from dermbench.errors import InputError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
SHARES = st.floats(min_value=0, max_value=1)
NAMES = st.text(min_size=1, max_size=8)


@st.composite
def cells(draw):
    if draw(st.booleans()):
        return undefined(draw(NAMES), n=draw(st.none() | st.integers(0, 9)))
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    drawn = draw(st.booleans())
    return draw(
        st.sampled_from(
            [
                Cell(value=value, low=low, high=high, n=3, method="bootstrap", drawn=drawn),
                Cell(value=value, reason="too few"),
            ]
        )
    )


@st.composite
def gaps(draw):
    low, gap, high = sorted(draw(st.tuples(SHARES, SHARES, SHARES)))
    p = draw(st.none() | SHARES)
    if p is None or round(p, 6) > 0.05:
        low = 0.0
    reasons = dict.fromkeys(("high", "p_value"), "because")
    margin = draw(st.none() | SHARES)
    told = {"low": low, "gap": gap, "high": draw(st.sampled_from([high, None])), "p_value": p, "margin": margin}
    return disparity(role="primary", between_group_sd=draw(cells()), reasons=reasons, **told)


SLOW_START = settings(suppress_health_check=[HealthCheck.too_slow])
"""The first draw of text builds tables of characters, which takes seconds in a fresh clone."""


@SLOW_START
@given(cells())
def test_a_cell_is_read_back_as_it_was_written(item):
    assert Cell.model_validate(json.loads(compact_json(item.document()))) == item


@SLOW_START
@given(gaps())
def test_a_disparity_is_read_back_as_it_was_written(item):
    assert Disparity.model_validate(json.loads(compact_json(item.document()))) == item


@settings(SLOW_START, max_examples=40)
@given(st.dictionaries(NAMES, cells(), max_size=4), gaps())
def test_a_report_is_read_back_as_it_was_written(values, row):
    values = {name: item for name, item in values.items() if name not in {"n", "units", "small", "cells"}}
    made = make_report({"fst": feature({"V": group(12, values), "I": group(50, values)}, {"accuracy": row})})
    again = Report.model_validate(json.loads(made.text()))
    assert again == made
    assert again.text() == made.text()


def test_a_written_report_is_read(tmp_path):
    made = full.report()
    made.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == made


def test_a_report_of_version_1_gets_one_message(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"schema": "dermbench.report/1", "task": "x", "n": 3, "features": {"fst": 1}}))
    with pytest.raises(InputError) as caught:
        Report.read(path)
    assert caught.value.problems == ("made by an older version of dermbench",)
    assert caught.value.remedy == "Evaluate again: dermbench eval."


@pytest.mark.parametrize("schema", ["dermbench.comparison/2", "dermbench.report/3", 7, "\x1b[2J" * 999])
def test_another_document_gets_one_message(schema, tmp_path):
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps({"schema": schema, "models": {"a": 1, "b": 2}}))
    with pytest.raises(InputError) as caught:
        Report.read(path)
    (problem,) = caught.value.problems
    assert problem.endswith("; 'dermbench.report/2' is needed")
    assert len(problem) < 700
    assert "\x1b" not in problem
    assert caught.value.remedy == "Give the report.json of dermbench eval."


def test_a_broken_report_names_every_problem(tmp_path):
    document = full.report().document()
    document["n"] = -1
    document["features"]["fst"]["disparities"]["accuracy"]["gap"] = "wide"
    document["more"] = 1
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        Report.read(path)
    where = [problem.split(":")[0] for problem in caught.value.problems]
    assert len(where) == 3
    assert {"n", "more"} < set(where)
    path.write_text("[]")
    with pytest.raises(InputError):
        Report.read(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        Report.read(path)


# rows that contradict themselves


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"low": 0.01}, "at least 0.01 with p 0.2"),
        ({"low": 0.01, "p_value": None, "reasons": {"p_value": "none"}}, "at least 0.01 with p None"),
        ({"low": 0.13, "p_value": 0.01}, "above the gap"),
        ({"high": 0.11}, "below the gap"),
        ({"high": None}, "no reason why there is no high"),
        ({"verdict": None}, "no reason why there is no verdict"),
        ({"verdict": Verdict(kind="disparity", margin=None, text="")}, "numbers that say undecided"),
        ({"verdict": Verdict(kind="within_margin", margin=None, text="")}, "numbers that say undecided"),
        (
            {"verdict": Verdict(kind="within_margin", margin=0.2, text=""), "role": "primary"},
            "numbers that say undecided",
        ),
        (
            {"p_value": 0.01, "low": 0.05, "verdict": Verdict(kind="undecided", margin=None, text="")},
            "numbers that say disparity",
        ),
        ({"margin": 0.3}, "a margin belongs to the primary row"),
        ({"p_value": 1.2}, "less than or equal to 1"),
        ({"gap": float("nan")}, "finite"),
    ],
)
def test_a_row_that_contradicts_itself_cannot_be_made(changed, words):
    with pytest.raises(ValidationError, match=words):
        disparity(**changed)


def test_a_statement_about_the_margin_can_be_withheld():
    held = Verdict(kind="undecided", margin=0.3, text="")
    assert disparity(role="primary", verdict=held).verdict == held
    found = Verdict(kind="disparity", margin=0.3, text="")
    assert shown(verdict=found).verdict == found


@SLOW_START
@given(st.none() | SHARES, st.none() | SHARES, st.none() | SHARES, st.none() | SHARES)
def test_kinds_of_verdicts(p_value, low, high, margin):
    kind = verdict_kind(p_value, low, high, margin)
    differs = p_value is not None and round(p_value, 6) <= 0.05 and low is not None and round(low, 6) > 0
    assert kind.startswith("disparity") == differs
    if "within_margin" in kind:
        assert high < margin
    assert verdict_kind(p_value, low, high, None) in {"disparity", "undecided"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cell(value=None), "needs a reason"),
        (lambda: Cell(value=0.5, low=0.4), "two ends"),
        (lambda: Cell(value=0.5, low=0.6, high=0.4), "reversed"),
        (lambda: Cell(value=None, reason="x", low=0.1, high=0.2), "no interval"),
        (lambda: Cell(value=float("inf")), "finite"),
        (lambda: Cell(value=0.5, standard_error=0.1), "Extra inputs"),
        (lambda: Undefined(reason=""), "at least 1"),
        (lambda: Group(n=1, units=1, small=True, cells={"n": cell(0.5)}), "no metric can be called n"),
        (lambda: ScreenCell(k=3, n=2, low=0, high=1, q=None, thin=True), "3 of 2"),
        (lambda: ScreenCell(k=1, n=12, low=0, high=1, q=None, thin=True), "thin means"),
        (lambda: Worst(groups=("V",), k=2, n=1, rest_k=0, rest_n=0, q=0.5), "more images recognised"),
        (lambda: GapRange(min=0.2, max=0.1), "is above"),
        (lambda: ParityMeasure(value=None), "needs a reason"),
        (lambda: Confusion(labels=("a", "b"), matrix=((1, 2),)), "not 2 by 2"),
        (lambda: Contrast(first=("V",), second=("V",), kind="pair", value=0, low=None, high=None), "both sides"),
        (lambda: Contrast(first=("V",), second=("I",), kind="pair", value=0, low=0.1, high=0.2), "outside"),
        (lambda: Extremes(best=tuple("abcd"), worst=()), "at most 3"),
    ],
)
def test_contradictory_or_malformed_records_are_refused(make, words):
    with pytest.raises(ValidationError, match=words):
        make()


def test_there_is_one_primary_row():
    groups = {"I": group(50, {}), "V": group(40, {})}
    with pytest.raises(ValidationError, match="accuracy by sex is called primary"):
        make_report({"fst": feature(groups, {"accuracy": shown()}), "sex": feature(groups, {"accuracy": shown()})})
    with pytest.raises(ValidationError, match="accuracy by fst is called secondary"):
        make_report({"fst": feature(groups, {"accuracy": disparity()})})


# the file


def test_one_cell_a_line_with_sorted_keys(tmp_path):
    text = full.report().text()
    assert '\n  "accuracy": {"high":0.71,"low":0.61,"method":"Wilson","n":400,"value":0.66},\n' in text
    assert "\n   [240,50,10],\n" in text
    document = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    keys = [key for key, _ in document]
    assert keys == sorted(keys)
    assert text.endswith("}\n")


@SLOW_START
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | NUMBERS | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_compact_json_is_json(document):
    text = compact_json(document)
    assert json.loads(text) == document
    assert text == compact_json(json.loads(text))


def test_nan_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact_json({"value": float("nan")})


def large_report():
    """Return a report as large as that of 1,227 images of 21 classes by skin type and band of skin types."""
    rng = np.random.default_rng(0)
    classes = tuple(f"superficial-disease-number-{i:02d}" for i in range(21))
    metrics = [
        *(f"a_rather_long_metric_{i:02d}" for i in range(15)),
        "standardised_accuracy",
        "standardised_macro_f1",
    ]

    def number():
        return round(float(rng.random()), 6)

    def one():
        value = number()
        return Cell(value=value, low=value - 0.1, high=value + 0.1, n=1227, method="bootstrap-t, 9,999 resamples")

    def by(names):
        compared = names[:-1]
        pairs = [(a, b) for i, a in enumerate(compared) for b in compared[i + 1 :]]
        apart = [{"groups": pair, "reason": "they share too few classes"} for pair in pairs]
        rows = {
            name: disparity(
                gap=number(), high=None, not_comparable=apart, drawn=True, reasons={"high": "not a mean"}
            )
            for name in metrics
        }
        ranges = {name: number() for name in classes}
        measures = {
            f"measure_{i}": ParityMeasure(
                value=number(), chance=number(), p_value=number(), null="free", per_class=ranges if i < 3 else None
            )
            for i in range(10)
        }
        screen = {
            name: screen_row(dict.fromkeys(compared, (30, 120)), compared[-1:], q=number()) for name in classes
        }
        groups = {name: group(200, {metric: one() for metric in metrics}) for name in names}
        return feature(groups, rows, screen=screen, parity=measures)

    found = full.calibration()
    parts = {
        "fst": ("I", "II", "III", "IV", "V", "VI", "unknown"),
        "fst_band": ("I-II", "III-IV", "V-VI", "unknown"),
    }
    of_groups = {name: dict.fromkeys(names, found.features["fst"]["I"]) for name, names in parts.items()}
    return make_report(
        {name: by(names) for name, names in parts.items()},
        classes=classes,
        primary=None,
        per_class={name: class_row(number(), 60) for name in classes},
        overall={name: one() for name in metrics},
        confusion=Confusion(labels=classes, matrix=rng.integers(0, 50, (21, 21)).tolist()),
        calibration=found.model_copy(update={"features": of_groups}),
    )


def test_a_report_of_21_classes_is_at_most_150_kb():
    assert len(large_report().text().encode()) <= 150_000


# what depends on random draws


def test_settled_leaves_out_what_is_drawn_and_nothing_else():
    made = full.report()
    document = settled(made)
    assert "summary" not in document
    assert document["provenance"].keys() == made.document()["provenance"].keys() - {
        "version",
        "environment",
        "resamples",
    }
    row = document["features"]["fst"]["disparities"]["accuracy"]
    assert row.keys() == {"gap", "high", "role", "overlap", "not_comparable", "n_classes", "n_groups", "raw"}
    assert "gap" not in document["features"]["fst"]["disparities"]["macro_f1"]
    groups = document["features"]["fst"]["groups"]["I"]
    assert groups["accuracy"].keys() == {"value", "low", "high", "n", "method"}
    assert groups["balanced_accuracy"] == {"value": 0.69, "n": 120}
    cells = document["features"]["fst"]["screen"]["melanoma"]["cells"]["VI"]
    assert cells == {"k": 3, "n": 8, "low": 0.0, "high": 1.0, "q": 0.004, "thin": True}
    assert document["confusion"] == made.document()["confusion"]
    assert document["notes"] == list(made.notes)


def test_a_quick_check_agrees_whatever_the_draws_are():
    made = full.report()
    document = made.document()
    document["provenance"] |= {"resamples": 2, "version": "9", "environment": {}}
    row = document["features"]["fst"]["disparities"]["accuracy"]
    row |= {
        "p_value": 0.5,
        "low": 0.0,
        "chance": 0.1,
        "verdict": {"kind": "undecided", "margin": None, "text": ""},
    }
    value = document["features"]["fst"]["groups"]["I"]["balanced_accuracy"]
    for key in ("low", "high", "method", "drawn"):
        del value[key]
    value["reason"] = "no interval: 2 resamples"
    assert settled(Report.model_validate(document)) == settled(made)
    row["gap"] += 0.01
    assert settled(Report.model_validate(document)) != settled(made)


def test_a_cell_called_drawn_does_not_hide_its_limits():
    made = full.report()
    document = made.document()
    document["overall"]["accuracy"] |= {"low": 0.0, "drawn": True}
    assert settled(Report.model_validate(document)) != settled(made)


def test_a_full_check_compares_all_but_the_machine():
    made = full.report()
    document = made.document()
    document["provenance"] |= {"version": "9", "environment": {"python": "4"}}
    assert reproducible(Report.model_validate(document)) == reproducible(made)
    document["summary"][0]["text"] = "All is well."
    assert reproducible(Report.model_validate(document)) != reproducible(made)


def test_the_schema_says_what_is_drawn():
    schema = report_schema()
    parts = schema["$defs"]
    assert schema["properties"]["summary"]["drawn"] == "always"
    assert parts["Disparity"]["properties"]["p_value"]["drawn"] == "always"
    assert parts["Disparity"]["properties"]["gap"]["drawn"] == "where marked"
    assert "drawn" not in parts["Disparity"]["properties"]["raw"]
    assert parts["Group"]["additionalProperties"] == {"$ref": "#/$defs/Cell"}
    assert parts["Group"]["required"] == ["n", "units", "small"]


@pytest.mark.parametrize("kind", record_keys.RECORDS)
def test_the_page_on_formats_lists_every_key(kind):
    assert record_keys.written(kind) == record_keys.listing(kind), "python tests/reporting/record_keys.py"
