from __future__ import annotations

import pytest

from dermbench.reporting.numbers import MINUS, NONE, Footnotes, cell_text, decimal, p_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.619, ".62"),
        (1.0, "1.00"),
        (0.999, "1.00"),
        (0.0, ".00"),
        (-0.001, ".00"),
        (-0.05, MINUS + ".05"),
        (-1.5, MINUS + "1.50"),
        (10.25, "10.25"),
        (1234.5, "1234.50"),
    ],
)
def test_two_decimals_without_a_leading_zero(value, text):
    assert decimal(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0001, "<.001"), (0.001, ".001"), (0.0344, ".034"), (1.0, "1.000")])
def test_p_values(value, text):
    assert p_value(value) == text


def test_every_kind_of_cell():
    notes = Footnotes()
    assert cell_text({"value": 0.619, "low": 0.591, "high": 0.6459, "n": 9}, notes) == ".62 [.59, .65]"
    assert cell_text({"value": 0.619}, notes) == ".62"
    assert cell_text({"value": 0.619, "reason": "too few"}, notes) == ".62¹"
    assert cell_text({"value": None, "reason": "no image"}, notes) == NONE + "²"
    assert cell_text({"value": None, "reason": "too few"}, notes) == NONE + "¹"
    assert cell_text(None, notes) == NONE
    assert notes.lines() == ["¹ too few", "² no image"]


def test_more_than_nine_reasons_are_numbered():
    notes = Footnotes()
    assert [notes.mark(f"reason {i}") for i in range(12)][-1] == "¹²"
