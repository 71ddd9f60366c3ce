from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from dermbench.artifacts import Report, read_entry, write_entry
from dermbench.artifacts.report import undefined
from dermbench.artifacts.wording import decimal
from dermbench.errors import UsageError
from dermbench.leaderboard import Effort, Sources, add, build
from dermbench.leaderboard.add import entry_hashes
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.ranking import Ranked, rank
from dermbench.leaderboard.recompute import difference
from dermbench.leaderboard.render import BEGIN, END, splice
from dermbench.reporting.sections.disparity import verdict_words

WORDS = {"disparity": "disparity", "undecided": "not settled"}


def test_board_shows_recomputed_numbers_in_order(board, truth):
    text = (board / "README.md").read_text()
    lines = [line for line in text.split("## Ranking")[1].splitlines() if line.startswith("| ")]
    assert len(lines[0].strip("|").split("|")) == 5
    assert lines[1].startswith("| 1 | [Good one](entries/good-one/report.md) | .")
    assert lines[2].startswith("| 2 | [Middle](entries/middle/report.md) | .")
    cell = Report.read(board / "entries/good-one/report.json").overall["macro_f1"]
    assert f"| .{round(cell.value * 100):02d} [" in lines[1]
    feature = Report.read(board / "entries/middle/report.json").features["fst"]
    row = feature.disparities["accuracy"]
    worst = feature.groups[row.raw.worst_group]
    ends = f"| {decimal(row.gap)} [{decimal(row.low)}, {decimal(row.high)}], {verdict_words(row)} |"
    assert lines[2].endswith(
        f"{ends} {row.raw.worst_group} {decimal(worst.cells['accuracy'].value)} (n = {worst.n}) |"
    )
    sizes = truth.table["fst"].value_counts()
    assert f"| I† (n = {sizes[1]}) |" in text
    assert "| unknown† (n = 6) |" in text


def test_build_twice_gives_the_same_bytes(board):
    before = {p.name: p.read_bytes() for p in board.iterdir() if p.is_file()}
    (done,) = build(board)
    assert done.written == []
    assert {p.name: p.read_bytes() for p in board.iterdir() if p.is_file()} == before


def test_order_of_adding_does_not_matter(empty, predictions, truth, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "board.toml").write_text((empty / "board.toml").read_text())
    for where, order in ((empty, (0, 1, 2)), (other, (2, 0, 1))):
        for i in order:
            add(where, predictions[i], name=f"m{i}", truth=truth)
        build(where)
    for name in ("README.md", "leaderboard.json", "leaderboard.csv"):
        assert (empty / name).read_bytes() == (other / name).read_bytes()


def test_check_names_the_first_differing_line(board):
    assert not build(board, check=True)[0].problems
    path = board / "README.md"
    path.write_text(path.read_text().replace("| 2 |", "| 1 |"))
    (done,) = build(board, check=True)
    (problem,) = done.problems
    assert problem.startswith("README.md: line ")
    assert "| 1 | [Middle]" in problem.split("rebuilt")[0]
    assert "| 2 | [Middle]" in problem.split("rebuilt")[1]
    assert "| 1 | [Middle]" in path.read_text(), "check writes nothing"


def test_check_shows_where_a_long_line_differs(board):
    path = board / "README.md"
    path.write_text(path.read_text().replace("docs/reference/leaderboards.md", "docs/other.md"))
    (problem,) = build(board, check=True, effort=Effort(quick=True))[0].problems
    assert "docs/other.md" in problem.split("rebuilt")[0]
    assert "docs/reference/leaderboards.md" in problem.split("rebuilt")[1]
    assert "…" in problem


def test_text_around_the_markers_is_kept(board):
    path = board / "README.md"
    path.write_text("before\n" + path.read_text() + "after\n")
    assert not build(board, check=True)[0].problems
    build(board)
    assert path.read_text().startswith("before\n<!--")
    assert path.read_text().endswith("-->\nafter\n")


@pytest.mark.parametrize("text", ["no markers", END + BEGIN, BEGIN + BEGIN + END])
def test_readme_without_markers_is_refused(text):
    with pytest.raises(UsageError, match="needs one"):
        splice(text, "block\n", Path("README.md"))


