from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs the [train] extra")
pytest.importorskip("timm", reason="training needs the [train] extra")

from dermbench.artifacts import DatasetInfo, write_dataset

CLASSES = ("macule", "nodule", "plaque")
COLOURS = ((200, 80, 60), (60, 160, 80), (70, 90, 200))
TINY = (
    "model=test_efficientnet",
    "pretrained=false",
    "image_size=32",
    "cache_size=32",
    "epochs=3",
    "batch_size=8",
    "probe_l2=0",
    "warmup_epochs=0",
    "device=cpu",
)


def _make_dataset(root, *, per_class=(8, 4, 3), classes=CLASSES, seed=0, side=40):
    """Images of one colour a class with noise: learnable, but not in one step."""
    rng = np.random.default_rng(seed)
    rows = []
    (root / "images").mkdir(parents=True)
    for split, count in zip(("train", "val", "test"), per_class, strict=True):
        for k, name in enumerate(classes):
            for i in range(count):
                image_id = f"{split}-{name}-{i}"
                pixels = rng.normal(COLOURS[k % 3], 60, (side, side + 4 * k, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / "images" / f"{image_id}.png")
                rows.append((image_id, f"images/{image_id}.png", name, split, str(1 + (i + k) % 6)))
    table = pd.DataFrame(rows, columns=["image_id", "path", "label", "split", "fst"])
    info = DatasetInfo(task="tiny", source="table", classes=classes, image_root=".")
    return write_dataset(root, info, table)


@pytest.fixture
def dataset(tmp_path):
    return _make_dataset(tmp_path / "data")


@pytest.fixture(scope="session")
def shared_dataset(tmp_path_factory):
    return _make_dataset(tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture(scope="session")
def finished_run(shared_dataset, tmp_path_factory):
    from dermbench.training import train

    out = tmp_path_factory.mktemp("runs") / "run"
    train(shared_dataset, out, preset="cpu-small", overrides=TINY, quiet=True)
    return out


@pytest.fixture(scope="session")
def make_dataset():
    return _make_dataset


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def run():
    """Train the tiny network with further options."""
    from dermbench.training import train

    def start(data, out, *extra, **options):
        options = {"preset": "cpu-small", "overrides": [*TINY, *extra], "quiet": True} | options
        return train(data, out, **options)

    return start
