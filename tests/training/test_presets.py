"""Some steps of every packaged preset, as it stands but for its size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import read_predictions
from dermbench.artifacts.run import WEIGHTS
from dermbench.training import train
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run.configure import load_config, preset_names

SMALL = ("image_size=32", "batch_size=4", "max_steps=2", "pretrained=false", "device=cpu")
"""What differs from the preset: size and length alone. The network is its own."""


@pytest.fixture(scope="module")
def few(make_dataset, tmp_path_factory):
    """Six images to train on and three to validate on."""
    return make_dataset(tmp_path_factory.mktemp("few") / "data", per_class=(2, 1, 1))


LARGE = {"efficientnet-b4", "efficientnet-b4-reference"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in LARGE else ())
        for name in preset_names()
        if name != "embeddings"
    ],
)
def test_some_steps_of_a_preset(name, few, tmp_path):
    preset = load_config(preset=name)
    record = train(few, tmp_path / "run", preset=name, overrides=SMALL, quiet=True)
    kept = preset.model_dump(mode="json", exclude={text.partition("=")[0] for text in SMALL})
    assert {key: record.config[key] for key in kept} == kept
    last = pd.read_csv(tmp_path / "run" / "history.csv").iloc[-1]
    assert last["step"] == (2 if preset.epochs else 0)
    assert np.isfinite(last["train_loss"]) == bool(preset.epochs)
    assert record.stopped == ("max_steps: 2 optimisation steps taken" if preset.epochs else "no epochs asked for")
    predictions = read_predictions(tmp_path / "run" / "predictions" / "val.parquet", few.truth("val"))
    np.testing.assert_allclose(predictions.y_prob.sum(axis=1), 1, atol=1e-12)
    assert read_tensors(tmp_path / "run" / WEIGHTS)[1]["model"] == preset.model


def test_the_preset_of_embeddings(few, tmp_path):
    rows = few.manifest
    codes = rows["label"].map({name: k for k, name in enumerate(few.classes)}).to_numpy()
    table = pd.DataFrame(np.eye(3)[codes], columns=["a", "b", "c"]).assign(image_id=rows["image_id"].to_numpy())
    table.to_csv(tmp_path / "table.csv", index=False)
    name = f'model="embeddings:{tmp_path / "table.csv"}"'
    record = train(few, tmp_path / "run", preset="embeddings", overrides=[name], quiet=True)
    assert record.config["probe_l2"] == load_config(preset="embeddings").probe_l2
    assert record.scores["val_accuracy"] == 1
