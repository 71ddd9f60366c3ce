from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from dermbench.artifacts import Report, RunRecord, read_entry
from dermbench.errors import InputError, UsageError
from dermbench.leaderboard import Effort, add, build, slugify, verify
from dermbench.leaderboard.board import entry_folders, read_board
from dermbench.leaderboard.index import read_index

MODULE = importlib.import_module("dermbench.leaderboard.add")
"""The module, whose name in the package is that of its function."""


def snapshot(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".board.lock"
    }


def test_entry_holds_predictions_report_and_hashes(empty, predictions, truth):
    entry = add(empty, predictions[0], name="Good", truth=truth, authors="A", seed=3)
    folder = empty / "entries" / "good"
    assert {p.name for p in folder.iterdir()} == {"entry.toml", "predictions.parquet", "report.json", "report.md"}
    assert read_entry(folder / "entry.toml") == entry
    assert set(entry.hashes) == {"predictions.parquet", "report.json", "report.md"}
    report = Report.read(folder / "report.json")
    table = pd.read_csv(predictions[0], dtype={"image_id": str}).sort_values("image_id")
    labels = truth.table["label"].to_numpy()
    pred = table.filter(like="prob_").idxmax(axis=1).str.removeprefix("prob_").to_numpy()
    assert report.overall["accuracy"].value == pytest.approx((pred == labels).mean(), abs=1e-6)


def test_first_entry_makes_the_board(tmp_path, predictions, truth):
    add(tmp_path / "new", predictions[0], name="Good", truth=truth, store_truth=True)
    board = read_board(tmp_path / "new")
    assert (board.task, board.split, board.classes) == ("toy", "test", truth.classes)
    assert board.sensitive == ("fst", "fst_band", "sex")
    add(tmp_path / "new", predictions[1], name="Second")
    assert read_board(tmp_path / "new") == board


def test_truth_is_not_stored_unless_asked(tmp_path, predictions, truth):
    add(tmp_path / "new", predictions[0], name="Good", truth=truth)
    assert not (tmp_path / "new" / "truth.csv").exists()
    with pytest.raises(UsageError, match="true labels of this board are not stored"):
        add(tmp_path / "new", predictions[1], name="Second")


def test_board_comments_survive(empty, predictions, truth):
    text = (empty / "board.toml").read_text()
    (empty / "board.toml").write_text("# why this board\n" + text)
    add(empty, predictions[0], name="Good", truth=truth)
    assert (empty / "board.toml").read_text().startswith("# why this board\n")


@pytest.mark.parametrize("where", ["dataset table", "file"])
def test_same_digest_from_table_and_stored_file(empty, predictions, truth, tmp_path, where):
    add(empty, predictions[0], name="Good", truth=truth)
    given = truth
    if where == "file":
        given = tmp_path / "again.csv"
        truth.table.sample(frac=1, random_state=1).to_csv(given, index=False)
    entry = add(empty, predictions[1], name="Again", truth=given)
    assert entry.truth_digest == read_board(empty).truth_digest


def test_other_truth_is_refused(board, predictions, truth):
    other = truth.table.assign(label=[*truth.table["label"][1:], truth.table["label"][0]])
    path = board.parent / "other.csv"
    other.to_csv(path, index=False)
    before = snapshot(board)
    with pytest.raises(InputError, match="the board was made with sha256"):
        add(board, predictions[0], name="Other", truth=path)
    assert snapshot(board) == before


def test_all_problems_of_the_predictions_in_one_message(board, predictions):
    table = pd.read_csv(predictions[0], dtype={"image_id": str})
    bad = pd.concat([table.iloc[2:], table.iloc[[5]], table.iloc[[6]].assign(image_id="x")])
    bad.loc[10, "prob_macule"] = float("nan")
    bad.loc[11, "prob_wheal"] += 0.5
    path = board.parent / "bad.csv"
    bad.to_csv(path, index=False)
    before = snapshot(board)
    with pytest.raises(InputError) as caught:
        add(board, path, name="Bad")
    text = str(caught.value)
    for word in ("missing", "repeated", "does not have", "NaN"):
        assert word in text
    assert snapshot(board) == before


