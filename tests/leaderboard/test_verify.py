"""Verifying an honest board. What happens to tampered ones is in test_tampering.py."""

from __future__ import annotations

import importlib

import pytest

from dermbench.errors import UsageError
from dermbench.leaderboard import Effort, Sources, add, build, remove, verify
from dermbench.leaderboard.index import read_index

QUICK = Effort(quick=True)


def test_an_untouched_board_agrees_and_says_what_was_checked(board):
    (done,) = verify(board)
    assert not done.problems + done.unchecked
    assert done.proved == [
        "truth.csv: its labels have the content hash in board.toml",
        f"index.jsonl: an unbroken chain of 3 lines, head {read_index(board).head}",
        "board.toml and reported.toml: the settings in line 1 of index.jsonl",
        "2 entries: every file has its hash in entry.toml, every entry.toml its hash in index.jsonl",
        "every number was recomputed from the predictions (99 resamples, seed 0) and agrees to 2e-06",
        "README.md, leaderboard.json and leaderboard.csv match the entries",
    ]


def test_quick_says_what_it_left_out(board):
    (done,) = verify(board, effort=QUICK)
    assert not done.problems
    assert any(line.startswith("every value, count and closed-form interval was") for line in done.proved)
    assert not any("every number" in line for line in done.proved)
    assert [line.endswith("(--quick)") for line in done.unchecked] == [True, True]


def test_two_processes_give_what_one_gives(board, predictions, monkeypatch):
    monkeypatch.setattr(importlib.import_module("dermbench.leaderboard.check_all"), "WORTHWHILE", 1)
    path = board / "entries/middle/report.md"
    path.write_text(path.read_text() + "more\n")
    one, two = (verify(board, effort=Effort(quick=True, workers=n)) for n in (1, 2))
    assert one == two
    assert one[0].problems


def test_without_the_truth_it_says_what_was_not_checked(board, truth, tmp_path):
    (board / "truth.csv").unlink()
    (done,) = verify(board)
    assert not done.problems
    assert "2 entries" in done.unchecked[0]
    assert "--data DATASET" in done.unchecked[0]
    assert "rank bands" in done.unchecked[1]
    assert not any("recomputed" in line for line in done.proved)
    truth.table.to_csv(tmp_path / "again.csv", index=False)
    (done,) = verify(board, sources=Sources(table=tmp_path / "again.csv"))
    assert not done.problems + done.unchecked


def test_without_the_truth_a_board_of_stored_reports_agrees(board):
    (board / "truth.csv").unlink()
    build(board, stored=True)
    (done,) = verify(board)
    assert not done.problems


def test_a_head_noted_earlier(board, predictions):
    earlier = read_index(board).head
    add(board, predictions[2], name="Third")
    build(board, effort=QUICK)
    assert not verify(board, effort=QUICK, since=earlier)[0].problems
    (problem,) = verify(board, effort=QUICK, since="sha256:" + 64 * "0")[0].problems
    assert problem.startswith("index.jsonl: rewritten since; none of its 4 lines has the hash")


def test_a_withdrawn_entry_leaves_a_trace(board):
    remove(board, "Middle")
    build(board, effort=QUICK)
    assert not verify(board, effort=QUICK)[0].problems
    assert [line.action for line in read_index(board).lines] == ["settings", "add", "add", "remove"]
    assert not (board / "entries/middle").exists()
    with pytest.raises(UsageError, match="no entry 'middle'; there are: 'good-one'"):
        remove(board, "Middle")


def test_killed_while_removing_is_the_old_board(board, monkeypatch):
    def fail(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module("dermbench.leaderboard.remove"), "append_entry", fail)
        with pytest.raises(KeyboardInterrupt):
            remove(board, "Middle")
    build(board, effort=QUICK)
    assert not verify(board, effort=QUICK)[0].problems
    assert (board / "entries/middle/entry.toml").is_file()
