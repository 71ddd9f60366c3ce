from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="training needs the [train] extra")

import torch

from dermbench.training.config.train_config import TrainConfig
from dermbench.training.methods import TrainingSplit, make_method

LABELS = np.repeat([0, 1, 2], [60, 30, 10])
GROUPS = np.tile([0, 0, 0, 1, 2], 20)


CLASSES = ("a", "b", "c")


def ids(n):
    return np.array([f"i{k:03d}" for k in range(n)], dtype=object)


def teacher(folder, n):
    """A teacher's predictions file."""
    prob = np.random.default_rng(0).dirichlet([1, 1, 1], n)
    table = pd.DataFrame({"image_id": ids(n), **{f"prob_{c}": prob[:, k] for k, c in enumerate(CLASSES)}})
    table.to_parquet(folder / "teacher.parquet")
    return folder / "teacher.parquet"


@pytest.fixture
def make(tmp_path):
    """Make a method on 100 images: 60, 30 and 10 of three classes; 60, 20 and 20 of three skin types."""

    def _make(method="erm", *, labels=LABELS, groups=GROUPS, names=("I", "V", "unknown"), **config):
        if "distill" in method and "method_options" not in config:
            config["method_options"] = {"distill_teacher": str(teacher(tmp_path, len(labels)))}
        chosen = TrainConfig(model="test_efficientnet", method=method, **{"class_weights": "none"} | config)
        split = TrainingSplit(
            np.asarray(labels),
            np.asarray(groups),
            tuple(names),
            np.arange(len(labels)),
            3,
            ids(len(labels)),
            CLASSES,
        )
        return make_method(chosen, split, torch.device("cpu"))

    return _make
