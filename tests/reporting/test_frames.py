"""Tables of numbers: their types, their columns, and what a spreadsheet program makes of the CSV files."""

from __future__ import annotations

import csv
import io
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent))  # makes `full` importable

import full

from dermbench.errors import UsageError
from dermbench.reporting.export import export_kinds
from dermbench.reporting.frames import COMPARISON_FRAMES, PLAN_FRAMES, REPORT_FRAMES, choose_frame
from dermbench.reporting.frames.csv_text import csv_text, safe_cell
from dermbench.reporting.frames.frame import DTYPES

EVERY = {"report": REPORT_FRAMES, "comparison": COMPARISON_FRAMES, "plan": PLAN_FRAMES}


def test_tables_have_the_types_that_their_columns_declare():
    for frame in REPORT_FRAMES.values():
        made = frame.of(full.report())
        assert {name: str(kind) for name, kind in made.dtypes.items()} == {
            column.name: DTYPES[column.kind] for column in frame.columns
        }
        assert len(made) > 0, frame.name


def test_what_is_undefined_is_missing_and_has_a_reason():
    groups = choose_frame(REPORT_FRAMES, "groups").of(full.report())
    lost = groups[groups["value"].isna()]
    assert len(lost) > 0
    assert lost["reason"].notna().all()
    gaps = choose_frame(REPORT_FRAMES, "gaps").of(full.report())
    assert gaps[gaps["gap"].isna()]["reason"].notna().all()


def test_an_unknown_table_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match=r"'gap'(?s:.*)did you mean 'gaps'"):
        choose_frame(REPORT_FRAMES, "gap")
    with pytest.raises(UsageError, match="cannot export 'cvs'; there are csv, latex, figures"):
        export_kinds(["cvs"])
    with pytest.raises(UsageError, match=r"not one string\nWrite export=\['csv'\]"):
        export_kinds("csv")
    assert export_kinds(["csv", "figures", "csv"]) == ("csv", "figures")


@pytest.mark.parametrize("frames", EVERY.values(), ids=EVERY)
def test_no_table_has_two_columns_of_one_name(frames):
    for frame in frames.values():
        names = [column.name for column in frame.columns]
        assert len(set(names)) == len(names), frame.name


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("melanoma", "melanoma"),
        ("V-VI", "V-VI"),
        ("'quoted'", "'quoted'"),
        ("a=b", "a=b"),
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("'=x", "''=x"),
        ("\t=x", r"\u0009=x"),
        ("\uff1d1", "'\uff1d1"),
        ("a\u202eb", r"a\u202eb"),
    ],
)
def test_a_cell_like_a_formula_is_marked_as_text(text, cell):
    assert safe_cell(text) == cell
    if text.isprintable():
        back = cell[1:] if re.match("'+[=+\\-@\uff1d]", cell) else cell
        assert back == text


def test_a_csv_file_is_read_back_as_the_table():
    for frame in REPORT_FRAMES.values():
        written = csv_text(frame, full.report())
        read = pd.read_csv(io.StringIO(written), dtype=str, keep_default_na=False)
        made = frame.of(full.report())
        assert list(read.columns) == list(made.columns)
        assert len(read) == len(made)


def test_hostile_names_stay_in_one_csv_cell():
    report = full.report()
    name = '=cmd|"x",\n\u202e<b>'
    hostile = report.model_copy(update={"per_class": {name: report.per_class["nevus"]}, "classes": (name,)})
    rows = list(csv.reader(io.StringIO(csv_text(REPORT_FRAMES["classes"], hostile))))
    assert [row[0] for row in rows[1:]] == ['\'=cmd|"x",\\u000a\\u202e<b>'] * 3
