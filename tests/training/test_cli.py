from __future__ import annotations

import sys

import pytest

from dermbench.cli import main


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["dermbench", *map(str, words)])
    try:
        main()
    except SystemExit as done:
        return done.code or 0
    return 0


def sets(*texts):
    return [word for text in texts for word in ("--set", text)]


def test_train_predict_explain(dataset, tmp_path, monkeypatch, capsys, tiny):
    run = tmp_path / "run"
    options = ["--data", dataset.root, "--preset", "cpu-small", *sets(*tiny, "epochs=1"), "--seed", 3]
    assert call(monkeypatch, "train", "--out", run, *options) == 0
    shown = capsys.readouterr()
    assert "w_c = n / (C * n_c)" in shown.err
    assert "none (random initialisation)" in shown.err
    assert "epoch   1/1" in shown.err
    assert "Finished after 1 of 1 epochs.\nEpoch 1 was kept (best macro-F1 on val)" in shown.err
    assert shown.out == ""
    out = tmp_path / "p.parquet"
    assert call(monkeypatch, "predict", run, "--data", dataset.root, "--out", out) == 0
    assert "9 images, 3 classes, sha256:" in capsys.readouterr().out
    assert (
        call(monkeypatch, "explain", run, "--data", dataset.root, "--out", tmp_path / "e", "--per-group", 1) == 0
    )
    assert (tmp_path / "e" / "index.csv").is_file()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--preset", "cpu-smal"], "did you mean 'cpu-small'"),
        (["--preset", "cpu-small", "--set", "epoch=1"], "did you mean 'epochs'"),
        (["--preset", "cpu-small", "--set", "device=warp"], "unknown device"),
        (["--preset", "cpu-small", "--set", "weights=absent.pth"], "no such file"),
        (["--config", "absent.toml"], "absent.toml: no such file"),
        ([], "preset"),
    ],
)
def test_bad_usage_is_one_message_and_exit_code_two(dataset, tmp_path, monkeypatch, capsys, words, text):
    assert call(monkeypatch, "train", "--data", dataset.root, "--out", tmp_path / "run", *words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert text in shown.err
    assert "Traceback" not in shown.err


def test_predict_refuses_other_options_and_suffixes(dataset, tmp_path, monkeypatch, capsys):
    base = ["predict", tmp_path, "--data", dataset.root]
    assert call(monkeypatch, *base, "--out", "p.parquet", "--weights", "w.safetensors") == 2
    assert "It goes with open_clip:NAME with --weights FILE, timm:NAME" in capsys.readouterr().err
    assert call(monkeypatch, *base, "--out", "p.txt") == 2
    assert ".parquet or .csv" in capsys.readouterr().err
