"""Everything that can be done to a board by hand, and the sentence that verifying has for it."""

from __future__ import annotations

import json
import shutil

import pytest

from dermbench.artifacts import read_entry, write_entry
from dermbench.artifacts.hashing import text_digest
from dermbench.leaderboard import Effort, Sources, build, verify
from dermbench.leaderboard.add import entry_hashes
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.index import append_entry, append_settings, entry_digest
from dermbench.leaderboard.settings import read_settings


def problems(board, **how):
    (done,) = verify(board, **how)
    assert not done.proved
    return done.problems


def reseal(board, slug):
    """Make the hashes of an entry and of the whole chain right again, as a careful forger would."""
    folder = board / ENTRIES / slug
    entry = read_entry(folder / "entry.toml")
    write_entry(folder / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(folder)}))
    rechain(board)


def rechain(board):
    (board / "index.jsonl").unlink()
    append_settings(board, read_settings(board))
    for path in sorted((board / ENTRIES).iterdir()):
        truth = read_entry(path / "entry.toml").truth_digest
        append_entry(board, "add", path.name, entry=entry_digest(path), truth=truth)


@pytest.fixture
def edit_score(board, edit_report):
    """Give a function that edits the score of an entry."""

    def edit(*, markdown):
        def change(document):
            document["overall"]["macro_f1"]["value"] = 0.99

        edit_report(board / "entries/middle", change, markdown=markdown)

    return edit


def test_flipped_byte(board):
    path = board / "entries/middle/predictions.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    (only,) = problems(board)
    assert only == "entries/middle/predictions.parquet: changed; its bytes are not those hashed"


def test_edited_score(board, edit_score):
    edit_score(markdown=False)
    (only,) = problems(board)
    assert only.startswith("entries/middle/report.json: edited: overall.macro_f1.value is 0.99, recomputed 0.")


def test_edited_interval_end(board, edit_report):
    def change(document):
        document["overall"]["macro_f1"]["low"] += 0.01

    edit_report(board / "entries/middle", change, markdown=False)
    (only,) = problems(board)
    assert "middle/report.json: edited: overall.macro_f1.low is " in only


def test_edited_score_with_its_hashes(board, edit_score):
    edit_score(markdown=True)
    reseal(board, "middle")
    (only,) = problems(board)
    assert "its hash is right, but the predictions give other numbers: overall.macro_f1.value is 0.99" in only


def test_edited_board_and_report_together(board, edit_score):
    edit_score(markdown=True)
    reseal(board, "middle")
    truth = (board / "truth.csv").read_bytes()
    (board / "truth.csv").unlink()
    build(board, stored=True)
    (board / "truth.csv").write_bytes(truth)
    shown = (board / "README.md").read_text()
    assert ".99 [" not in shown  # built from what follows from the stored confusion table
    (board / "README.md").write_text(shown.replace("| .69 [", "| .99 [", 1))
    found = problems(board)
    assert "entries/middle/report.json: its hash is right, but the predictions give other" in found[0]
    assert found[1].startswith("not what the entries give: README.md: line ")


def test_exchanged_predictions(board):
    one, two = board / "entries/good-one/predictions.parquet", board / "entries/middle/predictions.parquet"
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    assert problems(board) == [
        "entries/good-one/predictions.parquet: exchanged; it is the file middle/predictions.parquet",
        "entries/middle/predictions.parquet: exchanged; it is the file good-one/predictions.parquet",
    ]


def test_exchanged_report(board):
    shutil.copy(board / "entries/good-one/report.json", board / "entries/middle/report.json")
    assert "entries/middle/report.json: exchanged; it is the file good-one/report.json" in problems(board)


def test_removed_entry(board):
    shutil.rmtree(board / "entries/middle")
    first, second, *_ = problems(board)
    assert first == "entries/middle: removed; line 3 of index.jsonl lists it but there is no such folder"
    assert second.startswith("not what the entries give: README.md: line")


def test_removed_entry_and_index_line(board):
    shutil.rmtree(board / "entries/good-one")
    path = board / "index.jsonl"
    settings, _, middle = path.read_text().splitlines(keepends=True)
    path.write_text(settings + middle)
    assert "line 2 has the sequence number 3: a line was removed or moved" in problems(board)[0]


def test_removed_entry_and_rewritten_index(board):
    shutil.rmtree(board / "entries/middle")
    rechain(board)
    assert problems(board)[0].startswith("not what the entries give: README.md: line")


