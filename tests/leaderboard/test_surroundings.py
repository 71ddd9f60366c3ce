"""The keeper's words around a board may be anything that neither imitates nor hides it."""

from __future__ import annotations

import pytest

from dermbench.leaderboard import Effort, build, verify
from dermbench.leaderboard.render import BEGIN, END
from dermbench.leaderboard.surroundings import LONGEST, check_surroundings

TABLE = "| rank | gap |\n|--:|:--|\n| 1 | .12 [.03, .24] |"
BLOCK = f"{BEGIN}\n<!-- Generated -->\n\n# Toy\n\n{TABLE}\n\n1 rank\n\n{END}"
PLAIN = [
    "before\n",
    "# A\n\nWhat `a | b` means, see [docs](http://x) and **bold** <b>words</b> of 2 < 3.\n\n- one\n- two\n\n",
    "```sh\ncat x | sort | head\n```\n",
    "~~~~\n```\n~~~~\n\n",
    "<!-- a note | with | bars -->\n",
    "<details>\n<summary>more</summary>\n\ntext<br>\n\n</details>\n\n",
    "a \\![x](y) and `<img>` and &lt;table&gt;\n\n",
    "> quoted\n\n",
]


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("below", [True, False])
def test_plain_text_is_named_as_not_checked(text, below):
    n_lines = sum(bool(line.strip()) for line in text.splitlines())
    problems, unchecked = check_surroundings(f"{BLOCK}\n\n{text}" if below else text + BLOCK)
    assert not problems
    lines = "1 line" if n_lines == 1 else f"{n_lines} lines"
    assert unchecked == [f"README.md: {lines} of text outside of the markers of the board"]


def test_no_text_around_the_board_gives_no_sentence():
    assert check_surroundings(BLOCK) == ([], [])
    assert check_surroundings(f"\n{BLOCK}\n\n") == ([], [])


HOSTILE = {
    "a table": [
        f"{TABLE}\n\n",
        "a | b\n-|-\n1 | 2\n\n",
        f"```\n{TABLE}\n```\n\n",
        "    | 1 | mine .99 |\n\n",
        "> | a | b |\n> |--|--|\n\n",
        "- | a | b |\n  |--|--|\n\n",
        "-     | 1 | mine |\n\n",
        "<TABLE><tr><td>1</td></tr></TABLE>\n\n",
    ],
    "an image": ["![x](y)\n\n", "[![x](y)](z)\n\n", "text <IMG src=x> more\n\n", "![x][r]\n\n[r]: http://y\n\n"],
    "HTML": [
        "<picture><source></picture>\n\n",
        "<svg/>\n\n",
        "<style>h1 {display: none}</style>\n\n",
        "<script>x</script>\n\n",
        "<iframe src=x></iframe>\n\n",
        "<textarea>\n\n",
        "<input type=image src=x>\n\n",
        "<details hidden>\n\n",
        "<details/>\n\n",
        "text <s>\n\n",
        "<div\n\n",
        "<p><b></p></b>\n\n",
        "</div>\n\n",
    ],
    "not closed": [
        "<!-- x\n\n",
        "<!-- x -- >\n\n",
        "<![CDATA[\n\n",
        "<?php\n\n",
        "~~~\ncode\n",
        "text\n\n```\n",
        "a\u2028```\n\n```\ncode\n",
        "> ```\n> code\n\n",
    ],
}


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in HOSTILE.items() for text in texts])
def test_text_that_imitates_or_hides_the_board_is_a_finding(what, text):
    for where, whole in (("above", text + BLOCK), ("below", f"{BLOCK}\n\n{text}")):
        problems, unchecked = check_surroundings(whole)
        assert problems
        assert not unchecked
        assert problems[0].startswith(f"README.md: the text {where} the board holds ")
        assert any(what in problem for problem in problems)


@pytest.mark.parametrize("text", ["[.03, .24]: http://x\n\n", "- item\n\n  ", "1. item\n   ", "text ", "\t"])
def test_text_that_changes_how_the_board_is_shown_is_a_finding(text):
    assert check_surroundings(text + BLOCK) == (
        ["README.md: the text around the board changes how the board is shown"],
        [],
    )


def test_the_text_is_read_up_to_a_limit():
    (only,) = check_surroundings("<" * (LONGEST + 1) + BLOCK)[0]
    assert only == "README.md: more than 100,000 characters of text around the board"
    assert not check_surroundings("x" * (LONGEST - 2) + "\n\n" + BLOCK)[0]


def test_each_tag_is_named_once():
    text = "<picture><source></picture>\n\n</br>\n\n<b>\n\n<b>\n\n"
    assert check_surroundings(text + BLOCK)[0] == [
        "README.md: the text above the board holds the HTML tag 'picture'",
        "README.md: the text above the board holds the HTML tag 'source'",
        "README.md: the text above the board holds HTML that is not closed there: b, br",
    ]


def test_verify_looks_around_the_board_and_building_keeps_the_text(board):
    path = board / "README.md"
    path.write_text("Welcome.\n\n" + path.read_text())
    (done,) = verify(board, effort=Effort(quick=True))
    assert not done.problems
    assert "README.md: 1 line of text outside of the markers of the board" in done.unchecked
    path.write_text("| 1 | mine |\n|--|--|\n\n<details hidden>\n\n" + path.read_text() + "\n</details>\n")
    assert not build(board, effort=Effort(quick=True))[0].problems
    (done,) = verify(board, effort=Effort(quick=True))
    assert done.problems == [
        "README.md: the text above the board holds a table",
        "README.md: the text above the board holds HTML that is not closed there: details",
        "README.md: the text below the board holds HTML that is not closed there: details",
    ]
