from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import Report, make_predictions, make_truth, write_predictions
from dermbench.leaderboard import add, build
from dermbench.reporting import to_markdown

CLASSES = ("macule", "papule", "wheal")


def truth_of(n=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.array(CLASSES)[np.arange(n) % 3]
    fst = [None if i % 15 == 14 else 1 + (i // 3) % 3 for i in range(n)]
    table = pd.DataFrame(
        {
            "image_id": [f"{i:03d}" for i in range(n)],
            "label": labels,
            "fst": pd.array(fst, dtype="Int64"),
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "sex": np.where(rng.random(n) < 0.5, "female", "male"),
            "contrast": rng.random(n),
        }
    )
    return make_truth(table, classes=CLASSES, task="toy", split="test", sensitive=("fst", "fst_band", "sex"))


def predict(path, truth, accuracy, seed):
    rng = np.random.default_rng(seed)
    prob = rng.dirichlet(np.ones(3), len(truth))
    hit = rng.random(len(truth)) < accuracy
    prob[hit] *= 0.2
    prob[hit, truth.y_true[hit]] += 0.8
    write_predictions(path, make_predictions(truth.image_id, prob, truth.classes))
    return path


@pytest.fixture(scope="session")
def truth():
    return truth_of()


@pytest.fixture
def predictions(tmp_path, truth):
    """Three predictions files, the best first."""
    return [
        predict(tmp_path / f"{name}.csv", truth, accuracy, seed)
        for seed, (name, accuracy) in enumerate((("good", 0.9), ("middle", 0.5), ("chance", 0.0)))
    ]


FEW = """\
schema = "dermbench.board/1"
task = "toy"
title = "Toy"
resamples = 99
sensitive = ["fst"]
store_truth = true
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory, truth):
    """A board of two entries, built; copied for each test."""
    root = tmp_path_factory.mktemp("built")
    board = root / "toy"
    board.mkdir()
    (board / "board.toml").write_text(FEW)
    for seed, (name, accuracy) in enumerate((("Good one", 0.9), ("Middle", 0.5))):
        add(board, predict(root / f"{seed}.parquet", truth, accuracy, seed), name=name, truth=truth, model="net")
    (done,) = build(board)
    assert not done.problems
    return board


@pytest.fixture
def board(built, tmp_path):
    copy = tmp_path / "toy"
    shutil.copytree(built, copy)
    return copy


@pytest.fixture
def edit_report():
    """Give a function that changes the document of a report, and makes report.md fit where that is wanted."""

    def edit(folder, change, *, markdown=True):
        document = json.loads((folder / "report.json").read_text())
        change(document)
        report = Report.model_validate(document)
        report.write(folder / "report.json")
        if markdown:
            (folder / "report.md").write_text(to_markdown(Report.read(folder / "report.json")))

    return edit


@pytest.fixture
def empty(tmp_path):
    board = tmp_path / "empty"
    board.mkdir()
    (board / "board.toml").write_text(FEW)
    return board
