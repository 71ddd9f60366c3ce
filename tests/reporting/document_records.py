"""A tiny dataset, run and report that belong together, for the tests of documents."""

from __future__ import annotations

import pandas as pd

import dermbench
from dermbench.artifacts.manifest import DatasetInfo, read_dataset, write_dataset
from dermbench.artifacts.run import RunRecord

CLASSES = ("melanoma", "nevus")


def write_data(folder, *, patients=True, split_patient=False, **changed):
    """Write 60 images of 30 patients: 30 train, 10 val and 20 test; skin types I and VI, half of each."""
    n = 60
    rows = {
        "image_id": [f"i{i:02d}" for i in range(n)],
        "path": [f"i{i:02d}.png" for i in range(n)],
        "label": [CLASSES[i // 2 % 2] for i in range(n)],
        "split": ["train"] * 30 + ["val"] * 10 + ["test"] * 20,
        "fst": [1 if i // 4 % 2 else 6 for i in range(n)],
        "sex": ["f" if i % 3 else "m" for i in range(n)],
    }
    if patients:
        rows["patient_id"] = [f"p{i // 2:02d}" for i in range(n)]
    if split_patient:
        rows["patient_id"][59] = "p00"
    told = {
        "task": "tiny",
        "source": "table",
        "title": "Tiny lesions",
        "classes": CLASSES,
        "malignancy": {"melanoma": "malignant", "nevus": "benign"},
        "image_root": ".",
        "licence": "CC0 1.0",
        "citation": "Nobody 2026",
        "left_out": {"blurred": 3},
        "split": {"scheme": "grouped", "unit": "patient_id", "seed": 0},
    } | changed
    write_dataset(folder, DatasetInfo(**told), pd.DataFrame(rows))
    return read_dataset(folder)


def write_predictions(path, dataset, split="test"):
    """Write probabilities; of test, each fifth image is taken for the other class."""
    rows = dataset.part(split)
    right = [0.2 if i % 5 == 0 else 0.9 for i in range(len(rows))]
    melanoma = [p if label == "melanoma" else 1 - p for p, label in zip(right, rows["label"], strict=True)]
    frame = pd.DataFrame({"image_id": rows["image_id"], "prob_melanoma": melanoma})
    frame["prob_nevus"] = 1 - frame["prob_melanoma"]
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path)
    return path


def run_record(dataset, **changed):
    told = {
        "status": "finished",
        "task": "tiny",
        "classes": CLASSES,
        "dataset_digest": dataset.info.digest,
        "config": {
            "model": "small_net",
            "image_size": 64,
            "crop_mode": "center",
            "method": "erm",
            "method_options": {},
            "optimizer": "adamw",
            "learning_rate": 0.0003,
            "weight_decay": 0.0,
            "class_weights": "balanced",
            "sampler": "shuffle",
            "labels": "true",
            "selection": "macro_f1",
            "folds": 0,
            "augment": {"crop_scale": 1.0, "rotation": 20.0, "flip_vertical": True, "hue": 0.0},
        },
        "seed": 7,
        "device": "cpu (1 thread)",
        "precision": "fp32",
        "pretrained": "none (random initialisation)",
        "selection": "best macro-F1 on val",
        "best_epoch": 3,
        "epochs": 5,
        "stopped": "all 5 epochs done",
        "parameters": 1234,
        "scores": {"val_accuracy": 0.8, "val_accuracy_I": 0.9, "val_macro_f1": None},
        "environment": {"torch": "2.9.0", "timm": "1.0.9"},
    }
    config = told["config"] | changed.pop("config", {})
    return RunRecord(**(told | changed | {"config": config}))


def write_all(folder):
    """Write ``data``, ``run`` and ``report`` into a folder; the run keeps the predictions that were evaluated."""
    dataset = write_data(folder / "data")
    file = write_predictions(folder / "run" / "predictions" / "test.parquet", dataset)
    run_record(dataset).write(folder / "run" / "run.json")
    report = dermbench.evaluate(file, data=folder / "data", name="small net", n_resamples=99).report
    report.write(folder / "report" / "report.json")
    return folder
