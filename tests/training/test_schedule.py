from __future__ import annotations

import pytest

from dermbench.training.run.schedule import FLOOR, SCHEDULES, rate_share
from dermbench.training.run.selection import SELECTIONS


@pytest.mark.parametrize("name", SCHEDULES)
def test_shares_stay_between_zero_and_one(name):
    shares = [rate_share(name, step, total=40, warmup=4) for step in range(41)]
    assert all(0 < share <= 1 for share in shares)
    assert max(shares) == pytest.approx(1.0, abs=0.02)


def test_warm_up_rises_linearly():
    assert [rate_share("constant", s, total=9, warmup=4) for s in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_cosine_falls_from_one_to_the_floor():
    shares = [rate_share("cosine", step, total=10) for step in range(11)]
    assert shares[0] == 1
    assert shares[-1] == pytest.approx(FLOOR)
    assert shares == sorted(shares, reverse=True)


def test_selection_prefers_the_earlier_of_two_equals():
    rows = [{"val_macro_f1": score, "val_loss": 1 - score} for score in (0.4, 0.5, 0.5, 0.3)]
    assert SELECTIONS["macro_f1"].choose(rows[:1]) is rows[0]
    assert SELECTIONS["macro_f1"].choose(rows) is rows[1]
    assert SELECTIONS["loss"].choose(rows) is rows[1]
