"""What a board says about how much its best entry is flattered."""

from __future__ import annotations

import json

import pytest

from dermbench.artifacts import read_entry, read_predictions
from dermbench.artifacts.report import Report
from dermbench.evaluation import selection_optimism
from dermbench.leaderboard import Effort, build, remove, verify
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.ranking import Ranked, Standings
from dermbench.leaderboard.render import render

QUICK = Effort(quick=True)


def ranked(board, slug, rank):
    folder = board / "entries" / slug
    return Ranked(slug, read_entry(folder / "entry.toml"), Report.read(folder / "report.json"), rank=rank)


@pytest.mark.parametrize(
    ("metric", "optimism", "sentence"),
    [
        ("macro_f1", 0.0123, "Best of 2: the first entry was chosen on the images that it is scored on."),
        ("macro_f1", 0.0123, "this flatters its macro-F1 by about .012; expect that much less on other images"),
        ("macro_f1", 0.0, "this flatters its macro-F1 by less than .001"),
        ("log_loss", 0.0123, "expect that much more on other images"),
        ("macro_f1", None, ""),
    ],
)
def test_the_sentence_about_optimism(board, metric, optimism, sentence):
    entries = ranked(board, "good-one", 1), ranked(board, "middle", 2)
    settings = read_board(board).model_copy(update={"metric": metric})
    text = render(settings, Standings(entries, optimism), ())
    assert sentence in text
    assert ("flatters" in text) == bool(sentence)


def test_withdrawn_entries_are_counted_and_stay_counted(board):
    assert "Withdrawn:" not in (board / "README.md").read_text()
    remove(board, "Middle")
    build(board, effort=QUICK)
    assert "Withdrawn: 1 entry, listed in index.jsonl." in (board / "README.md").read_text()
    assert not verify(board, effort=QUICK)[0].problems


def test_the_number_is_that_of_the_predictions(board, truth):
    there = json.loads((board / "leaderboard.json").read_text())["optimism"]
    predictions = {
        name: read_predictions(board / "entries" / name / "predictions.parquet", truth)
        for name in ("good-one", "middle")
    }
    assert there == round(selection_optimism(predictions, truth, metric="macro_f1", n_resamples=99), 4)


def test_an_edited_number_is_found_in_full_and_listed_as_unchecked_quickly(board):
    path = board / "leaderboard.json"
    document = json.loads(path.read_text())
    document["optimism"] = 0.05
    path.write_text(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    (done,) = build(board, effort=QUICK)
    assert not done.problems
    assert "by about .050" in (board / "README.md").read_text()
    (quick,) = verify(board, effort=QUICK)
    assert any("how much the best entry is flattered" in line for line in quick.unchecked)
    (full,) = verify(board)
    assert any("optimism" in line for line in full.problems)


def test_a_leaderboard_json_without_optimism_is_completed(board):
    path = board / "leaderboard.json"
    before = path.read_text()
    document = json.loads(before)
    del document["optimism"]
    path.write_text(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    build(board, effort=QUICK)
    assert path.read_text() == before
