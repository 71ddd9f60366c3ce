"""What a shell offers when a user presses Tab, asked for as the shell asks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dermbench import cli
from dermbench.cli import completion

DATASET = """schema = "dermbench.dataset/1"
[images]
train = 3
val = 2
test = 1
"$(touch hacked)" = 1
"te\\u001b[31mst" = 1
"*" = 1
"""
SCRIPT = """
import atexit, json, sys
from dermbench import cli
sys.argv = ["dermbench"]
heavy = {"numpy", "pandas", "torch", "dermbench.artifacts", "dermbench.api"}
atexit.register(lambda: print("heavy:", *sorted(heavy & set(sys.modules))))
cli.main()
"""


@pytest.fixture
def offered(monkeypatch, capsys):
    """Return a function from the words of a command line, the last one unfinished, to what is offered."""

    def ask(line, shell="bash"):
        monkeypatch.setattr(sys, "argv", ["dermbench"])
        monkeypatch.setenv(cli.COMPLETING, f"complete_{shell}")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out.split() if shell == "bash" else said.out

    return ask


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "dataset.toml").write_text(DATASET, encoding="utf-8")
    return tmp_path


def test_verbs(offered):
    assert offered("dermbench da") == ["data"]
    assert offered("dermbench data li") == ["list"]


def test_presets_and_tasks_and_standards(offered):
    from dermbench.tasks import task_names

    assert {"cpu-small", "efficientnet-b4", "quickstart"} <= set(offered("dermbench train --preset "))
    assert offered("dermbench train --preset cpu-s") == ["cpu-small"]
    assert offered("dermbench eval p.csv --task ") == task_names()
    assert offered("dermbench data prepare fitz") == [name for name in task_names() if name.startswith("fitz")]
    assert offered("dermbench dossier --standard st") == ["stard-ai"]


@pytest.mark.parametrize("verb", ["eval p.csv", "compare a.csv b.csv", "plan", "predict run", "explain run"])
def test_splits_of_the_dataset(offered, dataset, verb):
    assert offered(f"dermbench {verb} --data {dataset} --split ") == ["test", "train", "val"]
    assert offered(f"dermbench {verb} --data {dataset} --split train+t") == ["train+test"]


def test_values_unsafe_for_a_shell_are_not_offered(offered, dataset):
    text = offered(f"dermbench eval p.csv --data {dataset} --split ", shell="zsh")
    assert text == '_arguments \'*: :(("test"\n"train"\n"val"))\'\n'


@pytest.mark.parametrize("content", ["not toml [", "images = 3", 'a = "' + "x" * completion.LARGEST + '"', None])
def test_an_unreadable_dataset_offers_no_completion_and_no_message(offered, tmp_path, content):
    if content is not None:
        (tmp_path / "dataset.toml").write_text(content, encoding="utf-8")
    assert offered(f"dermbench eval p.csv --data {tmp_path} --split ") == []
    assert offered("dermbench eval p.csv --split ") == []
    assert offered("dermbench no-such-verb --x ") is not None


def test_an_error_of_the_command_line_is_silent(offered, monkeypatch, capsys):
    def broken(**_):
        raise RuntimeError("broken")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.setenv(cli.COMPLETING, "complete_bash")
    cli.main()
    assert capsys.readouterr() == ("", "")


def test_nothing_heavy_is_imported(dataset):
    line = f"dermbench eval p.csv --data {dataset} --split t"
    asked = {**os.environ, cli.COMPLETING: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "6"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=asked, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("test\ntrain\nheavy:\n", "")
