from __future__ import annotations

import pytest

from dermbench.artifacts.report import Cell, undefined
from dermbench.artifacts.wording import MINUS, NONE, counted, decimal, group_words, p_value, span_words
from dermbench.reporting.numbers import Footnotes, cell_text


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
    assert cell_text(Cell(value=0.619, low=0.591, high=0.6459, n=9), notes) == ".62 [.59, .65]"
    assert cell_text(Cell(value=0.619), notes) == ".62"
    assert cell_text(Cell(value=0.619, reason="too few"), notes) == ".62¹"
    assert cell_text(undefined("no image"), notes) == NONE + "²"
    assert cell_text(undefined("too few"), notes) == NONE + "¹"
    assert cell_text(None, notes) == NONE
    assert notes.lines() == ["¹ too few", "² no image"]


def test_more_than_nine_reasons_are_numbered():
    notes = Footnotes()
    assert [notes.mark(f"reason {i}") for i in range(12)][-1] == "¹²"


def test_reasons_that_differ_in_numbers_share_a_line():
    notes = Footnotes(merge=True)
    reasons = ("4 of 21 classes", "18 of 21 classes", "no F1", "no F2")
    assert [notes.mark(reason) for reason in reasons] == ["¹", "¹", "²", "³"]
    assert notes.lines() == ["¹ 4 to 18 of 21 classes", "² no F1", "³ no F2"]


@pytest.mark.parametrize(
    ("names", "span", "words"),
    [
        (("VI",), "VI", "type VI"),
        (("V", "VI"), f"V{NONE}VI", f"types V{NONE}VI"),
        (("VI", "I", "II", "IV"), f"I{NONE}II, IV and VI", f"types I{NONE}II, IV and VI"),
        (("V-VI",), f"V{NONE}VI", f"types V{NONE}VI"),
        (("I-II", "III-IV"), f"I{NONE}IV", f"types I{NONE}IV"),
        (("female",), "female", "female"),
        (("a", "b", "c"), "a, b and c", "a, b and c"),
        (("V", "other"), "V and other", "V and other"),
    ],
)
def test_groups_are_named_in_words(names, span, words):
    assert span_words(names) == span
    assert group_words(names) == words


def test_things_are_counted_in_the_right_number():
    assert [counted(n, "class") for n in (0, 1, 21)] == ["0 classes", "1 class", "21 classes"]
    assert counted(1227, "image") == "1,227 images"
