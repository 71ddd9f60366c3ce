from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the [train] extra")

import torch

from dermbench.training.config import TrainConfig
from dermbench.training.methods import TrainingSplit, make_method

LABELS = np.repeat([0, 1, 2], [60, 30, 10])
GROUPS = np.tile([0, 0, 0, 1, 2], 20)


@pytest.fixture
def make():
    """Make a method on 100 images: 60, 30 and 10 of three classes; 60, 20 and 20 of three skin types."""

    def _make(method="erm", *, labels=LABELS, groups=GROUPS, names=("I", "V", "unknown"), **config):
        chosen = TrainConfig(model="test_efficientnet", method=method, **{"class_weights": "none"} | config)
        split = TrainingSplit(np.asarray(labels), np.asarray(groups), tuple(names), np.arange(len(labels)), 3)
        return make_method(chosen, split, torch.device("cpu"))

    return _make
