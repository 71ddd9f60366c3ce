"""What ``train`` says at its end: computed from counts, and with commands that work."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import RunRecord, read_dataset, write_dataset
from dermbench.cli import app
from dermbench.training import train
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.scoring import class_hits
from dermbench.training.run.ending import ending


def record(**facts):
    return RunRecord(
        status="finished",
        task="t",
        classes=("a", "b", "c"),
        dataset_digest="sha256:0",
        config={},
        seed=0,
        device="cpu",
        precision="fp32",
        pretrained="none",
        selection="best macro-F1 on val",
        **facts,
    )


def said(facts, config=None, *, has_test=True, run=Path("runs/b 4"), data=Path("data")):
    given = TrainConfig.model_validate({"model": "m", "epochs": 30, **(config or {})})
    return ending(record(**facts), given, run, data, has_test=has_test).splitlines()


SCORES = {"val_loss": 1.5, "val_macro_f1": 0.412, "val_accuracy": 0.55, "val_worst_accuracy": 0.1}
KEPT = {
    "best_epoch": 22,
    "epochs": 27,
    "stopped": "early stopping: no new best macro-F1 on val in 5 epochs",
    "scores": {**SCORES, "val_accuracy_I": 0.6, "val_accuracy_VI": 0.1, "val_accuracy_III": 0.3},
    "recall": {"a": (9, 18), "b": (0, 12), "c": (0, 1_200)},
    "seconds": {"decode": 12.4, "train": 325.0, "finish": 2.6},
    "peak_memory_bytes": 1_690_000_000,
}


def test_a_run_that_stopped_early():
    assert said(KEPT) == [
        "Finished after 27 of 30 epochs (early stopping: no new best macro-F1 on val in 5 epochs).",
        "Epoch 22 was kept (best macro-F1 on val): macro-F1 .41 and accuracy .55 on 1,230 images of val.",
        "Accuracy by fst goes from .10 (VI) to .60 (I).",
        "Never predicted right: c (0 of 1,200), b (0 of 12).",
        "It took 340 s, of which decoding the images 12 s; peak memory 1.69 GB at batch size 32.",
        "Next:",
        "dermbench predict 'runs/b 4' --data data --split test --out 'runs/b 4/predictions/test.parquet'",
        "dermbench eval 'runs/b 4/predictions/test.parquet' --data data --out 'runs/b 4/report'",
    ]


def test_the_lowest_recalls_where_no_class_fails_and_the_classes_without_an_image():
    recall = {"a": (9, 18), "b": (5, 6), "c": (3, 3), "d": (1, 4), "e": (7, 10), "f": (0, 0)}
    lines = said({**KEPT, "recall": recall, "seconds": {"decode": 0.9, "train": 3.0}, "peak_memory_bytes": None})
    assert lines[3:6] == [
        "Lowest recall: d (1 of 4), a (9 of 18), e (7 of 10).",
        "Not assessed, because none of their images was held out: f.",
        "It took 4 s.",
    ]


def test_many_failing_classes_are_counted_and_perfect_ones_not_listed():
    recall = {f"c{k:02}": (0, 100 - k) for k in range(12)}
    assert said({**KEPT, "recall": recall})[3].endswith("c08 (0 of 92), c09 (0 of 91) and 2 more classes.")
    assert "recall" not in " ".join(said({**KEPT, "recall": {"a": (3, 3)}}))


def test_a_probe_a_fold_and_a_control_say_what_they_are():
    config = {"epochs": 0, "probe_l2": 0.1, "folds": 5, "fold": 2, "labels": "shuffled"}
    facts = {**KEPT, "best_epoch": 0, "epochs": 0, "stopped": "no epochs asked for", "scores": SCORES}
    assert said(facts, config, has_test=False)[:2] == [
        "Finished after a linear probe, without an epoch of training.",
        (
            "It has macro-F1 .41 and accuracy .55 on 1,230 images of fold 2 of 5 of train+val. "
            "The labels are shuffled: this run is a control."
        ),
    ]
    assert said(facts, config, has_test=False)[-1].startswith("Next: train the other folds")
    assert said({**KEPT, "best_epoch": 0})[1].startswith("The state before the first epoch was kept")


def test_hits_are_counted_by_class():
    logits = np.eye(3)[[0, 0, 1, 2, 2]]
    assert class_hits(np.array([0, 1, 1, 2, 0]), logits, ("a", "b", "c", "d")) == {
        "a": (1, 2),
        "b": (1, 2),
        "c": (1, 1),
        "d": (0, 0),
    }


@pytest.fixture(scope="module")
def finished(shared_dataset, tmp_path_factory, tiny):
    out = tmp_path_factory.mktemp("ending") / "a run"
    sets = [word for text in (*tiny, "epochs=1") for word in ("--set", text)]
    words = ["train", "--data", str(shared_dataset.root), "--out", str(out), "--preset", "cpu-small", *sets]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return out, done.output


def test_its_recalls_are_those_of_its_predictions(finished, shared_dataset):
    out, _ = finished
    kept = RunRecord.read(out / "run.json")
    predicted = pd.read_parquet(out / "predictions" / "val.parquet").set_index("image_id")
    chosen = predicted.idxmax(axis=1).str.removeprefix("prob_")
    rows = shared_dataset.part("val")
    for name, counts in kept.recall.items():
        ids = rows["image_id"][rows["label"] == name]
        assert counts == (int((chosen[ids] == name).sum()), len(ids))


def test_the_commands_it_ends_with_work(finished):
    out, output = finished
    commands = [shlex.split(line)[1:] for line in output.splitlines() if line.startswith("dermbench ")]
    assert [words[0] for words in commands] == ["predict", "eval"]
    for words in commands:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert (out / "report" / "report.json").is_file()


def test_a_finished_run_says_the_same_again(finished, shared_dataset, capsys):
    out, output = finished
    train(shared_dataset, out, resume=True)
    again = capsys.readouterr().err.splitlines()
    assert again[0] == f"{out} is already finished."
    assert again[1:] == output.splitlines()[-len(again) + 1 :]


def test_without_test_images_the_validation_predictions_are_next(shared_dataset, tmp_path, tiny, capsys):
    rows = shared_dataset.manifest[shared_dataset.manifest["split"] != "test"]
    info = shared_dataset.info.model_copy(update={"image_root": str(shared_dataset.root)})
    data = write_dataset(tmp_path / "data", info, rows)
    train(read_dataset(data.root), tmp_path / "run", preset="cpu-small", overrides=[*tiny, "epochs=1"])
    command = shlex.split(capsys.readouterr().err.splitlines()[-1])[1:]
    assert command[0] == "eval"
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
