"""The boards of this repository, as ``nox -s leaderboards`` checks a contribution to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dermbench.artifacts import read_entry
from dermbench.leaderboard import Effort, build
from dermbench.leaderboard.board import entry_folders, read_board
from dermbench.leaderboard.reported import read_reported

ROOT = Path(__file__).parents[2]
BOARDS = sorted(path.parent for path in (ROOT / "leaderboards").glob("*/board.toml"))
ENTRIES = [folder for board in BOARDS for folder in entry_folders(board)]
MEGABYTES = 5
"""What the predictions of an entry may weigh."""


@pytest.fixture(params=BOARDS, ids=lambda path: path.name)
def board(request):
    return request.param


def test_generated_files_are_up_to_date(board):
    (done,) = build(board, check=True, stored=True, effort=Effort(quick=True))
    assert not done.problems


def test_published_results_name_their_source(board):
    assert all(row.source for row in read_reported(board))


def test_labels_lie_only_where_dermbench_drew_them(board):
    settings = read_board(board)
    assert not (settings.store_truth or (board / "truth.csv").is_file()) or settings.task == "synthderm"


def test_the_page_builds_boards_that_have_their_truth():
    page = (ROOT / "docs" / "reference" / "leaderboards.md").read_text(encoding="utf-8")
    lines = re.findall(r"^dermbench leaderboard build.*", page, re.MULTILINE)
    assert lines
    for line in lines:
        board = ROOT / line.split()[3]
        assert board in BOARDS
        assert "--data" in line or (board / "truth.csv").is_file()


@pytest.mark.parametrize("folder", ENTRIES, ids=lambda path: f"{path.parents[1].name}/{path.name}")
def test_entries_declare_what_they_are(folder):
    entry = read_entry(folder / "entry.toml")
    assert entry.training_data, "rule 3: everything the model was trained or tuned on"
    assert entry.model or entry.method
    assert (folder / "predictions.parquet").stat().st_size < MEGABYTES * 1e6
