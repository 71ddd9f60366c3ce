import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.data import audit, write_audit
from dermbench.data.duplicates import popcount
from dermbench.errors import InputError

from .conftest import draw


def dataset(root, table):
    info = DatasetInfo(
        schema="dermbench.dataset/1", task="t", source="table", classes=("a", "b"), image_root=str(root / "images")
    )
    return write_dataset(root, info, table)


def table(n, **columns):
    base = pd.DataFrame({"image_id": [f"{i:03}" for i in range(n)], "label": "a", "split": "train"})
    return base.assign(path=base["image_id"] + ".png", **columns)


def images(root, n):
    return [draw(root / "images" / f"{i:03}.png", i, size=96) for i in range(n)]


def test_different_images_give_no_finding(tmp_path):
    images(tmp_path, 30)
    result = audit(dataset(tmp_path, table(30, split=["train", "test"] * 15)))
    assert (result.exact, result.near, result.leaking) == (0, 0, False)
    assert result.duplicates.empty


def test_planted_duplicates_are_found_with_their_kind(tmp_path):
    files = images(tmp_path, 20)
    files[1].write_bytes(files[0].read_bytes())
    original = Image.open(files[2]).convert("RGB")
    original.resize((64, 64)).save(tmp_path / "images" / "003.png")
    ImageEnhance.Brightness(original).enhance(1.15).save(tmp_path / "images" / "004.png")
    result = audit(dataset(tmp_path, table(20)))
    found = {g: sorted(m["image_id"]) for g, m in result.duplicates.groupby("group")}
    assert found == {"000": ["000", "001"], "002": ["002", "003", "004"]}
    assert result.duplicates.set_index("image_id")["kind"].to_dict() == {
        "000": "exact", "001": "exact", "002": "near", "003": "near", "004": "near",
    }  # fmt: skip
    assert not result.leaking


def test_leaks_and_conflicts_are_named(tmp_path):
    files = images(tmp_path, 8)
    files[1].write_bytes(files[0].read_bytes())
    frame = table(
        8,
        split=["train", "test", "train", "val", "train", "train", "test", "test"],
        label=["a", "b", "a", "a", "a", "a", "b", "b"],
        fst=[1, 4, 2, 2, 3, 5, 6, 6],
        patient_id=["p", None, "q", "q", "r", "r", "s", "s"],
    )
    result = audit(dataset(tmp_path, frame))
    assert {(f.shares, f.group, f.found) for f in result.leaks} == {
        ("duplicates", "000", ("test", "train")),
        ("patient_id", "q", ("train", "val")),
    }
    assert result.leaked_images() == {"test": 1, "train": 2, "val": 1}
    assert [(f.shares, f.found, f.images) for f in result.label_conflicts] == [
        ("duplicates", ("a", "b"), ("000", "001"))
    ]
    assert {(f.shares, f.group, f.found) for f in result.tone_conflicts} == {
        ("patient_id", "r", ("3", "5")),
        ("duplicates", "000", ("1", "4")),
    }


def test_files_say_the_same(tmp_path):
    files = images(tmp_path, 4)
    files[1].write_bytes(files[0].read_bytes())
    result = audit(dataset(tmp_path, table(4, split=["train", "test"] * 2)))
    write_audit(tmp_path / "audit", result)
    document = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert document["schema"] == "dermbench.audit/1"
    assert document["leaking"] is True
    assert document["leaked_images"] == {"test": 1, "train": 1}
    rows = pd.read_csv(tmp_path / "audit" / "duplicates.csv", dtype=str)
    assert list(rows["image_id"]) == ["000", "001"]


def test_flat_images_are_not_near_duplicates(tmp_path):
    for i in range(3):
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), (10 * i, 90, 90)).save(folder / f"{i:03}.png")
    assert audit(dataset(tmp_path, table(3))).near == 0


def test_missing_images_are_refused_with_a_remedy(tmp_path):
    images(tmp_path, 3)[1].unlink()
    with pytest.raises(InputError, match=r"001.png: cannot be read") as caught:
        audit(dataset(tmp_path, table(3)))
    assert "data check" in str(caught.value)


def test_popcount_without_numpy_2(monkeypatch):
    words = np.random.default_rng(1).integers(0, 2**64, (3, 5), dtype=np.uint64)
    expected = [[int(w).bit_count() for w in row] for row in words]
    assert popcount(words).tolist() == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert popcount(words).tolist() == expected
