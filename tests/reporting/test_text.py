from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermbench.reporting.text import Safe, markdown_text, plain

HOSTILE = [
    "a|b",
    "line\nbreak\r\n| --- |\u2028x",
    "<script>alert(1)</script>",
    "<img src=x onerror=y>",
    "![x](http://evil.example)",
    "[x](javascript:y)",
    "`code` *em* __strong__ ~~gone~~ $x$",
    "\u202egpj.exe\u2066\u200f\u061c\ufeff\u00ad",
    "\x1b[31mred\x1b[0m\x00\x07\x85",
    "www.evil.example me@evil.example http://evil.example",
    "# heading",
    "- item",
    "1. item",
    "back\\slash \\| pipe",
    "&lt;b&gt; &#124;",
    "x" * 10_000,
    "[bold red]markup[/]",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_escaped(name):
    text = markdown_text(name)
    assert "\n" not in text
    assert "|" not in text
    assert "<" not in text
    assert ">" not in text
    assert "://" not in text
    assert "www." not in text
    assert "@" not in text
    assert not any(ord(c) < 32 or c in "\x7f\x85\u202e\u2066\u200f\u061c\ufeff\u00ad\u2028" for c in text)
    assert len(plain(name)) <= 80
    for special in "`*[]_~$#":
        assert all(text[i - 1] == "\\" or text[i - 1 : i + 1] == "&#" for i, c in enumerate(text) if c == special)


@given(st.text(max_size=200))
def test_plain_is_idempotent_and_one_line(text):
    once = plain(text)
    assert plain(once) == once
    assert len(once.splitlines()) <= 1


def test_ordinary_names_stay_readable():
    assert markdown_text("prurigo-nodularis") == "prurigo-nodularis"
    assert markdown_text("Kaposi sarcoma (HHV-8)") == "Kaposi sarcoma (HHV-8)"
    assert markdown_text("皮膚科 τόνος") == "皮膚科 τόνος"


def test_safe_text_is_left_alone():
    assert markdown_text(Safe(".62 [.59, .65]")) == ".62 [.59, .65]"


def test_entities_are_shown_as_typed():
    assert markdown_text("a & b") == "a &amp; b"
    assert markdown_text("&#124;") == r"&amp;\#124;"


def test_a_limit_above_zero_never_reads_as_zero():
    from dermbench.artifacts.wording import MINUS, NONE, limit, limits

    assert [limit(v) for v in (0.0, 0.0000001, 0.0003, 0.004, 0.0051, -0.004, 0.31)] == [
        ".00",
        ".00",
        "<.001",
        ".004",
        ".01",
        f"{MINUS}.004",
        ".31",
    ]
    assert limits(0.004, 0.31) == "[.004, .31]"
    assert limits(None, 0.31) == NONE
