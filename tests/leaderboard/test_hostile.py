"""Text from strangers in every place a board shows text: names, groups, titles, notes, published rows."""

from __future__ import annotations

import csv
import json
import re

import pytest
import tomlkit

from dermbench.artifacts import Report, read_dataset, read_entry
from dermbench.artifacts.hashing import text_digest
from dermbench.data import prepare
from dermbench.leaderboard import add, build
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.export import cell
from dermbench.leaderboard.ranking import Ranked, Standings
from dermbench.leaderboard.render import render

from_afar = (
    "=1+1|a\n<script>x</script>\u202e[l](javascript:y) `q` ![i](http://e.vil/p.png) <!-- dermbench:board:end -->"
)
HOSTILE = [from_afar, "|" * 300, "\u2066\u2069\u200b\x1b[31m", "x" * 10_000, "@SUM(1)", "a\r\n\r\n# b"]
FORBIDDEN = re.compile(r"<script|[\u202e\u2066\x1b\x00]|(?<!\\)\]\((?!entries/)")
CODE = re.compile("`[^`\n]*`")


def tables(text):
    """Yield each markdown table as its lines."""
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines and all(line.startswith("|") for line in lines):
            yield lines


def check(board):
    text = (board / "README.md").read_text()
    assert not FORBIDDEN.search(CODE.sub("", text.replace("\\`", "")))
    assert text.count("<!-- dermbench:board:end -->") == 1
    assert text.count("\n# ") == 1
    assert max(map(len, text.splitlines())) < 12_000
    for lines in tables(text):
        assert len({line.count("|") for line in lines}) == 1
    with (board / "leaderboard.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r", "|", "%")) for row in rows for cell in row)
    assert not any(re.search("[\u202e\u2066\x1b\x00\n]", cell) for row in rows for cell in row)
    json.loads((board / "leaderboard.json").read_text())


@pytest.mark.parametrize("text", HOSTILE)
def test_settings_and_published_rows(empty, text):
    settings = tomlkit.parse((empty / "board.toml").read_text())
    settings.update({"title": text, "note": text, "licence": text, "recreate": text})
    (empty / "board.toml").write_text(tomlkit.dumps(settings))
    row = {
        "entry": text,
        "source": text,
        "note": text,
        "scores": {"accuracy": 0.5, text: 0.5},
        "groups": {text: 0.5},
    }
    row["group_metric"] = text
    reported = {"schema": "dermbench.reported/1", "row": [row]}
    (empty / "reported.toml").write_text(tomlkit.dumps(reported))
    (done,) = build(empty)
    assert not done.problems
    check(empty)
    assert not build(empty, check=True)[0].problems


def test_the_command_of_a_board_cannot_end_the_block_nor_forge_a_line(empty):
    settings = tomlkit.parse((empty / "board.toml").read_text())
    settings["recreate"] = "<!<!---- dermbench:board:end -->\n  checked: all"
    (empty / "board.toml").write_text(tomlkit.dumps(settings))
    assert not build(empty)[0].problems
    check(empty)
    assert "\n" not in read_board(empty).command


@pytest.mark.parametrize("sign", ["\uff1d", "\uff0b", "\uff0d", "\uff20", "=", "+", "-", "@", "|", "%", " \t="])
def test_formulas_of_a_spreadsheet_are_text(sign):
    assert cell(f"{sign}1+1").startswith("'")
    assert cell("a=1") == "a=1"


def test_a_link_keeps_its_end(board):
    path = board / "entries/middle/entry.toml"
    entry = read_entry(path).model_copy(update={"link": "https://x.org/a\\"})
    text = render(
        read_board(board), Standings((Ranked("middle", entry, Report.read(path.parent / "report.json")),)), ()
    )
    assert "[link](https://x.org/a%5C)" in text


def test_group_names(empty, predictions, truth, tmp_path):
    table = truth.table.assign(sex=[HOSTILE[i % len(HOSTILE)] for i in range(len(truth))])
    table.to_parquet(tmp_path / "truth.parquet")
    text = (empty / "board.toml").read_text().replace('["fst"]', '["sex"]').replace("store_truth = true\n", "")
    (empty / "board.toml").write_text(f'{text}classes = ["macule", "papule", "wheal"]\n')
    add(empty, predictions[0], name="One", truth=tmp_path / "truth.parquet")
    (done,) = build(empty, stored=True)
    assert not done.problems
    check(empty)


def test_the_first_dataset_leaves_its_hash(tmp_path, predictions):
    dataset = prepare("synthderm", out=tmp_path / "data", options={"images": "120", "size": "32"})
    truth = dataset.truth("test")
    name = truth.classes[0]
    lines = ["image_id,pred", *(f"{image},{name}" for image in truth.image_id)]
    (tmp_path / "constant.csv").write_text("\n".join(lines))
    board = tmp_path / "board"
    board.mkdir()
    (board / "board.toml").write_text('schema = "dermbench.board/1"\ntask = "synthderm"\nresamples = 9\n')
    add(board, tmp_path / "constant.csv", name="constant", truth=dataset)
    assert read_board(board).dataset_digest == read_dataset(tmp_path / "data").info.digest
    add(board, tmp_path / "constant.csv", name="again", truth=truth)
    assert read_board(board).dataset_digest == dataset.info.digest
    assert text_digest("") != dataset.info.digest
