"""An answers file as a candidate: predicted, evaluated, and beside a run on one board."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import Report
from dermbench.cli import main
from dermbench.errors import InputError, UsageError
from dermbench.leaderboard import add, build, verify
from dermbench.training import embed, predict
from dermbench.training.methods import TrainingSplit
from dermbench.training.methods.distill import read_teacher

BOARD = """\
schema = "dermbench.board/1"
task = "{task}"
title = "A run beside a model that answers in words"
resamples = 19
sensitive = ["fst"]
store_truth = true
"""


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["dermbench", *map(str, words)])
    try:
        main()
    except SystemExit as done:
        return done.code or 0
    return 0


@pytest.fixture
def answers(shared_dataset, tmp_path):
    """Right answers for the test split, but for the first image (a refusal) and the second (two classes)."""
    part = shared_dataset.part("test")
    said = [f"The image shows a {label}." for label in part["label"]]
    said[:2] = ["I'm sorry, but I can't diagnose skin conditions.", "A macule or a plaque."]
    path = tmp_path / "vlm.jsonl"
    rows = [{"image_id": i, "answer": text} for i, text in zip(part["image_id"], said, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_predict_and_eval(shared_dataset, answers, tmp_path, monkeypatch, capsys):
    data, out, report = shared_dataset.root, tmp_path / "p.csv", tmp_path / "report.json"
    assert call(monkeypatch, "predict", f"answers:{answers}", "--data", data, "--out", out) == 0
    shown = capsys.readouterr().out
    n = len(shared_dataset.part("test"))
    assert f"Of {n} answers {n - 2} name a class, 1 are refusals and 1 could not be read." in shown
    table = pd.read_csv(out, keep_default_na=False)
    assert table.columns.tolist() == ["image_id", "pred", "no_answer"]
    assert sorted(table["no_answer"]) == [""] * (n - 2) + ["refused", "unparsable"]
    assert "can't" not in out.read_text()
    words = ("--data", data, "--resamples", 99, "--out", report)
    assert call(monkeypatch, "eval", out, *words) == 0
    assert f"2 of {n} answers were refused (1) or could not be read (1); they count as wrong" in " ".join(
        capsys.readouterr().out.split()
    )
    assert Report.read(report).overall["accuracy"].value == pytest.approx((n - 2) / n, abs=1e-6)


def test_beside_a_run_on_one_board(shared_dataset, finished_run, answers, tmp_path):
    board = tmp_path / "board"
    board.mkdir()
    (board / "board.toml").write_text(BOARD.format(task=shared_dataset.info.task))
    predict(finished_run, shared_dataset, out=tmp_path / "run.parquet")
    predict(f"answers:{answers}", shared_dataset, out=tmp_path / "vlm.parquet")
    add(board, tmp_path / "run.parquet", name="A run", truth=shared_dataset, run=finished_run, store_truth=True)
    add(board, tmp_path / "vlm.parquet", name="In words")
    (done,) = build(board)
    assert (done.problems, done.n_entries) == ([], 2)
    (checked,) = verify(board)
    assert not checked.problems
    report = Report.read(board / "entries/in-words/report.json")
    assert report.overall["accuracy"].value == pytest.approx(1 - 2 / report.n, abs=1e-6)
    assert "were refused (1) or could not be read (1)" in (board / "README.md").read_text()


def test_a_class_map_gives_synonyms(shared_dataset, tmp_path):
    part = shared_dataset.part("test")
    table = pd.DataFrame({"image_id": part["image_id"], "answer": "A lump."})
    table.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "map.toml").write_text('lump = "nodule"\n')
    candidate = f"answers:{tmp_path / 'a.csv'}"
    assert set(predict(candidate, shared_dataset).no_answer) == {"unparsable"}
    made = predict(candidate, shared_dataset, mapping=tmp_path / "map.toml")
    assert set(made.table()["pred"]) == {"nodule"}
    with pytest.raises(UsageError, match=r"--map is given, but .* does not take it"):
        predict("timm:resnet18", shared_dataset, mapping=tmp_path / "map.toml")


def test_what_an_answers_file_cannot_do(shared_dataset, finished_run, answers, tmp_path):
    candidate = f"answers:{answers}"
    with pytest.raises(UsageError, match="has no probabilities"):
        predict([candidate, finished_run], shared_dataset)
    with pytest.raises(UsageError, match="no embeddings"):
        embed(candidate, shared_dataset)
    rows = answers.read_text().splitlines()
    answers.write_text("\n".join([*rows[1:], '{"image_id": "strange", "answer": "macule"}']))
    with pytest.raises(InputError) as caught:
        predict(candidate, shared_dataset)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "1 missing image_id",
        "1 image_id that the truth does not have",
    ]
    assert "row with an empty answer" in caught.value.remedy
    with pytest.raises(UsageError, match="no such file"):
        predict(f"answers:{tmp_path / 'none.csv'}", shared_dataset)


def test_predictions_with_gaps_are_neither_averaged_nor_taught(shared_dataset, finished_run, tmp_path):
    made = predict(finished_run, shared_dataset).table()
    made["no_answer"] = None
    made.loc[0, made.columns[1:4]] = float("nan")
    made.loc[0, "no_answer"] = "refused"
    made.to_parquet(tmp_path / "gaps.parquet")
    with pytest.raises(UsageError, match="images without a prediction"):
        predict([tmp_path / "gaps.parquet", finished_run], shared_dataset)
    ids, classes = made["image_id"].to_numpy(dtype=object), shared_dataset.classes
    split = TrainingSplit(np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids)), {}, None, 3, ids, classes)
    with pytest.raises(InputError, match="images without a prediction"):
        read_teacher(tmp_path / "gaps.parquet", split)
