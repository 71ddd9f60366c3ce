from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import RunRecord, read_predictions
from dermbench.artifacts.tables import write_table
from dermbench.errors import InputError, UsageError
from dermbench.training import explain, predict, train


@pytest.fixture(scope="module")
def table(shared_dataset):
    """Embeddings of all images and of one more: class and noise."""
    rng = np.random.default_rng(0)
    manifest = shared_dataset.manifest
    codes = manifest["label"].map({name: k for k, name in enumerate(shared_dataset.classes)}).to_numpy(dtype=int)
    values = rng.normal(0, 0.3, (len(codes), 5))
    values[:, :3] += np.eye(3)[codes]
    frame = pd.DataFrame(values, columns=[f"e{k}" for k in range(5)]).assign(image_id=manifest["image_id"])
    return pd.concat([frame, frame.iloc[:1].assign(image_id="elsewhere")]).sample(frac=1, random_state=0)


def lists(table):
    values = table.drop(columns="image_id").to_numpy()
    return pd.DataFrame({"image_id": table["image_id"], "embedding": list(values)})


def start(data, path, out, *extra):
    overrides = [f'model="embeddings:{path}"', *extra]
    return train(data, out, preset="embeddings", overrides=overrides, quiet=True)


@pytest.mark.parametrize(("suffix", "form"), [("csv", lambda t: t), ("parquet", lambda t: t), ("parquet", lists)])
def test_a_probe_on_a_table_is_a_run_like_any_other(shared_dataset, table, tmp_path, suffix, form):
    path = tmp_path / f"e.{suffix}"
    write_table(path, form(table))
    record = start(shared_dataset, path, tmp_path / "run")
    assert record.scores["val_accuracy"] > 0.8
    assert "sha256:" in record.pretrained
    assert RunRecord.read(tmp_path / "run" / "run.json").status == "finished"
    written = read_predictions(tmp_path / "run" / "predictions" / "val.parquet", shared_dataset.truth("val"))
    assert predict(tmp_path / "run", shared_dataset, split="val").digest == written.digest
    assert len(predict(tmp_path / "run", shared_dataset, calibrate=True)) == 9
    assert train(shared_dataset, tmp_path / "run", resume=True, quiet=True).status == "finished"


def test_no_image_is_opened_and_no_test_row_is_needed(dataset, table, tmp_path):
    for path in dataset.paths(dataset.manifest):
        path.unlink()
    write_table(tmp_path / "e.csv", table[~table["image_id"].str.startswith("test-")])
    assert start(dataset, tmp_path / "e.csv", tmp_path / "run").status == "finished"
    with pytest.raises(InputError, match="9 images have no embedding"):
        predict(tmp_path / "run", dataset)
    write_table(tmp_path / "all.csv", table)
    assert len(predict(tmp_path / "run", dataset, embeddings=tmp_path / "all.csv")) == 9


def test_class_weights_are_used(dataset, table, tmp_path):
    write_table(tmp_path / "e.csv", table)
    keep = ~dataset.manifest["image_id"].isin([f"train-nodule-{i}" for i in range(2, 8)])
    from dermbench.artifacts import write_dataset

    uneven = write_dataset(dataset.root, dataset.info, dataset.manifest[keep])
    prob = []
    for name in ("none", "balanced"):
        start(uneven, tmp_path / "e.csv", tmp_path / name, f"class_weights={name}", "probe_l2=1")
        prob.append(predict(tmp_path / name, uneven).y_prob[:, 1].mean())
    assert prob[1] > prob[0] + 0.05


def broken(table, what):
    if what == "missing":
        return table[table["image_id"] != "train-macule-0"]
    if what == "repeated":
        return pd.concat([table, table[table["image_id"] == "val-plaque-1"]])
    if what == "text":
        return table.assign(e0="much")
    if what == "nan":
        return table.assign(e0=np.where(table["image_id"] == "val-macule-0", np.nan, table["e0"]))
    return table.rename(columns={"image_id": "number"})


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("missing", "1 images have no embedding: 'train-macule-0'"),
        ("repeated", "repeated image_id: 'val-plaque-1'"),
        ("text", "embeddings must be numbers"),
        ("nan", "not finite numbers for 'val-macule-0'"),
        ("no id", "no column image_id"),
    ],
)
def test_bad_tables_are_told_in_one_message(shared_dataset, table, tmp_path, what, text):
    write_table(tmp_path / "e.parquet", broken(table, what))
    with pytest.raises(InputError, match=text):
        start(shared_dataset, tmp_path / "e.parquet", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_no_probe_is_refused(shared_dataset, table, tmp_path):
    write_table(tmp_path / "e.csv", table)
    with pytest.raises(UsageError, match="epochs=3, method='mixup'"):
        start(shared_dataset, tmp_path / "e.csv", tmp_path / "run", "epochs=3", "method=mixup")
    start(shared_dataset, tmp_path / "e.csv", tmp_path / "run")
    with pytest.raises(UsageError, match="no views of images"):
        predict(tmp_path / "run", shared_dataset, tta="flips")
    with pytest.raises(UsageError, match="no network"):
        explain(tmp_path / "run", shared_dataset, tmp_path / "out")
    write_table(tmp_path / "short.csv", table.drop(columns="e4"))
    with pytest.raises(InputError, match="holds 4 features, the run was trained on 5"):
        predict(tmp_path / "run", shared_dataset, embeddings=tmp_path / "short.csv")


def test_the_command(shared_dataset, table, tmp_path):
    from typer.testing import CliRunner

    from dermbench.cli import app

    write_table(tmp_path / "e.parquet", table)
    words = ["train", "--data", str(shared_dataset.root), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*words, "--embeddings", str(tmp_path / "e.parquet")])
    assert done.exit_code == 0, done.output
    assert "selection" in (tmp_path / "run" / "run.json").read_text()
