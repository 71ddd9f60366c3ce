"""Where the truth is not at hand: what a careful forger, who mends every hash, still cannot do."""

from __future__ import annotations

import json
import shutil

import pytest

from dermbench.artifacts import Report, read_entry, write_entry
from dermbench.leaderboard import build, verify
from dermbench.leaderboard.add import entry_hashes
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.index import append_entry, append_settings, entry_digest
from dermbench.leaderboard.settings import read_settings
from dermbench.reporting import to_markdown

WHERE = "entries/middle/report.json: "


@pytest.fixture
def hidden(board):
    """A board whose truth is elsewhere."""
    (board / "truth.csv").unlink()
    return board


def problems(board):
    (done,) = verify(board)
    return done.problems


def edit(board, change, slug="middle"):
    """Change a report and make hashes, index and board fit."""
    folder = board / ENTRIES / slug
    document = json.loads((folder / "report.json").read_text())
    change(document)
    report = Report.model_validate(document)
    report.write(folder / "report.json")
    (folder / "report.md").write_text(to_markdown(report))
    (board / "index.jsonl").unlink()
    append_settings(board, read_settings(board))
    for path in sorted((board / ENTRIES).iterdir()):
        entry = read_entry(path / "entry.toml")
        write_entry(path / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(path)}))
        append_entry(board, "add", path.name, entry=entry_digest(path), truth=entry.truth_digest)
    build(board, stored=True)
    return problems(board)


def test_an_honest_board_agrees_and_says_what_that_rests_on(hidden):
    (done,) = verify(hidden)
    assert not done.problems
    assert any(line.startswith("without the truth: predictions are those that the report") for line in done.proved)
    assert done.unchecked[0].startswith("which predictions of 2 entries are right, and with that confusion tables")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (("overall", "macro_f1"), "overall.macro_f1.value is 0.99, its confusion table gives 0."),
        (("overall", "cohen_kappa"), "overall.cohen_kappa.value is 0.99, its confusion table gives 0."),
        (("per_class", "wheal", "recall"), "per_class.wheal.recall.value is 0.99, its confusion table gives 0."),
    ],
)
def test_an_edited_score(hidden, path, sentence):
    def change(document):
        for key in path:
            document = document[key]
        document["value"] = 0.99

    assert edit(hidden, change)[0].startswith(WHERE + sentence)


def test_an_edited_confusion_table(hidden):
    def change(document):
        first = document["confusion"]["matrix"][0]
        first[0], first[1] = first[0] + 1, first[1] - 1

    (first, *_) = edit(hidden, change)
    assert first.startswith(WHERE)
    assert "are predicted 'macule', its confusion table says" in first


def test_a_confusion_table_of_another_truth(hidden):
    def change(document):  # columns and diagonal, and so accuracy, stay
        matrix = document["confusion"]["matrix"]
        matrix[0][2] -= 1
        matrix[1][2] += 1

    assert "overall.balanced_accuracy.value is 0." in edit(hidden, change)[0]


@pytest.mark.parametrize("key", ["truth_digest", "predictions_digest"])
def test_a_report_of_something_else(hidden, key):
    digest = "sha256:" + 64 * "0"
    (first, *_) = edit(hidden, lambda document: document["provenance"].update({key: digest}))
    assert first.startswith(f"{WHERE}{key} is {digest}, it should be sha256:")


def test_predictions_of_another_entry(hidden):
    shutil.copy(*(hidden / ENTRIES / slug / "predictions.parquet" for slug in ("good-one", "middle")))
    assert edit(hidden, lambda _: None)[0].startswith(f"{WHERE}predictions_digest is ")


def test_other_settings(hidden):
    (first, *_) = edit(hidden, lambda document: document["provenance"].update(n_resamples=98))
    assert first == f"{WHERE}made with other settings: n_resamples 98, board.toml says 99"


def test_other_metric_versions(hidden):
    (first, *_) = edit(hidden, lambda document: document["provenance"]["metric_versions"].update(accuracy=0))
    assert first == f"{WHERE}made with other metric versions: accuracy 0 -> 1"


def test_other_group_sizes_than_the_other_entries(hidden):
    def change(document):
        document["features"]["fst"]["groups"]["I"]["n"] += 1

    (first, *_) = edit(hidden, change)
    assert first.startswith(f"{WHERE}fst I has 29 images, in that of good-one 28: not the same truth")


def test_a_report_without_its_table(hidden):
    (first, *_) = edit(hidden, lambda document: document.update(confusion={"labels": [], "matrix": []}))
    assert first == f"{WHERE}its confusion table is not one of its classes and images"
