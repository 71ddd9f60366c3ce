"""Disks that fill up or go read-only and processes that are killed: a board is the old one or the new one."""

from __future__ import annotations

import importlib
import shutil
from contextlib import suppress

import pytest

from dermbench.artifacts.hashing import file_digest
from dermbench.errors import DermbenchError, UsageError
from dermbench.leaderboard import Effort, add, build, remove
from dermbench.leaderboard.board import entry_folders
from dermbench.leaderboard.comparison import Comparison
from dermbench.leaderboard.index import read_index
from tests.faults import ERRORS, KILLED, NAMES, Killed, chosen, count_points, fault_at, leftovers

QUICK = Effort(quick=True)


class AlreadyDoneError(Exception):
    """What was interrupted had come to its end."""


@pytest.fixture(scope="module")
def quick_scores():
    """Score each file once: what is tried here is where files change."""
    names = [f"dermbench.leaderboard.{name}" for name in ("add", "check_entry", "build")]
    adding, checking, building = map(importlib.import_module, names)
    scored, original = {}, adding.recompute

    def once(path, truth, board, **how):
        key = file_digest(path), board.resamples
        if key not in scored:
            scored[key] = original(path, truth, board)
        return scored[key].model_copy(deep=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adding, "recompute", once)
        patch.setattr(checking, "recompute", once)
        patch.setattr(building, "compare_entries", lambda *given: Comparison({}))
        yield


def first(where, predictions, truth):
    add(where, predictions[2], name="New", truth=truth, store_truth=True)


def added(where, predictions, truth):
    add(where, predictions[2], name="New")


def replaced(where, predictions, truth):
    add(where, predictions[2], name="Middle", replace=True)


def removed(where, predictions, truth):
    remove(where, "Middle")


def built(where, predictions, truth):
    assert not build(where, effort=QUICK)[0].problems


def accepted(where, predictions, truth):
    build(where, accept_settings=True, effort=QUICK)


def refreshed(where, predictions, truth):
    assert not build(where, accept_settings=True, refresh=True)[0].problems


EDITS = {accepted: ("Toy", "Real"), refreshed: ("resamples = 99", "resamples = 9")}
"""What a keeper changes in board.toml beforehand."""
VERBS = [first, added, replaced, removed, built, accepted, refreshed]


def state(where):
    """Return what a reader of the board sees: its entries and what its index says of them."""
    if not where.exists():
        return {}, {}
    listed = {slug: line.entry for slug, line in read_index(where).current.items()}
    return {path.name: file_digest(path / "entry.toml") for path in entry_folders(where)}, listed


def tried(n_points, seed):
    """Return points with a kill and an error each; the three errors take the same way through a board."""
    pairs = chosen(n_points, few=1, seed=seed)
    if len(pairs) > 2:
        return [(at, number) for at, number in pairs if number in {KILLED, ERRORS[at % len(ERRORS)]}]
    return [(at, kind) for (at, _), kind in zip(pairs, (KILLED, ERRORS[seed % len(ERRORS)]), strict=False)]


@pytest.mark.parametrize("verb", VERBS)
def test_board_changes_survive_a_fault_at_every_write(board, predictions, truth, tmp_path, quick_scores, verb):
    if verb is first:
        shutil.rmtree(board)
        board.mkdir()
    if verb in EDITS:
        path = board / "board.toml"
        path.write_text(path.read_text().replace(*EDITS[verb]))
    if verb is built:
        (board / "leaderboard.csv").unlink()
        add(board, predictions[2], name="New")
    whole = shutil.copytree(board, tmp_path / "whole")
    n_points = count_points(whole, lambda: verb(whole, predictions, truth))
    assert n_points >= 3
    old, new = state(board), state(whole)
    for at, number in tried(n_points, VERBS.index(verb)):
        where, told = shutil.copytree(board, tmp_path / f"{at}-{number}"), f"point {at}, {NAMES[number]}"
        with fault_at(where, at, number) as points:
            try:
                verb(where, predictions, truth)
            except (DermbenchError, OSError, Killed):
                assert points.failed, told
        told += f": {points.failed}"
        if number != KILLED and not points.may_leave:
            assert state(where) in (old, new) or verb is refreshed, told
            assert set(leftovers(where)) <= {".board.lock"}, told
        works_again(where, verb, (predictions, truth), told)
        assert state(where)[0] == state(where)[1], told
        assert state(where) == new, told
        shutil.rmtree(where)


def works_again(where, verb, given, told):
    """The next command finishes or undoes what was interrupted."""
    with suppress(AlreadyDoneError):
        try:
            verb(where, *given)
        except UsageError as error:
            if "taken by the entry" in str(error) or "no entry" in str(error):
                raise AlreadyDoneError from error
            raise
    if verb is not built:
        assert not build(where, effort=QUICK)[0].problems, told
    rest = {path.split("/")[1] for path in leftovers(where) if path.startswith("entries/")}
    assert all(name.startswith(".new-") for name in rest), told  # tidied when they are a day old
    assert [path for path in leftovers(where) if not path.startswith("entries/")] == [".board.lock"], told
