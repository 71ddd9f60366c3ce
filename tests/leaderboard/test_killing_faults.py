"""Really killed, in a process of its own, a board is the old one or the new one.

Every file operation of a verb is tried by ``nox -s faults``, every seventh otherwise.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from dermbench.artifacts.files import write_text
from dermbench.leaderboard import Effort, add, build
from dermbench.leaderboard.board import entry_folders
from tests.faults import ALL

SCRIPT = """
import importlib, os, shutil, sys
from pathlib import Path
import dermbench.evaluation, dermbench.reporting
from dermbench.artifacts.hashing import file_digest
from dermbench.leaderboard import Effort, add, build, remove
from dermbench.leaderboard.board import entry_folders
from dermbench.leaderboard.index import read_index

board, predictions, verb = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
scored = {}
adding, checking = (importlib.import_module(f"dermbench.leaderboard.{name}") for name in ("add", "check_entry"))
original = adding.recompute
def once(path, truth, settings, **how):
    key = file_digest(path)
    if key not in scored:
        scored[key] = original(path, truth, settings)
    return scored[key].model_copy(deep=True)
adding.recompute = checking.recompute = once

verbs = {
    "add": lambda where: add(where, predictions, name="New"),
    "replace": lambda where: add(where, predictions, name="Middle", replace=True),
    "remove": lambda where: remove(where, "Middle"),
}
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.truncate"}
countdown = None
def hook(event, arguments):
    global countdown
    if countdown is None:
        return
    if event != "os.rename" and "/.new-" in str(arguments[:1]):
        return  # not yet a part of the board
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in CHANGES or writes:
        countdown -= 1
        if countdown < 0:
            os._exit(9)

def state(where):
    return {p.name: file_digest(p / "entry.toml") for p in entry_folders(where)}

def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def copied(name):
    where = board.parent / name
    shutil.copytree(board, where)
    return where

whole = copied("whole")
verbs[verb](whole)
allowed = [state(board), state(whole)]
sys.addaudithook(hook)
for point in range(0, 1000, int(sys.argv[4])):
    where = copied(f"killed-{point}")
    def work():
        global countdown
        countdown = point
        verbs[verb](where)
    code = forked(work)
    assert code in (0, 9), code
    [done] = build(where, effort=Effort(quick=True))
    assert not done.problems, (point, done.problems)
    assert state(where) in allowed, point
    assert {s: l.entry for s, l in read_index(where).current.items()} == state(where), point
    assert not list(where.glob("entries/.old-*")), point
    shutil.rmtree(where)
    if code == 0:
        print(point)
        break
"""


@pytest.mark.parametrize(
    "verb", ["remove", *(pytest.param(verb, marks=pytest.mark.long) for verb in ("add", "replace"))]
)
def test_killed_at_any_file_operation(board, predictions, verb):
    step = "1" if os.environ.get(ALL) == "all" else "7"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(board), str(predictions[2]), verb, step],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    assert int(done.stdout) >= 5, "the verb was killed at so many points"


def test_killed_while_building_is_the_old_board(board, predictions, monkeypatch):
    add(board, predictions[2], name="Third")
    before = (board / "README.md").read_bytes()

    def until_readme(path, text):
        if path.name == "README.md":
            raise KeyboardInterrupt
        write_text(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module("dermbench.leaderboard.build"), "write_text", until_readme)
        with pytest.raises(KeyboardInterrupt):
            build(board, effort=Effort(quick=True))
    assert (board / "README.md").read_bytes() == before
    (done,) = build(board, effort=Effort(quick=True))
    assert not done.problems
    assert done.written == ["README.md"]
    assert len(entry_folders(board)) == 3