def test_removed_entry_with_everything_rebuilt_takes_a_noted_head(board):
    head = text_digest((board / "index.jsonl").read_text().splitlines()[-1])
    shutil.rmtree(board / "entries/middle")
    rechain(board)
    build(board)
    assert not verify(board)[0].problems
    assert "rewritten since" in problems(board, since=head)[0]


def test_reordered_index(board):
    path = board / "index.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    (only,) = problems(board)
    assert "line 1 has the sequence number 3: a line was removed or moved" in only


def test_edited_index(board):
    path = board / "index.jsonl"
    path.write_text(path.read_text().replace("good-one", "best"))
    (only,) = problems(board)
    assert "line 3 does not continue line 2: line 2 was edited or replaced" in only


def test_edited_last_line_of_the_index(board):
    path = board / "index.jsonl"
    digest = entry_digest(board / "entries/middle")
    path.write_text(path.read_text().replace(digest, "sha256:" + 64 * "0"))
    (only,) = problems(board)
    assert only == "entries/middle/entry.toml: edited; its content hash is not that in line 3 of index.jsonl"


def test_edited_board(board):
    path = board / "README.md"
    path.write_text(path.read_text().replace("Good one", "Better one"))
    (only,) = problems(board)
    assert only.startswith("not what the entries give: README.md: line ")
    assert "Better one" in only.partition("rebuilt")[0]


@pytest.mark.parametrize("name", ["leaderboard.json", "leaderboard.csv"])
def test_edited_export(board, name):
    path = board / name
    path.write_text(path.read_text().replace("Good one", "Better one"))
    assert problems(board)[0].startswith(f"not what the entries give: {name}: line ")


