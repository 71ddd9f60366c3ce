"""Where the truth is not at hand: what a careful forger, who mends every hash, still cannot do."""

from __future__ import annotations

import shutil

import pytest

from dermbench.artifacts import read_entry, write_entry
from dermbench.leaderboard import build, verify
from dermbench.leaderboard.add import entry_hashes
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.index import append_entry, append_settings, entry_digest
from dermbench.leaderboard.settings import read_settings

WHERE = "entries/middle/report.json: "


@pytest.fixture
def hidden(board):
    """A board whose truth is elsewhere."""
    (board / "truth.csv").unlink()
    return board


def problems(board):
    (done,) = verify(board)
    return done.problems


@pytest.fixture
def edit(hidden, edit_report):
    """Give a function that changes a report and makes hashes, index and board fit; it returns the problems."""

    def edited(change):
        edit_report(hidden / ENTRIES / "middle", change)
        return rebuilt(hidden)

    return edited


def rebuilt(board):
    (board / "index.jsonl").unlink()
    append_settings(board, read_settings(board))
    for path in sorted((board / ENTRIES).iterdir()):
        entry = read_entry(path / "entry.toml")
        write_entry(path / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(path)}))
        append_entry(board, "add", path.name, entry=entry_digest(path), truth=entry.truth_digest)
    build(board, stored=True)
    return problems(board)


def test_an_honest_board_agrees_and_lists_the_checks_made(hidden):
    (done,) = verify(hidden)
    assert not done.problems
    assert any(line.startswith("without the true labels: reports name these predictions") for line in done.proved)
    assert done.unchecked[0].startswith("which predictions of 2 entries are right, and so confusion tables")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (("overall", "macro_f1"), "overall.macro_f1.value is 0.99, its confusion table gives 0."),
        (("overall", "cohen_kappa"), "overall.cohen_kappa.value is 0.99, its confusion table gives 0."),
        (("per_class", "wheal", "recall"), "per_class.wheal.recall.value is 0.99, its confusion table gives 0."),
    ],
)
def test_an_edited_score(edit, path, sentence):
    def change(document):
        for key in path:
            document = document[key]
        document["value"] = 0.99

    assert edit(change)[0].startswith(WHERE + sentence)


def test_an_edited_confusion_table(edit):
    def change(document):
        first = document["confusion"]["matrix"][0]
        first[0], first[1] = first[0] + 1, first[1] - 1

    (first, *_) = edit(change)
    assert first.startswith(WHERE)
    assert "are predicted 'macule', its confusion table says" in first


def test_a_confusion_table_of_another_truth(edit):
    def change(document):  # columns and diagonal, and so accuracy, stay
        matrix = document["confusion"]["matrix"]
        matrix[0][2] -= 1
        matrix[1][2] += 1

    assert "overall.balanced_accuracy.value is 0." in edit(change)[0]


@pytest.mark.parametrize("key", ["truth_digest", "predictions_digest"])
def test_a_report_of_something_else(edit, key):
    digest = "sha256:" + 64 * "0"
    (first, *_) = edit(lambda document: document["provenance"].update({key: digest}))
    assert first.startswith(f"{WHERE}{key} is {digest}, it should be sha256:")


def test_predictions_of_another_entry(hidden, edit):
    shutil.copy(*(hidden / ENTRIES / slug / "predictions.parquet" for slug in ("good-one", "middle")))
    assert edit(lambda _: None)[0].startswith(f"{WHERE}predictions_digest is ")


def test_other_settings(edit):
    (first, *_) = edit(lambda document: document["provenance"].update(resamples=98))
    assert first == f"{WHERE}made with other settings: resamples 98, board.toml says 99"


def test_other_metric_versions(edit):
    (first, *_) = edit(lambda document: document["provenance"]["metric_versions"].update(accuracy=0))
    assert first == f"{WHERE}made with other metric versions: accuracy 0 -> 1"


def test_other_group_sizes_than_the_other_entries(edit):
    def change(document):
        groups = document["features"]["fst"]["groups"]
        for name, more in (("I", 1), ("II", -1)):  # the sums are right
            right = groups[name]["accuracy"]["value"] * groups[name]["n"]
            groups[name]["n"] += more
            groups[name]["accuracy"]["value"] = right / groups[name]["n"]

    (first, *_) = edit(change)
    assert first.startswith(f"{WHERE}fst I has 29 images, in that of good-one 28: not the same truth")


def test_a_report_without_its_table(edit):
    (first, *_) = edit(lambda document: document.update(confusion={"labels": [], "matrix": []}))
    assert first == f"{WHERE}its confusion table is not one of its classes and images"
