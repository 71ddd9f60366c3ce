import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import id_problems, to_numbers, to_text

COLUMNS = {
    "whole numbers": [3, 20],
    "beside a missing value": [3.0, None],
    "floats": [0.1, 1e-9],
    "truth values": [True, False],
    "days": pd.to_datetime(["2021-02-03", "1999-12-31"]),
    "times": pd.to_datetime(["2021-02-03 04:05:06", "1999-12-31 00:00:00"]),
    "dates": [dt.date(2021, 2, 3), None],
    "decimals": [Decimal("0.50"), Decimal("1.25")],
    "categories": pd.Categorical(["b", "a"]),
    "text": ["007", " x "],
    "nothing": [None, None],
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_a_column_has_the_same_text_in_every_format(tmp_path, values, name):
    frame = pd.DataFrame({"image_id": ["p", "q"], "column": values})
    if name == "t.parquet":
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, index=False, sep="\t" if name == "t.tsv" else ",")
    from_file, from_memory = to_text(read_table(tmp_path / name).frame["column"]), to_text(frame["column"])
    assert from_file.fillna("-").tolist() == from_memory.fillna("-").tolist()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([7.0, np.nan, 8.0], ["7", None, "8"]),
        (["7.0", "", "8.0"], ["7", None, "8"]),
        (["7.0", "8"], ["7.0", "8"]),
        (["7.0", "7.00"], ["7.0", "7.00"]),
        ([7.0, 8.5], ["7.0", "8.5"]),
        ([1e16, 2.0], ["1e+16", "2.0"]),
        (["  ", "a"], [None, "a"]),
    ],
)
def test_whole_numbers_have_one_form(values, text):
    assert [None if pd.isna(cell) else cell for cell in to_text(pd.Series(values))] == text


@pytest.mark.parametrize(
    "cell", ["", "x", "True", "1_0", "0x1f", "nan", "inf", "1e999", "0.5f", "½", "1,000.5", "1 000", "--1"]
)
@pytest.mark.parametrize("decimal_comma", [True, False])
def test_what_is_no_plain_number_is_none(cell, decimal_comma):
    assert to_numbers(pd.Series([cell, "2"]), decimal_comma=decimal_comma).isna().tolist() == [True, False]


def test_decimal_commas_only_where_they_are_allowed_and_not_beside_points():
    column = pd.Series(["0,25", " 1 ", "1,5e-3"])
    assert to_numbers(column, decimal_comma=True).tolist() == [0.25, 1.0, 0.0015]
    assert to_numbers(column).isna().tolist() == [True, False, True]
    assert to_numbers(pd.Series(["0,25", "0.25"]), decimal_comma=True).isna().tolist() == [True, False]


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_printed_floats_read_back_to_the_same_bits(values):
    assert to_numbers(pd.Series([repr(value) for value in values])).tolist() == values


def test_truth_values_are_no_numbers_in_any_type():
    assert to_numbers(pd.Series([True, False])).isna().all()
    assert to_numbers(pd.Series([True, None], dtype=object)).isna().all()


def test_ids_that_cannot_be_shown_or_are_endless_are_named():
    ids = pd.Series(["a", "b\0", "c\x1b[31m", "d\u2028", None, "e" * 513, "f" * 512, "é ü"], dtype="string")
    long, control = id_problems(ids)
    assert "1 image_id longer than 512 characters" in long
    assert len(long) < 250
    assert "3 image_id with control characters: 'b\\x00', 'c\\x1b[31m', 'd\\u2028'" in control
