from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

pytest.importorskip("pytorch_grad_cam", reason="explain needs grad-cam")

from dermbench.training import explain
from dermbench.training.explain import choose


def test_pictures_are_stratified_and_listed(finished_run, shared_dataset, tmp_path):
    index = explain(finished_run, shared_dataset, tmp_path / "out", per_group=1)
    assert index.groupby(["fst", "right"]).size().max() == 1
    truth = shared_dataset.truth("test").table.set_index("image_id")["label"]
    assert (index["right"] == (index["pred"] == index["image_id"].map(truth).astype(object))).all()
    for file in index["file"]:
        with Image.open(tmp_path / "out" / file) as picture:
            assert picture.size == (64, 32)
    written = pd.read_csv(tmp_path / "out" / "index.csv")
    assert list(written["file"]) == list(index["file"])


def test_the_draw_is_seeded_and_capped():
    table = pd.DataFrame({"fst": ["I"] * 30 + ["V"] * 2, "right": [True, False] * 16, "row": range(32)})
    first, second, other = (choose(table, 3, seed) for seed in (0, 0, 1))
    assert first.equals(second)
    assert not first.equals(other)
    assert first.groupby(["fst", "right"]).size().to_dict() == {
        ("I", False): 3, ("I", True): 3, ("V", False): 1, ("V", True): 1,
    }  # fmt: skip
