from __future__ import annotations

import shutil

import pytest

from dermbench.artifacts import Report, read_entry, write_entry
from dermbench.leaderboard import Sources, build, verify
from dermbench.leaderboard.adding import entry_hashes
from dermbench.leaderboard.index import entry_digest, read_index, write_index
from dermbench.reporting import to_markdown


def problems(board, **how):
    (done,) = verify(board, **how)
    return done.problems


def reseal(board, slug):
    """Make the hashes of an entry right again, as a careful forger would."""
    folder = board / "entries" / slug
    entry = read_entry(folder / "entry.toml")
    write_entry(folder / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(folder)}))
    write_index(board, read_index(board) | {slug: entry_digest(folder)})


def test_an_untouched_board_agrees(board):
    (done,) = verify(board)
    assert not done.problems
    assert not done.unchecked
    assert any("recomputed" in line for line in done.proved)


def test_flipped_byte(board):
    path = board / "entries/middle/predictions.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert any(
        "entries/middle/predictions.parquet: changed; its bytes are not those" in p for p in problems(board)
    )


def test_edited_score(board):
    path = board / "entries/middle/report.json"
    report = Report.read(path)
    report.overall["macro_f1"]["value"] = 0.99
    report.write(path)
    found = problems(board)
    assert any("middle/report.json: changed" in p for p in found)
    assert any("overall.macro_f1.value is 0.99, recomputed" in p for p in found)


def test_edited_score_with_hashes_report_and_board_made_to_agree(board):
    folder = board / "entries/middle"
    truth = (board / "truth.csv").read_bytes()
    report = Report.read(folder / "report.json")
    report.overall["macro_f1"]["value"] = 0.99
    report.write(folder / "report.json")
    (folder / "report.md").write_text(to_markdown(report))
    reseal(board, "middle")
    (board / "truth.csv").unlink()
    build(board, stored=True)
    (board / "truth.csv").write_bytes(truth)
    found = problems(board)
    assert any("not what the predictions give: overall.macro_f1.value is 0.99" in p for p in found)


def test_exchanged_file(board):
    one, two = board / "entries/good-one/predictions.parquet", board / "entries/middle/predictions.parquet"
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    found = problems(board)
    assert any("good-one/predictions.parquet: exchanged; it is the file middle/predictions" in p for p in found)


def test_removed_entry(board):
    shutil.rmtree(board / "entries/middle")
    found = problems(board)
    assert any("entries/middle: removed; SHA256SUMS lists it" in p for p in found)
    assert any(p.startswith("not what the entries give: README.md: line") for p in found)


def test_removed_entry_and_index_line(board):
    shutil.rmtree(board / "entries/middle")
    write_index(board, {k: v for k, v in read_index(board).items() if k != "middle"})
    assert any(p.startswith("not what the entries give: README.md: line") for p in problems(board))


def test_edited_board(board):
    path = board / "README.md"
    path.write_text(path.read_text().replace("Good one", "Better one"))
    (only,) = problems(board)
    assert only.startswith("not what the entries give: README.md: line ")


@pytest.mark.parametrize("name", ["leaderboard.json", "leaderboard.csv"])
def test_edited_twins(board, name):
    path = board / name
    path.write_text(path.read_text().replace("Good one", "Better one"))
    assert problems(board)[0].startswith(f"not what the entries give: {name}: line ")


def test_edited_entry_facts(board):
    path = board / "entries/middle/entry.toml"
    path.write_text(path.read_text().replace('"net"', '"other"'))
    assert any("middle/entry.toml: edited" in p for p in problems(board))


def test_edited_report_markdown(board):
    path = board / "entries/middle/report.md"
    path.write_text(path.read_text() + "\nexcellent\n")
    reseal(board, "middle")
    assert any("middle/report.md: not what report.json gives" in p for p in problems(board))


def test_added_file(board):
    (board / "entries/middle/virus.sh").write_text("x")
    assert any("middle/virus.sh: not listed in entry.toml" in p for p in problems(board))


def test_missing_file(board):
    (board / "entries/middle/report.md").unlink()
    assert any("middle/report.md: missing" in p for p in problems(board))


def test_a_link_instead_of_a_file(board, tmp_path):
    path = board / "entries/middle/report.md"
    (tmp_path / "outside").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    assert any("entries/middle: holds a link" in p for p in problems(board))


def test_edited_truth(board):
    path = board / "truth.csv"
    path.write_text(path.read_text().replace("macule", "wheal", 1))
    assert any("the board was made with sha256" in p for p in problems(board))


def test_other_metric_version(board):
    folder = board / "entries/middle"
    report = Report.read(folder / "report.json")
    report.provenance["metric_versions"]["macro_f1"] = 99
    report.write(folder / "report.json")
    (folder / "report.md").write_text(to_markdown(report))
    reseal(board, "middle")
    assert any("made with other metric versions: macro_f1 99 -> " in p for p in problems(board))


def test_renamed_folder(board):
    (board / "entries/middle").rename(board / "entries/best")
    assert any("the folder of 'Middle' is 'middle'" in p for p in problems(board))


def test_malformed_files_are_named(board):
    (board / "entries/middle/entry.toml").write_text("name = ")
    (board / "entries/good-one/report.json").write_text("{")
    (board / "SHA256SUMS").write_text((board / "SHA256SUMS").read_text())
    found = problems(board)
    assert any("middle/entry.toml" in p and "not TOML" in p for p in found)
    assert any("good-one/report.json" in p and "not JSON" in p for p in found)


def test_malformed_index(board):
    (board / "SHA256SUMS").write_text("0  ../../etc/passwd\n")
    assert any("line 1 is not" in p for p in problems(board))


def test_without_the_truth_it_says_what_was_not_checked(board, truth, tmp_path):
    (board / "truth.csv").unlink()
    (done,) = verify(board)
    assert not done.problems
    assert "2 entries" in done.unchecked[0]
    assert "--data DATASET" in done.unchecked[0]
    assert not any("recomputed" in line for line in done.proved)
    truth.table.to_csv(tmp_path / "again.csv", index=False)
    (done,) = verify(board, sources=Sources(table=tmp_path / "again.csv"))
    assert not done.problems + done.unchecked


def test_without_the_truth_a_board_of_stored_reports_agrees(board):
    (board / "truth.csv").unlink()
    build(board, stored=True)
    (done,) = verify(board)
    assert not done.problems
