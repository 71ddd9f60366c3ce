"""A command that works for long says so on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell would ignore it
from dermbench import cli, waiting
waiting.AFTER = {after}
@cli.app.command("work")
def work():
    try:
        with waiting.waiting("evaluating [red]"):
            print("in the block", file=sys.stderr)
            {body}
    finally:
        print(threading.active_count(), "rich" in sys.modules)
sys.argv = ["dermbench", "work"]
cli.main()
"""
BAR = 'waiting.with_bar((time.sleep(.02) or n for n in range(30)), "looking", 30); time.sleep(.3)'
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A program with stderr on a terminal of 80 columns, stdout in a pipe."""

    def __init__(self, body, *, after=0.05, **env):
        self.near, far = pty.openpty()
        script = SCRIPT.format(body=body, after=after)
        environment = {k: v for k, v in os.environ.items() if k not in {"CI", "COLUMNS"}}
        environment |= {"TERM": "xterm", "COLUMNS": "80", **env}
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=far, env=environment, text=True
        )
        os.close(far)
        self.seen = ""

    def read(self, until=None):
        while until is None or until not in self.seen:
            try:
                self.seen += os.read(self.near, 4096).decode()
            except OSError:  # the other end is closed
                break
        return self.seen

    def end(self):
        stdout = self.process.stdout.read()
        self.process.stdout.close()
        seen = self.read()
        os.close(self.near)
        return self.process.wait(60), stdout, seen


def left(seen):
    """Return the lines that are left on the terminal."""
    lines, at = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", seen):
        if part == "\n":
            at += 1
            lines += [""] * (at == len(lines))
        elif part == "\x1b[2K":
            lines[at] = ""
        elif part == "\x1b[1A":
            at -= 1
        elif part != "\r" and not part.startswith("\x1b"):
            lines[at] += part
    return [line.rstrip() for line in lines if line.strip()]


def test_a_spinner_comes_and_goes():
    code, stdout, seen = Terminal("time.sleep(.5)").end()
    assert (code, stdout) == (0, "1 True\n")  # one thread is left
    assert "evaluating [red]" in seen
    assert seen.rindex(SHOW) > seen.rindex(HIDE)
    assert left(seen) == ["in the block"]


def test_an_inner_step_has_a_bar():
    code, _, seen = Terminal(BAR).end()
    assert code == 0
    assert re.search(r"looking \d+/30", seen)
    assert seen.rindex("evaluating") > seen.rindex("looking")
    frames = re.findall(r"(?:evaluating|looking)[^\r]*", seen)
    assert all(("━" in frame) == frame.startswith("looking") for frame in frames)
    assert left(seen) == ["in the block"]


@pytest.mark.parametrize(("after", "env"), [(60, {}), (0.05, {"CI": "1"}), (0.05, {"TERM": "dumb"})])
def test_nothing_is_shown_and_nothing_imported(after, env):
    code, stdout, seen = Terminal("time.sleep(.2)", after=after, **env).end()
    assert (code, stdout, seen) == (0, "1 False\n", "in the block\r\n")


def test_a_pipe_gets_nothing():
    script = SCRIPT.format(body=BAR, after=0.05)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 False\n", "in the block\n")


def test_an_error_finds_a_clean_terminal():
    raising = "time.sleep(.5); raise waiting_error"
    body = raising.replace("waiting_error", 'cli.DermbenchError("a.csv: bad")')
    code, stdout, seen = Terminal(body).end()
    assert (code, stdout) == (2, "1 True\n")
    assert left(seen) == ["in the block", "error: a.csv: bad"]
    assert seen.rindex(SHOW) > seen.rindex(HIDE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_interrupts_finds_a_clean_terminal(number, code):
    terminal = Terminal("time.sleep(60)")
    terminal.read(until="evaluating")
    terminal.process.send_signal(number)
    started = time.monotonic()
    ended, stdout, seen = terminal.end()
    assert (ended, stdout) == (code, "1 True\n")
    assert time.monotonic() - started < 10
    assert left(seen)[0] == "in the block"
    assert left(seen)[-1] == ("error: interrupted" if code == 130 else "error: terminated")
    assert len(left(seen)) == 2
    assert seen.rindex(SHOW) > seen.rindex(HIDE)
