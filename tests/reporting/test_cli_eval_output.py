from __future__ import annotations

import sys

import pytest

from dermbench.cli import main

ROWS = 60


@pytest.fixture
def files(tmp_path):
    truth = ["image_id,label,fst,sex"]
    made = ["image_id,pred"]
    for i in range(ROWS):
        truth.append(f"i{i:02d},{'ab'[i % 2]},{i % 3 + 1},{'fm'[i % 4 // 2]}")
        made.append(f"i{i:02d},{'ab'[(i % 2) ^ (i % 5 == 0)]}")
    for name, lines in (("truth.csv", truth), ("predictions.csv", made)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path


def run(files, monkeypatch, capsys, *more):
    command = ["eval", files / "predictions.csv", "--truth", files / "truth.csv", "--sensitive", "fst"]
    options = ["--sensitive", "sex", "--resamples", "99", *more]
    monkeypatch.setattr(sys, "argv", ["dermbench", *map(str, [*command, *options])])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    return capsys.readouterr()


def test_out_writes_a_page_beside_the_report(files, monkeypatch, capsys):
    printed = run(files, monkeypatch, capsys, "--out", files / "result")
    assert {path.name for path in (files / "result").iterdir()} == {"report.json", "report.md", "report.html"}
    assert (files / "result" / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "report.html" in printed.err


def test_full_prints_every_table(files, monkeypatch, capsys):
    short, full = run(files, monkeypatch, capsys).out, run(files, monkeypatch, capsys, "--full").out
    assert short.index("Summary") < short.index("Disparities") < short.index("By Fitzpatrick skin type")
    assert "Per class" in short
    assert "Per class" in full
    assert "Confusion matrix" not in short
    assert "Confusion matrix" in full
    assert "By sex" in full
