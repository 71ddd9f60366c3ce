"""The primary question of a board: in board.toml, in the evaluation, in the table."""

from __future__ import annotations

import pytest

from dermbench.artifacts import Report
from dermbench.artifacts.report import Undefined, Verdict, verdict_kind
from dermbench.errors import InputError, UsageError
from dermbench.leaderboard import Effort, add, build, verify
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.ranking import Ranked, Standings
from dermbench.leaderboard.recompute import other_settings
from dermbench.leaderboard.render import render

QUESTION = 'primary = "accuracy:sex"\nmargin = 0.3\n'


@pytest.fixture
def asked(empty):
    """A board without entries that states a primary question."""
    path = empty / "board.toml"
    path.write_text(path.read_text().replace('["fst"]', '["fst", "sex"]') + QUESTION)
    return empty


def test_the_question_of_the_board_is_that_of_the_reports_and_of_the_table(asked, predictions, truth):
    add(asked, predictions[0], name="Good", truth=truth)
    report = Report.read(asked / "entries/good/report.json")
    assert (report.primary.metric, report.primary.feature) == ("accuracy", "sex")
    assert report.features["sex"].disparities["accuracy"].verdict.margin == 0.3
    (done,) = build(asked)
    assert not done.problems
    text = (asked / "README.md").read_text()
    assert "two groups of sex within a class" in text
    assert "## Accuracy by sex" in text
    assert not verify(asked)[0].problems
    assert QUESTION.splitlines()[0] in (asked / "board.toml").read_text()


def test_another_question_is_a_changed_setting(asked, predictions, truth):
    add(asked, predictions[0], name="Good", truth=truth)
    report, board = Report.read(asked / "entries/good/report.json"), read_board(asked)
    assert other_settings(report, board) is None
    found = other_settings(report, board.model_copy(update={"primary": ("accuracy", "fst")}))
    assert found == "primary accuracy:sex, board.toml says accuracy:fst"
    assert other_settings(report, board.model_copy(update={"margin": 0.1})) == "margin 0.3, board.toml says 0.1"
    path = asked / "board.toml"
    path.write_text(path.read_text().replace("margin = 0.3", "margin = 0.1"))
    with pytest.raises(InputError, match=r"board.toml: margin is 0.1; line 1 of index.jsonl says 0.3"):
        build(asked, effort=Effort(quick=True))
    assert "board.toml: margin is 0.1; line 1 of index.jsonl says 0.3" in verify(asked)[0].problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('primary = "accuracy"', "write METRIC:FEATURE"),
        ("margin = 0.1", "a margin needs a primary question"),
        ('primary = "accuracy:fst"\nmargin = -1', "margin: Input should be greater than 0"),
        ('primary = "accuracy:fst"\nmargin = "small"', "margin: Input should be a valid number"),
    ],
)
def test_malformed_questions_are_named(empty, text, sentence):
    path = empty / "board.toml"
    path.write_text(f"{path.read_text()}{text}\n")
    with pytest.raises(InputError, match=r"board\.toml") as caught:
        read_board(empty)
    assert sentence in str(caught.value)


def test_a_primary_question_that_cannot_be_evaluated_is_refused(empty, predictions, truth):
    path = empty / "board.toml"
    path.write_text(path.read_text() + 'primary = "accuracy:site"\n')
    with pytest.raises(UsageError, match="feature 'site' is not evaluated"):
        add(empty, predictions[0], name="Good", truth=truth)
    assert not (empty / "index.jsonl").exists()


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"p_value": 0.001, "low": 0.05, "high": 0.3}, ".20 [.05, .30], disparity |"),
        ({"p_value": 0.4, "low": 0.0, "high": 0.3}, ".20 [.00, .30], not settled |"),
        ({"p_value": 0.4, "low": 0.0, "high": None}, ".20 [.00, \N{EN DASH}], not settled |"),
        ({"p_value": 0.4, "low": 0.0, "high": 0.3, "margin": 0.35}, ".20 [.00, .30], within margin .35 |"),
        ({"p_value": 0.001, "low": 0.05, "high": 0.3, "margin": 0.35}, ".30], disparity, within margin .35 |"),
    ],
)
def test_the_column_of_the_gap(board, numbers, words):
    margin = numbers.get("margin")
    kind = verdict_kind(numbers["p_value"], numbers["low"], numbers["high"], margin)
    given = {key: item for key, item in numbers.items() if key != "margin"}
    change = {"gap": 0.2, "verdict": Verdict(kind=kind, margin=margin, text="x")} | given
    assert words in shown(board, lambda row: row.model_copy(update=change))


def test_a_gap_that_is_not_defined_has_its_reason_beneath(board):
    text = shown(board, lambda _: Undefined(reason="the groups share no class"))
    assert "| \N{EN DASH}¹ | \N{EN DASH} |" in text
    assert "¹ the groups share no class" in text


def shown(board, change):
    """Return the board with another row for the gap of its best entry."""
    report = Report.read(board / "entries/good-one/report.json")
    feature = report.features["fst"]
    rows = feature.disparities | {"accuracy": change(feature.disparities["accuracy"])}
    other = report.model_copy(update={"features": {"fst": feature.model_copy(update={"disparities": rows})}})
    entry = Ranked("good-one", _entry(board), other, rank=1)
    return render(read_board(board), Standings((entry,)), [])


def _entry(board):
    from dermbench.artifacts import read_entry

    return read_entry(board / "entries/good-one/entry.toml")
