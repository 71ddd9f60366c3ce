"""Training cannot read the test split."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dermbench.artifacts import read_dataset, write_dataset
from dermbench.errors import UsageError
from dermbench.training.data.pixels import load_samples
from dermbench.training.data.training_data import TrainingData
from dermbench.training.network.tensor_files import read_tensors


def test_the_loader_refuses_the_test_split(dataset):
    view = TrainingData.of(dataset)
    for attempt in (view.part, view.truth, lambda split: load_samples(view, split, 32)):
        with pytest.raises(UsageError, match="training must not read the split 'test'"):
            attempt("test")
    assert set(view.manifest["split"]) == {"train", "val"}
    assert view.part("val").equals(dataset.part("val"))


def test_a_training_process_opens_no_test_image_and_no_cache_of_them(dataset, tmp_path, start, words):
    load_samples(dataset, "test", 32)  # a cache that could be read
    forbidden = [*dataset.paths(dataset.part("test")), dataset.root.resolve() / "cache" / "test-"]
    child = start(*words(dataset.root, tmp_path / "run", "epochs=1"), forbidden=forbidden)
    assert child.wait() == 0, child.text
    predict = ("predict", tmp_path / "run", "--data", dataset.root, "--out", tmp_path / "p.csv")
    child = start(*predict, forbidden=forbidden)
    assert child.wait() == 77  # the trap works
    assert "opened" in child.text


def test_test_labels_and_images_change_no_bit_of_a_training(make_dataset, tmp_path, run):
    kept = make_dataset(tmp_path / "kept")
    poisoned = make_dataset(tmp_path / "poisoned")
    table = poisoned.manifest.copy()
    test = (table["split"] == "test").to_numpy()
    table.loc[test, "label"] = np.roll(table.loc[test, "label"], 4)
    table.loc[test, "fst"] = 6
    for path in poisoned.paths(poisoned.part("test")):
        path.unlink()
    write_dataset(poisoned.root, poisoned.info, table)
    poisoned = read_dataset(poisoned.root)
    assert poisoned.info.digest != kept.info.digest
    options = ("epochs=2", "method=group_dro", "probe_l2=0.1")
    for name, dataset in (("one", kept), ("two", poisoned)):
        run(dataset, tmp_path / name, *options)
    one, two = (read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("one", "two"))
    assert all(torch.equal(one[k], two[k]) for k in one)
