"""Verbs are found in their room, and a command imports what it needs and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from inspect import signature

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from dermbench.cli import app, verbs

SCRIPT = """
import contextlib, io, json, sys
from dermbench import cli
sys.argv = ["dermbench", *json.loads(sys.argv[1])]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    cli.main()
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"numpy", "pandas", "torch", "pydantic", "rich", "importlib.metadata", "multiprocessing", "scipy"}


def imported(*words):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(words)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@cache
def of_typer():
    """Return what typer itself imports; early versions import rich."""
    script = "import json, sys, typer.main; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("words", [(), ("data",), ("plan",), ("eval",)])
def test_help_imports_nothing_heavy(words):
    assert not (imported(*words, "--help") - of_typer()) & HEAVY


def test_a_verb_with_the_name_of_its_module_imports_no_other():
    found = {name for name in imported("explain", "--help") if name.startswith("dermbench.cli.")}
    assert found == {f"dermbench.cli.{name}" for name in ("completion", "explain", "output", "verbs")}


MODULE = '''
def register(app):
    """Add the verb."""
    app.command("look-here")(look)


def look() -> None:
    """Look here, which is a sentence too long for the forty-five characters that click would show.

    More of it.
    """
    print("looked")
'''


@pytest.fixture
def room(tmp_path, monkeypatch):
    from dermbench import cli

    (tmp_path / "look_here.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "no_verb.py").write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    yield
    for name in ("look_here", "no_verb"):
        sys.modules.pop(f"dermbench.cli.{name}", None)
    verbs.verbs_of.cache_clear()


@pytest.mark.usefixtures("room")
def test_a_new_module_of_the_package_adds_a_verb(capsys):
    command = get_command(app)
    assert list(command.commands)[-1] == "look-here"  # it does not say its place
    assert command.get_command(None, "no_verb") is None
    with pytest.raises(SystemExit):
        command.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "look-here Look here, which is a sentence too long for the forty-five" in shown
    assert "click would show. More" not in shown
    with pytest.raises(SystemExit):
        command.main(["look-here"])
    assert capsys.readouterr().out == "looked\n"


def test_the_list_is_in_the_order_of_work():
    names = list(get_command(app).commands)
    assert names.index("data") < names.index("train") < names.index("predict") < names.index("eval")
    assert names.index("embed") == names.index("predict") + 1
    assert len(names) == len(set(names)) == len(get_command(app).commands)


@pytest.mark.skipif("suggest_commands" not in signature(TyperGroup).parameters, reason="an early typer")
def test_a_verb_that_is_mistyped_is_suggested(capsys):
    with pytest.raises(SystemExit):
        get_command(app).main(["evl"])
    assert "Did you mean 'eval'?" in capsys.readouterr().err
