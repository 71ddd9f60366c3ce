"""Whatever strangers write reaches a terminal as text; a command that is stopped tidies up and says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
import typer
from rich.table import Table

from dermbench import cli
from dermbench.cli.output import say
from dermbench.console import make_console
from dermbench.errors import DermbenchError, InputError, Terminated, printable

HOSTILE = "a[/b]\x1b[31m\u202eb\x07\x9b\u2066\u200b\ud800\U000e0041:smile:"
SHOWN = r"a[/b]\u001b[31m\u202eb\u0007\u009b\u2066\u200b\ud800\udb40\udc41:smile:"


def test_hidden_characters_are_shown_and_others_kept():
    assert printable(HOSTILE) == SHOWN
    assert printable("é 日本\n\t-.05") == "é 日本\n\t-.05"
    assert printable("a\nb\r", keep="") == r"a\u000ab\u000d"
    assert json.loads(printable(json.dumps({"a": "\u202ex\x9b"}, ensure_ascii=False))) == {"a": "\u202ex\x9b"}


def test_the_name_of_a_file_cannot_forge_lines_of_a_message():
    error = InputError("a\nerror: b\x1b[2J.csv", ["bad"])
    assert str(error).splitlines()[0] == r"a\u000aerror: b\u001b[2J.csv: 1 problem"


@pytest.mark.parametrize("err", [False, True])
def test_lines_and_tables_are_printed_as_text(capsys, err):
    say(HOSTILE, err=err)
    console = make_console(stderr=err, width=200)
    console.print(HOSTILE)
    console.rule(HOSTILE)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    console.print(table)
    printed = capsys.readouterr()[err]
    assert printed.count(SHOWN) == 5
    assert printable(printed) == printed


SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
from pathlib import Path
from dermbench import cli
from dermbench.artifacts.files import atomic_path
@cli.app.command("wait")
def wait():
    with atomic_path(Path("out.csv")) as part:
        part.write_text("x")
        time.sleep(60)
sys.argv = ["dermbench", "wait"]
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "code", "words"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_ends_a_command_tidily(tmp_path, number, code, words):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(tmp_path.iterdir()):
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (code, "", f"error: {words}\n")
    assert not list(tmp_path.iterdir())


PIPED = """
import sys
from dermbench import cli
from dermbench.cli.output import say
from dermbench.console import make_console
@cli.app.command("lines")
def lines(kind: str):
    for number in range(20_000):
        (make_console().print if kind == "console" else say)(f"line {number}")
sys.argv = ["dermbench", "lines", sys.argv[1]]
cli.main()
"""


@pytest.mark.parametrize("kind", ["console", "say"])
def test_a_closed_pipe_ends_the_command_silently(kind):
    words = [sys.executable, "-c", PIPED, kind]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (cli.PIPE_CLOSED, "")
    process.stderr.close()


@pytest.fixture
def end(monkeypatch, capsys):
    """Return exit code and stderr of a command line whose one verb is a function."""
    monkeypatch.setattr(cli, "_set_up", lambda: None)

    def run(verb, *words):
        app = typer.Typer(cls=cli.Shell, pretty_exceptions_enable=False)
        app.command("verb")(verb)
        app.command("other")(lambda: None)
        monkeypatch.setattr(cli, "app", app)
        monkeypatch.setattr(sys, "argv", ["dermbench", "verb", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SystemExit(0), 2, "another library ended the program: SystemExit(0)"),
        (DermbenchError("a[/b]\x1b[31m"), 2, r"a[/b]\u001b[31m"),
        (OSError(5, "x", "a\x1b"), 2, r"a\u001b: x"),
        (FileNotFoundError(2, "none", "\udcff\x9b"), 2, r"\udcff\u009b: none"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(signal.SIGHUP), 129, "terminated"),
    ],
)
def test_every_error_is_one_printable_message(end, error, code, message):
    def verb():
        raise error

    assert end(verb) == (code, f"error: {message}\n")


def test_wrong_usage_is_printable(end):
    code, text = end(lambda: None, "a\x9b\u202e")
    assert code == 2
    assert not {"\x9b", "\u202e"} & set(text)