def test_edited_rank_band(board):
    document = json.loads((board / "leaderboard.json").read_text())
    document["entries"][1]["band"] = [1, 2]
    (board / "leaderboard.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    (only,) = problems(board)
    assert only.startswith("not what the entries give: leaderboard.json: line ")


def test_edited_settings(board):
    path = board / "board.toml"
    path.write_text(path.read_text().replace("resamples = 99", "resamples = 98"))
    found = problems(board)
    assert "board.toml: resamples is 98; line 1 of index.jsonl says 99" in found
    assert any("made with other settings: resamples 99, board.toml says 98" in p for p in found)
    build(board, refresh=True, accept_settings=True)
    assert not verify(board)[0].problems


def test_edited_settings_with_the_chain_made_to_fit(board):
    head = text_digest((board / "index.jsonl").read_text().splitlines()[-1])
    path = board / "board.toml"
    path.write_text(path.read_text() + 'note = "the best of all boards"\n')
    rechain(board)
    build(board)
    assert not verify(board)[0].problems
    assert "rewritten since" in problems(board, since=head)[0]


@pytest.mark.parametrize(
    ("name", "before", "after", "sentence"),
    [
        ("board.toml", 'title = "Toy"', 'title = "Real"', "title is Real; line 4 of index.jsonl says Toy"),
        ("board.toml", "store_truth = true", "note = 'x'", "note is x; line 4 of index.jsonl says empty"),
        ("board.toml", '"papule", "wheal"', '"wheal", "papule"', "classes is macule, wheal, papule; line 4 of"),
        ("reported.toml", "0.60", "0.6", "row 2.scores.accuracy is 0.6; line 4 of index.jsonl says 0.60"),
        ("reported.toml", "other", "own", "row 2.source is own; line 4 of index.jsonl says other"),
        (
            "reported.toml",
            "[[row]]",
            "[[row]]\nentry = 'best'\nsource = 's'\n[[row]]",
            "row 3.entry is b; line 4",
        ),
    ],
)
def test_edited_settings_and_published_rows_are_named(board, name, before, after, sentence):
    publish(board)
    path = board / name
    path.write_text(path.read_text().replace(before, after, 1))
    found = problems(board)
    assert any(p.startswith(f"{name}: {sentence}") for p in found), found


def test_removed_published_rows(board):
    publish(board)
    (board / "reported.toml").unlink()
    assert "reported.toml: row 1.entry is not set; line 4 of index.jsonl says a" in problems(board)


def publish(board):
    """Give the board two published rows, as its keeper does."""
    rows = (("a", "one", "0.5"), ("b", "other", "0.60"))
    text = "".join(f'[[row]]\nentry = "{e}"\nsource = "{s}"\nscores = {{ accuracy = {v} }}\n' for e, s, v in rows)
    (board / "reported.toml").write_text(f'schema = "dermbench.reported/1"\n{text}')
    (done,) = build(board, accept_settings=True, effort=Effort(quick=True))
    assert not done.problems


def test_edited_entry_facts(board):
    path = board / "entries/middle/entry.toml"
    path.write_text(path.read_text().replace('"net"', '"other"'))
    assert problems(board)[0].startswith(
        "entries/middle/entry.toml: edited; its content hash is not that in line 3"
    )


def test_edited_report_markdown(board):
    path = board / "entries/middle/report.md"
    path.write_text(path.read_text() + "\nexcellent\n")
    reseal(board, "middle")
    assert problems(board) == ["entries/middle/report.md: not what report.json gives"]


def test_added_file(board):
    (board / "entries/middle/virus.sh").write_text("x")
    assert problems(board) == ["entries/middle/virus.sh: not listed in entry.toml"]
    reseal(board, "middle")
    assert problems(board) == ["entries/middle/entry.toml: lists 'virus.sh', which is no part of an entry"]


def test_missing_file(board):
    (board / "entries/middle/report.md").unlink()
    assert problems(board) == ["entries/middle/report.md: missing"]


def test_a_link_instead_of_a_file(board, tmp_path):
    path = board / "entries/middle/report.md"
    (tmp_path / "outside").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    assert problems(board)[0] == "entries/middle: holds a link; an entry holds plain files only"


def edit_truth(board):
    path = board / "truth.csv"
    path.write_text(path.read_text().replace("macule", "wheal", 1))


def test_edited_truth(board):
    edit_truth(board)
    (only,) = problems(board)
    assert only.startswith("truth.csv was edited: the truth of truth.csv has the content hash sha256:")


def test_edited_truth_and_its_hash(board, truth, tmp_path):
    edit_truth(board)
    given = (board / "board.toml").read_text().split('truth_digest = "')[1][:71]
    other = verify(board)[0].problems[0].split("content hash ")[1][:71]
    path = board / "board.toml"
    path.write_text(path.read_text().replace(given, other))
    found = problems(board)
    assert f"board.toml: truth_digest is {other}; line 1 of index.jsonl says {given}" in found
    assert (
        "entries/middle/entry.toml: truth_digest is not that of board.toml; it was scored on other images" in found
    )


def test_edited_truth_beside_the_dataset_it_came_from(board, truth, tmp_path):
    truth.table.to_csv(tmp_path / "dataset.csv", index=False)
    sources = Sources(table=tmp_path / "dataset.csv")
    (done,) = verify(board, sources=sources)
    assert f"{tmp_path / 'dataset.csv'}: its labels have the content hash in board.toml" in done.proved
    text = (tmp_path / "dataset.csv").read_text()
    (tmp_path / "dataset.csv").write_text(text.replace("macule", "wheal", 1))
    (only,) = problems(board, sources=sources)
    assert only.startswith(f"the truth of {tmp_path / 'dataset.csv'} has the content hash sha256:")
    assert only.endswith("it is not that of board.toml")


def test_unreadable_truth(board):
    (board / "truth.csv").write_text("image_id\n1\n")
    assert "no column for label" in problems(board)[0]


def test_other_metric_version(board, edit_report):
    def change(document):
        document["provenance"]["metric_versions"]["macro_f1"] = 99

    edit_report(board / "entries/middle", change)
    reseal(board, "middle")
    (only,) = problems(board)
    assert "middle/report.json: made with other metric versions: macro_f1 99 -> 1 (`leaderboard build" in only


def test_renamed_folder(board):
    (board / "entries/middle").rename(board / "entries/best")
    assert any("the folder of 'Middle' is 'middle'" in p for p in problems(board))


def test_malformed_files_are_named(board):
    (board / "entries/middle/entry.toml").write_text("name = ")
    (board / "entries/good-one/report.json").write_text("{")
    found = problems(board)
    assert any("middle/entry.toml" in p and "not TOML" in p for p in found)
    assert any("good-one/report.json" in p and "not JSON" in p for p in found)


@pytest.mark.parametrize("name", ["board.toml", "index.jsonl", "leaderboard.json"])
def test_malformed_board_files(board, name):
    (board / name).write_bytes(b"\xff\x00{")
    assert any(name in p for p in problems(board))
