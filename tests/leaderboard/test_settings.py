"""Settings inside the index: who may change them, and who says that they were changed."""

from __future__ import annotations

import importlib

import pytest
from typer.testing import CliRunner

from dermbench.cli import app
from dermbench.errors import InputError, UsageError
from dermbench.leaderboard import Effort, add, build, remove, verify
from dermbench.leaderboard.board import STAGED, read_board
from dermbench.leaderboard.index import read_index
from dermbench.leaderboard.settings import compare_settings, read_settings

QUICK = Effort(quick=True)
MODULE = importlib.import_module("dermbench.leaderboard.add")


def edit(board, before, after):
    path = board / "board.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def actions(board):
    return [line.action for line in read_index(board).lines]


def test_the_first_entry_records_the_settings_once(board):
    assert actions(board) == ["settings", "add", "add"]
    recorded = read_index(board).settings.settings
    assert recorded == read_settings(board)
    assert recorded["board.toml"]["classes"] == ["macule", "papule", "wheal"]
    assert recorded["board.toml"]["resamples"] == 99
    assert recorded["reported.toml"] == {}


def test_every_verb_refuses_other_settings_and_says_which(board, predictions):
    edit(board, 'title = "Toy"\nresamples = 99', 'title = "Real"\nresamples = 98')
    before = (board / "index.jsonl").read_bytes()
    for verb in (
        lambda: build(board, effort=QUICK),
        lambda: add(board, predictions[2], name="Third"),
        lambda: remove(board, "Middle"),
    ):
        with pytest.raises(InputError) as caught:
            verb()
        assert caught.value.problems == (
            "board.toml: resamples is 98; line 1 of index.jsonl says 99",
            "board.toml: title is Real; line 1 of index.jsonl says Toy",
        )
        assert f"dermbench leaderboard build {board} --accept-settings" in caught.value.remedy
    assert (board / "index.jsonl").read_bytes() == before
    (done,) = build(board, check=True, effort=QUICK)
    assert "board.toml: title is Real; line 1 of index.jsonl says Toy" in done.problems


def test_accepted_settings_are_a_link_that_verify_names(board):
    head = read_index(board).head
    edit(board, 'title = "Toy"', 'title = "Real"')
    (done,) = build(board, accept_settings=True, effort=QUICK)
    assert not done.problems
    assert actions(board) == ["settings", "add", "add", "settings"]
    (found,) = verify(board, effort=QUICK, since=head)
    assert not found.problems
    assert found.changes == ["settings changed: board.toml: title Toy -> Real (line 4 of index.jsonl)"]
    (found,) = verify(board, effort=QUICK, since=read_index(board).head)
    assert found.changes == []
    build(board, accept_settings=True, effort=QUICK)
    assert len(actions(board)) == 4, "settings that did not change are not recorded again"


def test_settings_that_contradict_the_reports_need_a_refresh(board):
    edit(board, "resamples = 99", "resamples = 19")
    (done,) = build(board, accept_settings=True)
    assert any("made with other settings" in problem for problem in done.problems)
    assert actions(board) == ["settings", "add", "add"]
    (done,) = build(board, accept_settings=True, refresh=True)
    assert not done.problems
    assert actions(board) == ["settings", "add", "add", "settings", "replace", "replace"]


def test_published_rows_are_settings(board):
    text = 'schema = "dermbench.reported/1"\n[[row]]\nentry = "a"\nsource = "b"\nscores = { accuracy = 0.60 }\n'
    (board / "reported.toml").write_text(text)
    with pytest.raises(InputError, match=r"reported.toml: row 1.scores.accuracy is 0.60; line 1 of index.jsonl"):
        build(board, effort=QUICK)
    head = read_index(board).head
    build(board, accept_settings=True, effort=QUICK)
    assert "settings changed: reported.toml: row 1.entry not set -> a" in verify(board, since=head)[0].changes[0]


def test_layout_and_comments_are_no_settings(board):
    path = board / "board.toml"
    path.write_text("# a comment\n\n" + path.read_text() + 'split = "test"\n')
    assert not verify(board, effort=QUICK)[0].problems


def test_a_board_without_entries_may_change_freely(empty):
    build(empty)
    edit(empty, 'title = "Toy"', 'title = "Real"')
    build(empty)
    assert not (empty / "index.jsonl").exists()


def test_long_values_are_shown_where_they_differ():
    one, two = ({"board.toml": {"note": "word " * 100 + end}, "reported.toml": {}} for end in ("old", "new"))
    (change,) = compare_settings(one, two)
    assert change.before.startswith("…word")
    assert change.before.endswith("word old")
    assert change.after.endswith("word new")


def test_check_cannot_accept_settings(board):
    with pytest.raises(UsageError, match="cannot be combined with --check"):
        build(board, check=True, accept_settings=True)


@pytest.mark.parametrize("recorded", [True, False])
def test_killed_while_the_settings_change(board, predictions, truth, monkeypatch, recorded):
    """Filling in a setting changes two files; killed in between, the next verb finishes or undoes it."""

    def fail(*given):
        if recorded:
            append(*given)
        raise KeyboardInterrupt

    append = MODULE.append_settings
    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "append_settings", fail)
        patch.setattr(MODULE, "tidy", lambda folder: None)
        with pytest.raises(KeyboardInterrupt):
            add(board, predictions[2], name="Third", store_truth=False)
    assert (board / STAGED).is_file()
    (done,) = build(board, effort=QUICK)
    assert not done.problems
    assert not (board / STAGED).exists()
    assert read_board(board).store_truth is not recorded
    assert not verify(board, effort=QUICK)[0].problems


def test_from_the_command_line(board):
    def run(*arguments):
        return CliRunner().invoke(app, ["leaderboard", *map(str, arguments)])

    head = read_index(board).head
    edit(board, 'title = "Toy"', 'title = "Real"')
    assert run("build", board, "--quick").exit_code != 0
    assert run("build", board, "--quick", "--accept-settings").exit_code == 0
    done = run("verify", board, "--quick", "--since", head)
    assert done.exit_code == 0
    assert "settings changed: board.toml: title Toy -> Real (line 4 of index.jsonl)" in done.output
