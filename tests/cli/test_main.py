import subprocess
import sys

import pytest

import dermbench


def run(*arguments, cwd=None, env=None):
    return subprocess.run(
        [sys.executable, "-m", "dermbench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
    )


def test_help_names_every_verb():
    done = run("--help")
    assert done.returncode == 0
    verbs = ["quickstart", "data", "train", "predict", "eval", "compare", "plan", "explain", "leaderboard"]
    for verb in [*verbs, "doctor"]:
        assert f" {verb} " in done.stdout


@pytest.mark.parametrize(
    ("group", "verbs"),
    [("data", ("list", "prepare", "check", "audit")), ("leaderboard", ("add", "build", "verify"))],
)
def test_help_of_groups(group, verbs):
    done = run(group, "--help")
    assert done.returncode == 0
    for verb in verbs:
        assert f" {verb} " in done.stdout


def test_version():
    assert run("--version").stdout == f"dermbench {dermbench.__version__}\n"


@pytest.mark.parametrize("arguments", [("no-such-verb",), ("eval",), ("train", "--no-such-flag")])
def test_wrong_usage_exits_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_user_error_is_one_message_without_traceback(tmp_path):
    done = run("data", "check", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "not a dataset folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_public_functions_are_those_of_their_rooms():
    from dermbench.api.evaluation import evaluate

    assert dermbench.evaluate is evaluate
    assert {"prepare", "train", "predict", "evaluate", "compare"} <= set(dermbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dermbench.nothing