def test_missing_truth_needs_stored_or_a_source(board, truth, tmp_path):
    (board / "truth.csv").unlink()
    with pytest.raises(UsageError, match="cannot be recomputed without the true labels"):
        build(board)
    (done,) = build(board, stored=True)
    assert not done.recomputed
    assert "**Not recomputed here:**" in (board / "README.md").read_text()
    table = tmp_path / "truth.csv"
    truth.table.to_csv(table, index=False)
    (done,) = build(board, sources=Sources(table=table))
    assert done.recomputed
    assert "Not recomputed here" not in (board / "README.md").read_text()


def test_stored_still_checks_hashes(board):
    (board / "truth.csv").unlink()
    path = board / "entries/middle/report.json"
    path.write_text(path.read_text().replace('"n":90', '"n":91', 1))
    (done,) = build(board, stored=True)
    assert any("middle/report.json: changed" in problem for problem in done.problems)


def test_refresh_rewrites_reports_of_an_older_metric(board, edit_report):
    folder = board / "entries/middle"

    def change(document):
        document["provenance"]["metric_versions"]["accuracy"] = 0
        document["overall"]["accuracy"]["value"] = 0.123

    edit_report(folder, change, markdown=False)
    entry = read_entry(folder / "entry.toml")
    write_entry(folder / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(folder)}))
    (done,) = build(board)
    assert any("other metric versions: accuracy 0 -> " in problem for problem in done.problems)
    (done,) = build(board, refresh=True)
    assert not done.problems
    assert Report.read(folder / "report.json").overall["accuracy"].value != 0.123
    assert not build(board, check=True)[0].problems


def test_refresh_replaces_reports_of_an_older_schema(board):
    folder = board / "entries/middle"
    (folder / "report.json").write_text('{"schema": "dermbench.report/1"}')
    entry = read_entry(folder / "entry.toml")
    write_entry(folder / "entry.toml", entry.model_copy(update={"hashes": entry_hashes(folder)}))
    (done,) = build(board)
    assert any("made by an older version of dermbench" in problem for problem in done.problems)
    (done,) = build(board, refresh=True)
    assert not done.problems
    assert not build(board, check=True)[0].problems


def test_nothing_is_written_when_an_entry_is_broken(board):
    before = (board / "README.md").read_bytes()
    (board / "entries/middle/report.md").write_text("better")
    (done,) = build(board)
    assert done.problems
    assert (board / "README.md").read_bytes() == before


def test_ties_and_undefined_ranks(board):
    (one,) = [Report.read(board / "entries/good-one/report.json")]
    entry = read_entry(board / "entries/good-one/entry.toml")
    none = one.model_copy(update={"overall": {"macro_f1": undefined("x")}})
    rows = [
        Ranked("z", entry.model_copy(update={"name": "Zed"}), one),
        Ranked("n", entry.model_copy(update={"name": "Anon"}), none),
        Ranked("b", entry.model_copy(update={"name": "bee"}), one),
    ]
    settings = read_board(board)
    ranked = [(s.slug, s.rank) for s in rank(rows, settings)]
    assert ranked == [("b", 1), ("z", 1), ("n", None)]
    assert ranked == [(s.slug, s.rank) for s in rank(rows[::-1], settings)]


def test_lower_is_better_metrics_rank_upwards(board):
    settings = read_board(board).model_copy(update={"metric": "log_loss"})
    rows = [
        Ranked(
            slug,
            read_entry(board / f"entries/{slug}/entry.toml"),
            Report.read(board / f"entries/{slug}/report.json"),
        )
        for slug in ("good-one", "middle")
    ]
    assert [s.slug for s in rank(rows, settings)] == ["good-one", "middle"]
    assert rows[0].value("log_loss") < rows[1].value("log_loss")


def test_export_holds_the_same_numbers(board):
    document = json.loads((board / "leaderboard.json").read_text())
    (_, first, second) = (board / "leaderboard.csv").read_text().splitlines()
    value = document["entries"][0]["overall"]["macro_f1"]["value"]
    assert first.startswith(f"1,1,1,Good one,good-one,90,{value},")
    assert second.startswith("2,2,2,Middle,middle,90,")
    row = document["entries"][1]["disparity"]
    ends = [row[key] for key in ("gap", "low", "high", "p_value")]
    assert second.endswith(
        ",".join(map(str, ends)) + f",{WORDS[row['verdict']['kind']]},{row['raw']['worst_group']}"
    )
    assert document["entries"][1]["primary"] == {"metric": "accuracy", "feature": "fst"}
    assert [row["band"] for row in document["entries"]] == [[1, 1], [2, 2]]
    assert document["entries"][1]["groups"]["III"]["n"] > 0