def test_taken_name_needs_replace(board, predictions):
    before = snapshot(board)
    with pytest.raises(UsageError, match="taken by the entry 'Good one'"):
        add(board, predictions[2], name="good ONE")
    assert snapshot(board) == before
    add(board, predictions[2], name="Good one", replace=True)
    assert len(entry_folders(board)) == 2
    (done,) = build(board)
    assert not done.problems
    first = json.loads((board / "leaderboard.json").read_text())["entries"][0]
    assert first["about"]["name"] == "Middle"


HOSTILE = ["-1+cmd", "+1", "a|b <i>x</i> `q`", "=cmd()", "@x", "../../up", "皮膚", "[x](javascript:y)"]


def test_hostile_names_stay_inside_and_keep_the_table_whole(board, predictions):
    outside = {p.name for p in board.parent.iterdir()}
    for name in HOSTILE:
        add(board, predictions[2], name=name)
        assert (board / "entries" / slugify(name) / "entry.toml").is_file()
    assert {p.name for p in board.parent.iterdir()} == outside
    (done,) = build(board)
    assert not done.problems
    text = (board / "README.md").read_text()
    assert "<i>" not in text
    assert not re.search(r"(?<!\\)\]\((?!entries/[a-z0-9-]+/report\.md\))", text)
    for section in text.split("\n## ")[1:]:
        table = [line for line in section.splitlines() if line.startswith("|")]
        assert len(table) == 2 + 2 + len(HOSTILE)
        assert len({line.count("|") for line in table}) == 1
    names = pd.read_csv(board / "leaderboard.csv", dtype=str, keep_default_na=False)["name"]
    assert len(names) == 2 + len(HOSTILE)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in names)


@pytest.mark.parametrize(
    "name", ["", "   ", "two\nlines", "\u202egnp", "\x1b[31mred", "x" * 81, "y" * 10_000, "a\u2028b", "a\u061cb"]
)
def test_unprintable_names_are_refused(board, predictions, name):
    before = snapshot(board)
    with pytest.raises(InputError, match="name"):
        add(board, predictions[2], name=name)
    assert snapshot(board) == before


def test_unsafe_links_are_refused(board, predictions):
    with pytest.raises(InputError, match="link"):
        add(board, predictions[2], name="L", link="javascript:alert(1)")


def test_run_record_is_kept_without_folders(empty, predictions, truth, tmp_path):
    record = RunRecord(
        status="finished",
        task="toy",
        classes=truth.classes,
        dataset_digest="sha256:0",
        config={"data": "/home/somebody/secret/dataset", "parts": ["/a/b"], "lr": 0.1},
        seed=7,
        device="cpu",
        precision="float32",
        pretrained="none (random initialisation)",
        selection="last",
    )
    record.write(tmp_path / "run.json")
    entry = add(empty, predictions[0], name="Run", truth=truth, run=tmp_path)
    kept = RunRecord.read(empty / "entries" / "run" / "run.json")
    assert kept.config == {"data": "dataset", "parts": ["b"], "lr": 0.1}
    assert entry.seed == 7
    assert "run.json" in entry.hashes


def test_run_of_another_task_is_refused(board, predictions, truth, tmp_path):
    record = RunRecord(
        status="finished",
        task="other",
        classes=truth.classes,
        dataset_digest="",
        config={},
        seed=0,
        device="cpu",
        precision="float32",
        pretrained="none",
        selection="last",
    )
    record.write(tmp_path / "run.json")
    with pytest.raises(UsageError, match="trained on task 'other'"):
        add(board, predictions[2], name="Run", run=tmp_path / "run.json")


