"""A disk that fills up or a killed process while a board is opened: it is there as a whole or not at all."""

from __future__ import annotations

import importlib
import shutil

import pytest

from dermbench.errors import DermbenchError, UsageError
from dermbench.leaderboard import Effort, init, verify
from dermbench.leaderboard.board import board_folders
from tests.faults import KILLED, NAMES, Killed, chosen, count_points, fault_at


@pytest.mark.parametrize("empty_folder", [False, True])
def test_init_killed_anywhere_leaves_a_whole_board_or_none(tmp_path, truth, monkeypatch, empty_folder):
    opening = importlib.import_module("dermbench.leaderboard.init")
    monkeypatch.setattr(opening, "_try_out", lambda *given: None)
    table = tmp_path / "truth.csv"
    truth.table.to_csv(table, index=False)

    def opened(where):
        init(where / "b", title="Toy", metric="macro_f1", truth=table)

    def prepared(name):
        (tmp_path / name).mkdir()
        if empty_folder:
            (tmp_path / name / "b").mkdir()
        return tmp_path / name

    whole = prepared("whole")
    n_points = count_points(whole, lambda: opened(whole))
    for at, number in chosen(n_points, few=3, seed=int(empty_folder)):
        where = prepared(f"{at}-{number}")
        with fault_at(where, at, number) as points:
            try:
                opened(where)
            except (DermbenchError, OSError, Killed):
                assert points.failed
        told = f"point {at}, {NAMES[number]}: {points.failed}"
        if (where / "b/board.toml").exists():
            assert not verify(where / "b", effort=Effort(quick=True))[0].problems, told
        else:
            with pytest.raises(UsageError, match="no board found"):
                board_folders(where)
            if number != KILLED and not points.may_leave:
                assert [path.name for path in where.iterdir()] == ["b"] * empty_folder, told
        shutil.rmtree(where)
