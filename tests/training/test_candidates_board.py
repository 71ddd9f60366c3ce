"""One board with a run, an answers file, a zero-shot model and a probe on another package's embeddings."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import safetensors.torch
import torch

NAME = "dermbench-board-ViT"
BOARD = """\
schema = "dermbench.board/1"
title = "Candidates of every kind"
metric = "macro_f1"
task = "tiny"
split = "test"
resamples = 99
"""
SCRIPT = """
import json, sys
import open_clip
open_clip.add_model_config(sys.argv[2])
from dermbench.cli import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""


@pytest.fixture
def zero_shot(tmp_path):
    library = pytest.importorskip("open_clip", reason="zero-shot models need the [clip] extra")
    vision = {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8}
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    (tmp_path / f"{NAME}.json").write_text(json.dumps({"embed_dim": 8, "vision_cfg": vision, "text_cfg": text}))
    library.add_model_config(tmp_path / f"{NAME}.json")
    torch.manual_seed(0)
    weights = library.create_model(NAME, load_weights=False).state_dict()
    safetensors.torch.save_file(weights, tmp_path / "clip.safetensors")
    return tmp_path / f"{NAME}.json", tmp_path / "clip.safetensors"


@pytest.mark.long
def test_candidates_of_every_kind_stand_on_one_board(install_page, make_dataset, tiny, zero_shot, tmp_path):
    dataset = make_dataset(tmp_path / "data", per_class=(8, 4, 6))
    test = dataset.part("test")
    said = [f"Answer: {label}" for label in test["label"]]
    said[:4] = ["I cannot give a medical diagnosis from a photo."] * 4
    pd.DataFrame({"image_id": test["image_id"], "answer": said}).to_csv(tmp_path / "answers.csv", index=False)
    board = tmp_path / "board"
    board.mkdir()
    (board / "board.toml").write_text(BOARD)
    data = ("--data", dataset.root)
    sets = [word for text in [*tiny, "epochs=1"] for word in ("--set", text)]
    commands = [
        ("train", *data, "--out", tmp_path / "run", "--preset", "cpu-small", *sets),
        ("embed", "brightest:", *data, "--out", tmp_path / "e.parquet"),
        ("train", *data, "--out", tmp_path / "probe", "--embeddings", tmp_path / "e.parquet"),
    ]
    candidates = {
        "run": (tmp_path / "run",),
        "probe": (tmp_path / "probe",),
        "words": (f"answers:{tmp_path / 'answers.csv'}",),
        "zero-shot": (f"open_clip:{NAME}", "--weights", zero_shot[1]),
    }
    for name, candidate in candidates.items():
        out = tmp_path / f"{name}.parquet"
        commands += [
            ("predict", *candidate, *data, "--split", "test", "--out", out),
            ("leaderboard", "add", out, "--board", board, *data, "--name", name, "--model", name),
        ]
    commands += [("leaderboard", "build", board, *data), ("leaderboard", "verify", board, *data)]
    listed = json.dumps([[str(word) for word in words] for words in commands])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, listed, str(zero_shot[0])],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(install_page("predictor.md")), os.environ.get("PYTHONPATH", "")]),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (board / "entries").iterdir()} == set(candidates)
    readme = (board / "README.md").read_text()
    assert all(f"entries/{name}/report.md" in readme for name in candidates)
    report = json.loads((board / "entries" / "words" / "report.json").read_text())
    assert report["overall"]["accuracy"]["value"] == pytest.approx(14 / 18, abs=1e-6)  # four refusals are wrong
    assert report["no_answer"]["overall"]["refused"] == 4
    probe = json.loads((board / "entries" / "probe" / "report.json").read_text())
    assert probe["overall"]["accuracy"]["value"] > 0.9  # classes differ by their colour, which is its embedding
