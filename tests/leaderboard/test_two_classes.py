"""A board of two classes: its reports start with sensitivity, and verify recomputes operating points as well."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from dermbench.artifacts import make_predictions, make_truth, write_predictions
from dermbench.leaderboard import Effort, add, build, verify

BOARD = """\
schema = "dermbench.board/1"
task = "moles"
title = "Moles"
resamples = 99
sensitive = ["fst"]
store_truth = true
"""


def test_operating_points_are_recomputed_and_a_changed_one_is_named(tmp_path, edit_report):
    rng = np.random.default_rng(0)
    label = np.array(["benign", "malignant"])[(np.arange(80) % 4 == 0).astype(int)]
    table = pd.DataFrame(
        {"image_id": [f"{i:02}" for i in range(80)], "label": label, "fst": 1 + np.arange(80) % 3}
    )
    truth = make_truth(table, classes=("benign", "malignant"), task="moles", split="test", sensitive=("fst",))
    board = tmp_path / "moles"
    board.mkdir()
    (board / "board.toml").write_text(BOARD)
    for name, shift in (("One", 0.5), ("Two", 0.2)):
        high = np.clip(rng.normal(0.3 + shift * (truth.y_true == 1), 0.1), 0.01, 0.99)
        made = make_predictions(truth.image_id, np.column_stack([1 - high, high]), truth.classes)
        write_predictions(tmp_path / f"{name}.parquet", made)
        add(board, tmp_path / f"{name}.parquet", name=name, truth=truth)
    (done,) = build(board)
    assert not done.problems
    report = json.loads((board / "entries" / "one" / "report.json").read_text())
    assert report["primary"] == {"feature": "fst", "metric": "sensitivity"}
    assert report["operating_points"][0]["rule"] == "argmax"
    for quick in (False, True):
        (found,) = verify(board, effort=Effort(quick=quick))
        assert not found.problems
    edit_report(
        board / "entries" / "one",
        lambda d: d["operating_points"][0]["groups"]["I"]["sensitivity"].update(value=0.123),
    )
    (found,) = verify(board, effort=Effort(quick=True))
    assert any("operating_points" in str(problem) for problem in found.problems)
