"""What differs between two states of a board, and the summary of it for a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermbench.errors import InputError, UsageError
from dermbench.leaderboard import Verified, summary_markdown
from dermbench.leaderboard.index import read_index
from dermbench.leaderboard.moves import compare_places, read_earlier
from dermbench.leaderboard.published import Published

ARROW = "\N{RIGHTWARDS ARROW}"
DASH = "\N{EN DASH}"


def published(*rows):
    """Return a board of (name, band, digest, value) in order of rank; a band of None is a metric without one."""
    return Published.model_validate(
        {
            "entries": [
                {
                    "slug": name.lower(),
                    "about": {"name": name, "model": "left out"},
                    "rank": place if value is not None else None,
                    "band": band,
                    "predictions": digest,
                    "overall": {"macro_f1": {"value": value}},
                }
                for place, (name, band, digest, value) in enumerate(rows, start=1)
            ]
        }
    )


BEFORE = published(
    ("A", [1, 2], "a", 0.8), ("B", [1, 2], "b", 0.7), ("C", [3, 3], "c", 0.3), ("D", [4, 4], "d", 0.1)
)
AFTER = published(
    ("N", [1, 3], "n", 0.9), ("A", [1, 3], "a", 0.8), ("B", [1, 2], "b", 0.7), ("C", [3, 3], "x", 0.2)
)


def test_moves_list_added_removed_and_moved_entries():
    assert [str(move) for move in compare_places(BEFORE, AFTER)] == [
        f"added: N, rank 1{DASH}3",
        f"moved: A, rank 1{DASH}2 {ARROW} 1{DASH}3",
        "replaced: C, rank 3",
        "removed: D, rank 4",
    ]
    assert compare_places(BEFORE, BEFORE) == []


def test_places_without_bands_are_ranks():
    before, after = published(("A", None, "a", 0.8)), published(("B", None, "b", 0.9), ("A", None, "a", 0.8))
    assert [move.rank for move in compare_places(before, after)] == ["1", f"1 {ARROW} 2"]
    assert [move.rank for move in compare_places(published(), published(("A", None, "a", None)))] == [DASH]


def test_the_summary_of_a_pull_request():
    done = Verified(Path("b"), title="Toy", metric="macro_f1", moves=compare_places(BEFORE, AFTER))
    text = summary_markdown([done])
    assert "## Toy: agrees" in text
    assert f"| A | other rank band | 1{DASH}2 {ARROW} 1{DASH}3 | .80 |" in text
    assert f"| C | other predictions | 3 | .30 {ARROW} .20 |" in text
    assert "All other entries keep their rank bands." in text
    done.moves = []
    assert "no rank band moved" in summary_markdown([done])


def test_findings_in_a_summary_are_counted_and_inert():
    found = [f"entries/{i}: <b>@you</b> [x](http://e.vil) " + "x" * 5000 for i in range(1000)]
    done = Verified(Path("b"), problems=found, title="| <i>", moves=[])
    text = summary_markdown([done])
    assert text.startswith("## &#124; &lt;i&gt;: 1,000 findings\n")
    assert "- and 940 more" in text
    assert "<b>" not in text
    assert "@you" not in text
    assert "://" not in text
    assert "rank band" not in text
    assert len(text) < 60_000, "a comment holds 65,536 characters"


def test_reading_the_earlier_board(board, tmp_path):
    head = read_index(board).head
    assert read_earlier(head, board).published is None
    earlier = read_earlier(board, board)
    assert earlier.head == head
    assert [place.text for place in earlier.published.entries] == ["1", "2"]
    assert read_earlier(tmp_path, board) == earlier, "found by its name in the folder of boards"
    assert read_earlier(tmp_path, tmp_path / "other") is None
    with pytest.raises(UsageError, match="no such folder"):
        read_earlier(tmp_path / "nowhere", board)
    (board / "leaderboard.json").write_text('{"entries": [{"slug": 1}]}')
    with pytest.raises(InputError, match="slug"):
        read_earlier(board, board)
