from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dermbench.cli import app
from dermbench.errors import DermbenchError

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, ["leaderboard", *map(str, arguments)])


def test_add_build_verify(empty, predictions, truth, tmp_path):
    table = tmp_path / "truth.csv"
    truth.table.to_csv(table, index=False)
    done = run(
        "add", predictions[0], "--board", empty, "--name", "Good", "--truth", table, "--training-data", "toy"
    )
    assert done.exit_code == 0, done.output
    assert "added" in done.output
    assert run("build", empty).exit_code == 0
    assert run("build", empty, "--check").exit_code == 0
    assert "| 1 | [Good]" in (empty / "README.md").read_text()
    assert "agrees" in run("verify", empty).output


def test_check_and_verify_exit_1(board):
    path = board / "README.md"
    path.write_text(path.read_text().replace("Middle", "Muddle"))
    for verb in (["build", board, "--check"], ["verify", board]):
        done = run(*verb)
        assert done.exit_code == 1
        assert "Muddle" in done.output


def test_missing_truth_is_exit_2(board):
    (board / "truth.csv").unlink()
    done = run("build", board)
    assert isinstance(done.exception, DermbenchError)
    assert done.exception.exit_code == 2
    assert run("build", board, "--stored").exit_code == 0
    assert "not checked:" in run("verify", board).output


def test_both_truths_are_refused(board, predictions):
    done = run("add", predictions[0], "--board", board, "--name", "x", "--data", board, "--truth", "t.csv")
    assert isinstance(done.exception, DermbenchError)
    assert "one of them" in str(done.exception)


@pytest.mark.parametrize("verb", ["add", "build", "verify"])
def test_help_lists_the_leaderboard_verbs(verb):
    assert run(verb, "--help").exit_code == 0