def test_difference_allows_the_last_digit_only(board):
    report = Report.read(board / "entries/middle/report.json")
    close, far = (moved(report, step) for step in (1e-6, 1e-5))
    for quick in (False, True):
        assert difference(report, close, quick=quick) is None
        assert difference(report, far, quick=quick).startswith("overall.accuracy.value is ")
    elsewhere = report.provenance.model_copy(update={"environment": {"numpy": "1"}, "version": "9"})
    assert difference(report, report.model_copy(update={"provenance": elsewhere})) is None


def moved(report, step):
    cell = report.overall["accuracy"]
    return report.model_copy(
        update={"overall": report.overall | {"accuracy": cell.model_copy(update={"value": cell.value + step})}}
    )


def test_drawn_numbers_are_compared_in_full_only(board):
    report = Report.read(board / "entries/middle/report.json")
    feature = report.features["fst"]
    row = feature.disparities["accuracy"].model_copy(update={"p_value": 0.999})
    rows = feature.model_copy(update={"disparities": feature.disparities | {"accuracy": row}})
    other = report.model_copy(update={"features": report.features | {"fst": rows}})
    assert difference(report, other).startswith("features.fst.disparities.accuracy.p_value is ")
    assert difference(report, other, quick=True) is None


def test_folder_without_boards(tmp_path):
    with pytest.raises(UsageError, match="no board found"):
        build(tmp_path)


def test_reported_rows_are_apart_and_unranked(board):
    (board / "reported.toml").write_text(
        'schema = "dermbench.reported/1"\n[[row]]\nentry = "Best | ever"\nsource = "s"\n'
        "scores = { macro_f1 = 0.99, accuracy = 0.60 }\n"
    )
    build(board, accept_settings=True)
    ranking, reported = (board / "README.md").read_text().split("## Reported elsewhere, not recomputed")
    assert "Best &#124;" not in ranking
    assert "| Best &#124; ever | .60 | .99 |" in reported


def test_a_board_built_with_the_truth_is_up_to_date_without_it(board):
    (board / "truth.csv").unlink()
    (done,) = build(board, check=True, stored=True)
    assert not done.problems
    build(board, stored=True)
    (done,) = build(board, check=True, stored=True)
    assert not done.problems


def test_a_quick_refresh_is_refused(board):
    with pytest.raises(UsageError, match="cannot be combined with --quick"):
        build(board, refresh=True, effort=Effort(quick=True))


def test_quick_gives_the_same_bytes(board, predictions):
    names = ("README.md", "leaderboard.json", "leaderboard.csv")
    add(board, predictions[2], name="Third")
    build(board, effort=Effort(quick=True))
    quick = [(board / name).read_bytes() for name in names]
    (done,) = build(board)
    assert done.written == []
    assert quick == [(board / name).read_bytes() for name in names]


def test_bands_are_asked_for_once_and_shown(board, monkeypatch):
    asked = []

    def fake(predictions, truth, *, metric, seed, n_resamples):
        asked.append((sorted(predictions), metric, seed, n_resamples))
        return {"good-one": (1, 2), "middle": (1, 2)}

    monkeypatch.setattr("dermbench.evaluation.rank_bands", fake)
    build(board)
    assert asked == [(["good-one", "middle"], "macro_f1", 0, 99)]
    text = (board / "README.md").read_text()
    assert "| 1\N{EN DASH}2 | [Good one]" in text
    assert "| 1\N{EN DASH}2 | [Middle]" in text
    assert (board / "leaderboard.csv").read_text().splitlines()[2].startswith("2,1,2,Middle,")
    build(board, effort=Effort(quick=True))
    assert len(asked) == 1, "bands of the same predictions are not compared again"


def test_a_metric_without_a_paired_test_has_plain_ranks(board):
    path = board / "board.toml"
    path.write_text('metric = "average_precision"\n' + path.read_text())
    (done,) = build(board, accept_settings=True)
    assert not done.problems
    assert "Rank: by value alone" in (board / "README.md").read_text()
    assert not build(board, check=True)[0].problems


def test_settings_changed_meanwhile_are_noticed(board, predictions, monkeypatch):
    module = importlib.import_module("dermbench.leaderboard.add")
    complete = module._complete

    def slow(*arguments):
        text = (board / "board.toml").read_text()
        (board / "board.toml").write_text(text.replace("resamples = 99", "resamples = 199"))
        return complete(*arguments)

    monkeypatch.setattr(module, "_complete", slow)
    with pytest.raises(UsageError, match="changed while the entry was evaluated"):
        add(board, predictions[2], name="Late")
