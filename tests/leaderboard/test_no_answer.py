"""A model that answers in words stands beside others on one board; what it refuses counts as wrong."""

from __future__ import annotations

import pandas as pd
import pytest

from dermbench.artifacts import Report, read_answers, read_predictions
from dermbench.leaderboard import add, build, verify
from dermbench.leaderboard.stored import read_stored

from .test_check_without_truth import rebuilt


@pytest.fixture
def told(board, truth, tmp_path):
    """A board with a third entry, of answers: 60 right ones, 20 refusals, 10 that name two classes."""
    said = [f"Answer: {label}" for label in truth.table["label"]]
    said[:20] = ["I'm sorry, but I can't help with that."] * 20
    said[20:30] = ["wheal or macule"] * 10
    answers = read_answers(pd.DataFrame({"image_id": truth.image_id, "answer": said}), truth.classes)
    answers.table().to_csv(tmp_path / "vlm.csv", index=False)
    add(board, tmp_path / "vlm.csv", name="In words", model="vlm")
    (done,) = build(board)
    assert not done.problems
    return board


def test_refusals_count_as_wrong_on_the_board(told, truth):
    folder = told / "entries" / "in-words"
    report = Report.read(folder / "report.json")
    assert report.overall["accuracy"].value == pytest.approx(60 / 90, abs=1e-6)
    assert (report.no_answer.overall.refused, report.no_answer.overall.unparsable) == (20, 10)
    made = read_stored(folder / "predictions.parquet", truth)
    assert made.no_answer.tolist()[:31] == ["refused"] * 20 + ["unparsable"] * 10 + [None]
    assert made.digest == report.provenance.predictions_digest
    assert pd.read_parquet(folder / "predictions.parquet").columns.tolist() == ["image_id", "pred", "no_answer"]
    text = (told / "README.md").read_text()
    assert (
        "[In words](entries/in-words/report.md): 30 of 90 answers were refused (20) or could not be read" in text
    )
    assert text.count("were refused") == 1
    (done,) = verify(told)
    assert not done.problems


def test_the_truth_does_not_show_in_the_predictions(told, truth):
    stored = pd.read_parquet(told / "entries/in-words/predictions.parquet")
    assert stored["pred"][:30].isna().all()
    assert read_predictions(stored, truth).y_pred[:30].tolist() == [-1] * 30


def test_it_is_verified_without_the_truth(told, edit_report):
    (told / "truth.csv").unlink()
    (done,) = verify(told)
    assert not done.problems

    def fewer(document):
        document["no_answer"]["overall"] |= {"refused": 10}

    edit_report(told / "entries/in-words", fewer)
    (found,) = [problem for problem in rebuilt(told) if "in-words" in problem]
    assert "images without a prediction are" in found


def test_a_confusion_table_with_more_right_answers_than_given_is_found(told, edit_report):
    (told / "truth.csv").unlink()

    def better(document):
        matrix = document["confusion"]["matrix"]
        moved = matrix[0][1] + matrix[0][2]
        matrix[0] = [matrix[0][0] + moved, 0, 0]

    edit_report(told / "entries/in-words", better)
    (found,) = [problem for problem in rebuilt(told) if "in-words" in problem]
    assert "report.json" in found


def test_an_entry_whose_reasons_were_exchanged_is_found(told, truth):
    path = told / "entries/in-words/predictions.parquet"
    table = pd.read_parquet(path)
    table.loc[0, ["pred", "no_answer"]] = [truth.table["label"][0], None]
    table.to_parquet(path)
    (done,) = verify(told)
    assert any("in-words/predictions.parquet" in problem for problem in done.problems)
