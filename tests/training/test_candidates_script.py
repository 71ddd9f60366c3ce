"""The script of the candidates pages: what is trained, what is scored on test, what the page says."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import read_predictions
from dermbench.cli import app
from dermbench.training.data.folds import FoldedData

pytestmark = pytest.mark.scripts

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "candidates.py"
SET = (
    '["model=test_efficientnet", "pretrained=false", "image_size=32", "cache_size=32", "epochs=0", '
    '"probe_l2=0.1", "device=cpu"]'
)
SPEC = f"""
title = "Tiny"
about = "What was pretrained: nothing."
[run.single]
words = "one network"
preset = "cpu-small"
set = {SET}
seeds = [0, 1]
[run.plain]
words = "cut"
preset = "cpu-small"
set = {SET}
folds = 3
[run.squash]
words = "squashed"
preset = "cpu-small"
set = {SET[:-1]}, "crop_mode=squash"]
folds = 3
[run.student]
words = "taught"
preset = "cpu-small"
set = {SET.replace('"epochs=0"', '"epochs=1"')[:-1]}, "method=distill", "method_options.distill_weight=1.0"]
teacher = "plain"
folds = 3
[mean.plain-x3]
words = "mean of three folds"
of = ["plain-f0", "plain-f1", "plain-f2"]
options = ["--calibrate"]
[mean.plain-x3-flips]
words = "the same, in four flips"
of = ["plain-f0", "plain-f1", "plain-f2"]
options = ["--tta", "flips"]
test = false
[mean.more]
words = "of two means"
of = ["plain-x3", "plain-x3-flips"]
options = []
test = false
[mean.with-before]
words = "with one from before"
of = ["plain-x3", "before"]
options = []
[files]
before = "BEFORE"
[published]
words = "reported elsewhere"
nodule = 0.25
[held-out.views]
baseline = "plain-x3"
of = ["plain-x3", "plain-x3-flips"]
metrics = ["accuracy"]
[compare.before]
baseline = "before"
of = ["before", "plain-x3"]
metrics = ["accuracy"]
[held-out.shapes]
baseline = "plain"
of = ["plain", "squash"]
metrics = ["accuracy"]
[compare.folds]
baseline = "single"
of = ["single", "plain-x3"]
metrics = ["accuracy"]
"""


@pytest.fixture(scope="module")
def call():
    """Run the script in this process, the verbs of dermbench too."""
    runner = CliRunner()

    def dermbench(*words):
        done = runner.invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output

    def start(*words):
        argv, sys.argv = sys.argv, [str(SCRIPT), *map(str, words)]
        try:
            names = runpy.run_path(str(SCRIPT))
            names["main"].__globals__["dermbench"] = dermbench
            names["main"]()
        finally:
            sys.argv = argv

    return start


@pytest.fixture(scope="module")
def made(call, shared_dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("candidates")
    test = shared_dataset.manifest.query("split == 'test'")
    shares = dict.fromkeys((f"prob_{label}" for label in shared_dataset.info.classes), 1 / 3)
    before = pd.DataFrame({"image_id": test["image_id"].tolist(), **shares})
    before.to_csv(folder / "before.csv", index=False)
    leak = {"shares": "duplicates", "images": ["test-nodule-0", "train-nodule-0"]}
    audit = {"dataset_digest": shared_dataset.info.digest, "leaks": [leak]}
    (folder / "audit.json").write_text(json.dumps(audit))
    (folder / "spec.toml").write_text(SPEC.replace("BEFORE", str(folder / "before.csv")))
    words = (
        folder / "spec.toml",
        "--data",
        shared_dataset.root,
        "--runs",
        folder / "runs",
        "--audit",
        folder,
        "--out",
        folder / "page.md",
    )
    call(*words)
    call(*words)  # what is done is not done again
    return folder


def test_folds_are_scored_on_test_as_a_mean_only_and_once(made):
    scored = [line.partition(",")[0] for line in (made / "runs" / "test-split.csv").read_text().splitlines()]
    assert sorted(scored) == ["plain-x3", "single-s0", "single-s1", "with-before"]


def test_means_of_means_and_files(made, shared_dataset):
    runs, truth, val = made / "runs", shared_dataset.truth("test"), shared_dataset.truth("train+val")
    whole, own = (read_predictions(runs / f"{name}.parquet", truth) for name in ("with-before", "plain-x3"))
    np.testing.assert_allclose(whole.y_prob, (own.y_prob + 1 / 3) / 2, atol=1e-6)
    assert not (runs / "with-before.val.parquet").exists()
    assert "\n| with one from before | \N{EN DASH} | " in (made / "page.md").read_text()
    whole, *parts = (
        read_predictions(runs / f"{name}.val.parquet", val) for name in ("more", "plain-x3", "plain-x3-flips")
    )
    np.testing.assert_allclose(whole.y_prob, (parts[0].y_prob + parts[1].y_prob) / 2, atol=1e-6)
    assert not (runs / "more.parquet").exists()


def test_files_are_found_in_the_history(tmp_path):
    def git(*words):
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        done = subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "kept.csv").write_bytes(b"kept\r\n")
    git("add", "kept.csv")
    git("commit", "-qm", "one")
    (tmp_path / "kept.csv").unlink()
    commit = git("rev-parse", "--short", "HEAD")
    (tmp_path / "spec.toml").write_text(f'[files]\nold = "{commit}:kept.csv"\nnew = "new.csv"\n')
    bench = runpy.run_path(str(SCRIPT))["Bench"]
    bench.earlier.__globals__["PROJECT"] = tmp_path
    made = bench(tmp_path / "spec.toml", tmp_path, tmp_path / "runs")
    assert made.file("old").read_bytes() == b"kept\r\n"
    assert made.file("old").suffix == ".csv"
    assert made.file("new") == tmp_path / "new.csv"


def test_what_was_not_chosen_is_shown_and_not_scored(made):
    assert not (made / "runs" / "plain-x3-flips.parquet").exists()
    report = json.loads((made / "runs" / "held-out-views" / "comparison.json").read_text())
    assert report["n"] == 36
    page = (made / "page.md").read_text()
    assert "\n| the same, in four flips: not chosen, not scored on test | 36 | " in page


def test_images_with_a_twin_elsewhere_are_left_out(made):
    page = (made / "page.md").read_text().partition("\n## Without the test images")[2]
    assert "\n| plain-x3 | 8 | " in page
    assert "\n| single-s0 | 8 | " in page
    report = json.loads((made / "runs" / "plain-x3.apart.json").read_text())
    assert report["per_class"]["nodule"]["support"] == 2


def test_an_audit_of_another_dataset_is_refused(made, call, shared_dataset, tmp_path):
    words = (made / "spec.toml", "--data", shared_dataset.root, "--runs", tmp_path, "--audit", tmp_path)
    with pytest.raises(SystemExit) as missing:
        call(*words)
    assert missing.value.code == 2
    (tmp_path / "audit.json").write_text(json.dumps({"dataset_digest": "sha256:0", "leaks": []}))
    shutil.copy(made / "runs" / "plain-x3.parquet", tmp_path)
    with pytest.raises(SystemExit, match="another dataset"):
        call(*words, "--only", "plain-x3", "--steps", "eval")


def test_predictions_made_before_are_compared(made):
    report = json.loads((made / "runs" / "compare-before" / "comparison.json").read_text())
    assert report["n"] == 9
    page = (made / "page.md").read_text()
    assert "\n## Compared: before\n" in page


def test_what_was_published_stands_beside_the_classes(made):
    page = (made / "page.md").read_text()
    assert "\n| class | n | F1 | F1, reported elsewhere |\n|---|--:|--:|--:|\n" in page
    rows = [line for line in page.splitlines() if line.startswith(("| nodule | 3 |", "| macule | 3 |"))]
    assert sorted(row.rpartition(" | ")[2].strip(" |") for row in rows) == ["", "0.25"]


def test_each_fold_is_trained_on_its_own_part(made):
    for name in ("plain", "squash"):
        configs = [
            json.loads((made / "runs" / f"{name}-f{k}" / "run.json").read_text())["config"] for k in range(3)
        ]
        assert [(c["folds"], c["fold"], c["seed"]) for c in configs] == [(3, 0, 0), (3, 1, 0), (3, 2, 0)]
        assert {c["crop_mode"] for c in configs} == {"center" if name == "plain" else "squash"}


def test_a_student_learns_from_the_run_on_its_own_fold(made, shared_dataset):
    for fold in range(3):
        record = json.loads((made / "runs" / f"student-f{fold}" / "run.json").read_text())
        file = made / "runs" / f"plain-f{fold}.trained.parquet"
        assert record["config"]["method_options"]["distill_teacher"] == str(file.resolve())
        assert f"distilled from {file.name} (sha256:" in record["selection"]
        taught = read_predictions(file, FoldedData.cut(shared_dataset, 3, fold).truth("train"))
        assert len(taught) == 24


def test_a_student_waits_for_its_teacher(call, shared_dataset, tmp_path):
    (tmp_path / "spec.toml").write_text(SPEC)
    words = (tmp_path / "spec.toml", "--data", shared_dataset.root, "--runs", tmp_path / "runs")
    with pytest.raises(SystemExit, match=r"\[run.student\].*plain-f0: its teacher is not trained"):
        call(*words, "--only", "student")
    assert not (tmp_path / "runs" / "student-f0").exists()


def test_what_folds_hold_out_is_compared(made, shared_dataset):
    report = json.loads((made / "runs" / "held-out-shapes" / "comparison.json").read_text())
    assert report["n"] == 36
    held_out = read_predictions(made / "runs" / "plain.val.parquet", shared_dataset.truth("train+val"))
    assert len(held_out) == 36


def test_the_page_shows_both(made):
    page = (made / "page.md").read_text()
    assert "\n| one network, seed 0 | " in page
    assert "\n| mean of three folds | " in page
    assert "\n| cut, 3 folds | 36 | " in page
    assert "\n| squashed, 3 folds | 36 | " in page
    assert "\n## Compared: folds\n" in page
    report = json.loads((made / "runs" / "plain-x3.val.json").read_text())
    assert f"\n| mean of three folds | {report['overall']['macro_f1']['value']:.2f}¹ | " in page
    assert "\n¹ of all images of train and val" in page
    assert "\n## By class: plain-x3, the best macro-F1 on what folds hold out\n" in page
    assert "\n## Compared on what folds hold out: shapes\n" in page


def test_minutes_count_every_process_of_older_records_too(made):
    runs = made / "resumed"
    shutil.copytree(made / "runs" / "single-s0", runs / "single-s0")
    record = json.loads((runs / "single-s0" / "run.json").read_text())
    record["seconds"] = {"decode": 60.0, "train": 30.0}
    (runs / "single-s0" / "run.json").write_text(json.dumps(record))
    bench = runpy.run_path(str(SCRIPT))["Bench"](made / "spec.toml", made, runs)
    history = runs / "single-s0" / "history.csv"
    for text, minutes in (("epoch,seconds\n1,100\n2,80\n", "4.0"), ("epoch\n0\n", "1.5")):
        history.write_text(text)
        assert bench.val("single-s0")[1] == minutes
