"""The audit as a whole: findings, files, the command line. Pairs are tested in a file of their own."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import read_dataset, read_duplicates
from dermbench.artifacts.audit import Audit
from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.cli import app
from dermbench.data import audit, write_audit, write_groups
from dermbench.data.duplicates import popcount
from dermbench.errors import DermbenchError, InputError

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


def look(found, **settings):
    return audit(found, verify=False, **settings)


@pytest.fixture
def conflicting(tmp_path):
    """Images 0 (train) and 1 (test) have equal bytes, another label and another skin type."""
    files = images(tmp_path, 8)
    files[1].write_bytes(files[0].read_bytes())
    frame = table(
        8,
        split=["train", "test", "train", "val", "train", "train", "test", "test"],
        label=["a", "b", "a", "a", "a", "a", "b", "b"],
        fst=[1, 4, 2, 2, 3, 5, 6, 6],
        patient_id=["p", None, "q", "q", "r", "r", "s", "s"],
    )
    return dataset(tmp_path, frame)


def test_different_images_give_no_finding(tmp_path):
    images(tmp_path, 30)
    found = look(dataset(tmp_path, table(30, split=["train", "test"] * 15))).record
    assert (found.groups, found.images_in_groups, found.leaking) == (0, 0, False)
    assert (found.label_conflicts, found.tone_conflicts) == ((), ())
    assert found.twins_of_training == {"test": 0}


def test_leaks_and_conflicts_are_named(conflicting):
    found = look(conflicting).record
    assert {(f.shares, f.group, f.found) for f in found.leaks} == {
        ("duplicates", "000", ("test", "train")),
        ("patient_id", "q", ("train", "val")),
    }
    assert found.leaked_images == {"test": 1, "train": 2, "val": 1}
    assert found.twins_of_training == {"val": 0, "test": 1}
    assert [(f.shares, f.found, f.images) for f in found.label_conflicts] == [
        ("duplicates", ("a", "b"), ("000", "001"))
    ]
    assert {(f.shares, f.group, f.found) for f in found.tone_conflicts} == {
        ("patient_id", "r", ("III", "V")),
        ("duplicates", "000", ("I", "IV")),
    }


def test_a_pair_says_what_differs(conflicting):
    (pair,) = look(conflicting).record.pairs
    assert (pair.first, pair.second, pair.kind, pair.sure) == ("000", "001", "exact", True)
    assert (pair.splits, pair.labels, pair.tones) == (("train", "test"), ("a", "b"), ("I", "IV"))
    assert pair.crosses_splits
    assert pair.label_differs
    assert pair.tone_differs


def test_words_give_counts_and_what_to_do(conflicting):
    words = " ".join(look(conflicting).record.summary)
    assert "8 images (4 train, 1 val, 3 test)." in words
    assert "1 of 3 test images (33.3%) show the same photograph or lesion as one of train" in words
    assert "--write-groups" in words
    assert "1 patient has images in more than one split" in words
    assert "more than one label (1 pair of duplicates)" in words
    assert "The skin type differs in 1 of 1 pair" in words


def test_a_known_duplicate_group_is_told_once(tmp_path):
    files = images(tmp_path, 4)
    files[1].write_bytes(files[0].read_bytes())
    groups = ["g", "g", None, None]
    found = look(dataset(tmp_path, table(4, split=["train", "test"] * 2, duplicate_group=groups))).record
    assert [(f.shares, f.group) for f in found.leaks] == [("duplicate_group", "g")]
    assert found.twins_of_training == {"test": 1}


def test_files_say_the_same(conflicting, tmp_path):
    result = look(conflicting)
    written = write_audit(tmp_path / "audit", result, page="<p>")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "audit").iterdir()}
    assert Audit.read(tmp_path / "audit" / "audit.json") == result.record
    pairs = pd.read_csv(tmp_path / "audit" / "pairs.csv", dtype=str)
    assert pairs.iloc[0][["first", "split_second", "label_first", "fst_second"]].tolist() == [
        "000",
        "test",
        "a",
        "IV",
    ]
    duplicates = pd.read_csv(tmp_path / "audit" / "duplicates.csv", dtype=str)
    assert duplicates[["group", "kind", "image_id"]].to_numpy().tolist() == [
        ["000", "exact", "000"],
        ["000", "exact", "001"],
    ]
    every = pd.read_csv(tmp_path / "audit" / "images.csv", dtype={"image_id": str})
    assert every["width"].tolist() == [96] * 8
    assert {"ita", "ita_n", "sharpness", "look"} <= set(every)
    tones = pd.read_csv(tmp_path / "audit" / "tones.csv")
    assert tones["images"].sum() == 8


def test_an_audit_without_skin_tone_says_so(tmp_path):
    images(tmp_path, 3)
    result = look(dataset(tmp_path, table(3)))
    assert result.record.tones == ()
    assert any("nothing can be said about skin tone" in sentence for sentence in result.record.summary)
    write_audit(tmp_path / "audit", result)
    assert not (tmp_path / "audit" / "audit.html").exists()


def test_flat_images_are_no_pair_and_to_look_at(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.new("RGB", (96, 96), (10 * i, 90, 90)).save(tmp_path / "images" / f"{i:03}.png")
    found = look(dataset(tmp_path, table(3))).record
    assert found.pairs == ()
    assert [one.kind for one in found.looks] == ["blank"] * 3


def test_missing_images_are_refused_with_a_remedy(tmp_path):
    images(tmp_path, 3)[1].unlink()
    with pytest.raises(InputError, match=r"001.png: cannot be read") as caught:
        look(dataset(tmp_path, table(3)))
    assert "data check" in str(caught.value)


def test_groups_lie_beside_the_manifest_and_change_nothing_else(conflicting):
    before = {path.name: path.read_bytes() for path in conflicting.root.glob("*.*")}
    path = write_groups(conflicting, look(conflicting))
    assert read_duplicates(path).group_of() == {"000": "000", "001": "000"}
    assert read_duplicates(path).info.dataset_digest == conflicting.info.digest
    after = {path.name: path.read_bytes() for path in conflicting.root.glob("*.*")}
    assert {name: after[name] for name in before} == before
    assert read_dataset(conflicting.root).info.digest == conflicting.info.digest


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, DermbenchError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_labels_that_predictions_dispute_are_listed(tmp_path):
    pytest.importorskip("cleanlab")
    images(tmp_path, 24)
    found = dataset(tmp_path, table(24, label=["a", "b"] * 12, split=["train", "test"] * 12))
    prob = np.where(found.manifest["label"] == "a", 0.9, 0.1)
    prob[3] = 0.99
    scores = pd.DataFrame({"image_id": found.manifest["image_id"], "prob_a": prob, "prob_b": 1 - prob})
    scores.to_csv(tmp_path / "scores.csv", index=False)
    result = look(found, predictions=tmp_path / "scores.csv")
    (suspect,) = result.record.label_errors.suspects
    assert (suspect.image, suspect.split, suspect.given, suspect.suggested) == ("003", "test", "b", "a")
    assert any("1 of 24 labels (4.2%) are disputed" in sentence for sentence in result.record.summary)
    assert result.tables()["suspects"]["image"].tolist() == ["003"]


def test_the_command_prints_writes_and_exits_with_1(conflicting, tmp_path):
    out = tmp_path / "audit"
    code, stdout, stderr = run("data", "audit", conflicting.root, "--no-verify", "--out", out, "--write-groups")
    assert code == 1
    assert "- The split leaks: 1 of 3 test images" in stdout
    assert "  patient_id q: train / val (002, 003)" in stdout
    assert "do not publish it" in stderr
    assert "label differs" in (out / "audit.html").read_text()
    assert (conflicting.root / "duplicates.parquet").exists()


def test_json_is_the_record_and_nothing_else(conflicting):
    code, stdout, stderr = run("data", "audit", conflicting.root, "--no-verify", "--json")
    assert (code, stderr) == (1, "")
    assert Audit.model_validate(json.loads(stdout)) == look(conflicting).record


def test_without_a_leak_the_command_exits_with_0(tmp_path):
    images(tmp_path, 3)
    dataset(tmp_path, table(3))
    code, _, _ = run("data", "audit", tmp_path, "--no-verify")
    assert code == 0


def test_popcount_without_numpy_2(monkeypatch):
    words = np.random.default_rng(1).integers(0, 2**64, (3, 5), dtype=np.uint64)
    expected = [[int(w).bit_count() for w in row] for row in words]
    assert popcount(words).tolist() == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert popcount(words).tolist() == expected