@pytest.mark.parametrize("step", ["write_entry", "_settle_board", "put_in_place"])
def test_a_failure_before_the_rename_leaves_the_board_as_it_was(board, predictions, monkeypatch, step):
    def fail(*_args, **_kwargs):
        raise KeyboardInterrupt

    before = snapshot(board)
    monkeypatch.setattr(MODULE, step, fail)
    with pytest.raises(KeyboardInterrupt):
        add(board, predictions[2], name="Never")
    assert snapshot(board) == before


KILL = """
import importlib, os, sys
module = importlib.import_module("dermbench.leaderboard.add")
def die(*a, **k):
    os._exit(9)
place = importlib.import_module("dermbench.leaderboard.place")
setattr(module if hasattr(module, sys.argv[3]) else place, sys.argv[3], die)
module.add(sys.argv[1], sys.argv[2], name=sys.argv[4], replace=True)
"""


def killed(board, predictions, step, name):
    command = [sys.executable, "-c", KILL, str(board), str(predictions), step, name]
    done = subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 9


def test_killed_before_the_rename_is_the_old_board(board, predictions):
    before = snapshot(board)
    killed(board, predictions[2], "put_in_place", "Never")
    visible = {k: v for k, v in snapshot(board).items() if "/.new-" not in k}
    assert visible == before
    assert not verify(board)[0].problems
    assert len(entry_folders(board)) == 2


def test_killed_between_rename_and_index_is_the_new_board_after_build(board, predictions):
    killed(board, predictions[2], "append_entry", "Late")
    (found,) = verify(board)
    assert any("late: not listed in index.jsonl" in problem for problem in found.problems)
    (done,) = build(board)
    assert not done.problems
    assert done.n_entries == 3
    assert not verify(board)[0].problems


def test_killed_while_replacing_is_the_old_board_after_build(board, predictions):
    before = (board / "index.jsonl").read_bytes()
    killed(board, predictions[2], "append_entry", "Middle")
    (done,) = build(board)
    assert not done.problems
    assert (board / "index.jsonl").read_bytes() == before
    assert not verify(board)[0].problems


ADD = """
import multiprocessing, sys
import dermbench.evaluation
from dermbench.leaderboard import add
def one(barrier, name):
    barrier.wait()
    add(sys.argv[1], sys.argv[2], name=name)
names = sys.argv[3].split("|")
context = multiprocessing.get_context("fork")  # eight processes for the price of one import
barrier = context.Barrier(len(names))
running = [context.Process(target=one, args=(barrier, name)) for name in names]
for process in running:
    process.start()
for process in running:
    process.join()
sys.exit(max(process.exitcode != 0 for process in running))
"""


@pytest.mark.long
def test_concurrent_adds_lose_none(board, predictions):
    names = [f"Model {i}" for i in range(8)]
    command = [sys.executable, "-c", ADD, str(board), str(predictions[1]), "|".join(names)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=240)
    index = read_index(board)
    assert sorted(index.current) == ["good-one", "middle", *(f"model-{i}" for i in range(8))]
    assert [line.sequence for line in index.lines] == list(range(1, 12))
    (done,) = build(board, effort=Effort(quick=True))
    assert not done.problems


def test_the_markdown_is_that_of_the_file_as_it_is_read(empty, predictions, truth, monkeypatch):
    """Files sort their keys; a rendering that follows the order of keys must not differ from a later one."""
    monkeypatch.setattr(MODULE, "to_markdown", lambda report: " ".join(report.per_class))
    scored = MODULE.recompute

    def unsorted(*given):
        report = scored(*given)
        return report.model_copy(update={"per_class": dict(reversed(report.per_class.items()))})

    monkeypatch.setattr(MODULE, "recompute", unsorted)
    add(empty, predictions[0], name="One", truth=truth)
    assert (empty / "entries/one/report.md").read_text() == "macule papule wheal"
