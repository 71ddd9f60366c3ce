import struct
import zlib

import pandas as pd
import pytest

from dermbench.artifacts import read_dataset
from dermbench.data import prepare
from dermbench.data.source import SOURCES, Release
from dermbench.data.splits import read_rule
from dermbench.errors import InputError, UsageError
from dermbench.tasks import Task

from .conftest import draw, own_table


def bomb(path):
    """Write a PNG of a few bytes that claims 40,000 x 40,000 pixels."""

    def chunk(kind, payload):
        body = kind + payload
        return struct.pack(">I", len(payload)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def truncate(path):
    draw(path, 1, size=200)
    path.write_bytes(path.read_bytes()[:-300])


def break_files(folder):
    truncate(folder / "img" / "000.jpg")
    (folder / "img" / "001.jpg").write_bytes(b"")
    bomb(folder / "img" / "002.jpg")
    (folder / "img" / "003.jpg").write_text("<html>404</html>")


def test_unreadable_images_are_all_named(tmp_path, csv):
    path = csv(own_table())
    break_files(path.parent)
    with pytest.raises(InputError) as caught:
        prepare("table", root=path, out=tmp_path / "out")
    text = str(caught.value)
    assert "4 of 12 images are unreadable" in text
    for name, why in (("000", "truncated"), ("001", "cannot be decoded"), ("002", "pixels"), ("003", "cannot")):
        assert any(p.startswith(f"img/{name}.jpg") and why in p for p in caught.value.problems), text
    assert "--allow-missing" in text
    assert not (tmp_path / "out").exists()


def test_allow_missing_leaves_out_and_counts_by_reason(tmp_path, csv):
    path = csv(own_table(20), images=18)
    break_files(path.parent)
    dataset = prepare("table", root=path, out=tmp_path / "out", allow_missing=True)
    assert dataset.info.left_out == {"missing image file": 2, "unreadable image file": 4}
    assert len(dataset.manifest) == 14
    assert read_dataset(tmp_path / "out").info.left_out == dataset.info.left_out


def test_missing_images_are_counted_and_named(tmp_path, csv):
    with pytest.raises(InputError) as caught:
        prepare("table", root=csv(own_table(), images=5), out=tmp_path / "out")
    assert "7 of 12 images are missing: 'img/005.jpg', 'img/006.jpg'" in str(caught.value)
    assert "2 more" in str(caught.value)
    assert "--allow-missing" in str(caught.value)


def test_no_readable_image_is_an_error_even_when_missing_ones_are_allowed(tmp_path, csv):
    path = csv(own_table())
    for file in (path.parent / "img").iterdir():
        file.write_bytes(b"")
    with pytest.raises(InputError, match="12 of 12 images are unreadable"):
        prepare("table", root=path, out=tmp_path / "out", allow_missing=True)


def test_reordering_the_table_changes_nothing(tmp_path, csv):
    path = csv(own_table())
    first = prepare("table", root=path, out=tmp_path / "a")
    own_table().sample(frac=1, random_state=3).to_csv(path, index=False)
    second = prepare("table", root=path, out=tmp_path / "b")
    assert first.info.digest == second.info.digest
    assert first.manifest.equals(second.manifest)


def test_the_number_of_workers_changes_nothing(tmp_path, csv):
    path = csv(own_table())
    digests = {prepare("table", root=path, out=tmp_path / str(w), workers=w).info.digest for w in (1, 4)}
    assert len(digests) == 1


def test_a_changed_image_changes_the_hash(tmp_path, csv):
    path = csv(own_table())
    before = prepare("table", root=path, out=tmp_path / "a").info.digest
    draw(path.parent / "img" / "000.jpg", 77)
    assert prepare("table", root=path, out=tmp_path / "b").info.digest != before


def test_equal_bytes_are_one_duplicate_group_in_one_split(tmp_path, csv):
    path = csv(own_table(30).drop(columns="patient"))
    for i in range(1, 6):
        (path.parent / "img" / f"{i:03}.jpg").write_bytes((path.parent / "img" / "000.jpg").read_bytes())
    rows = prepare("table", root=path, out=tmp_path / "out").manifest
    assert rows["duplicate_group"].notna().sum() == 6
    assert len(set(rows[:6]["split"])) == 1
    assert rows["sha256"].str.startswith("sha256:").all()


def test_near_duplicates_are_joined_on_request(tmp_path, csv):
    from PIL import Image

    pytest.importorskip("cv2")

    path = csv(own_table(30).drop(columns="patient"))
    for i in range(0, 20, 2):
        original = Image.open(draw(path.parent / "img" / f"{i:03}.jpg", i, size=96))
        original.resize((64, 64)).save(path.parent / "img" / f"{i + 1:03}.jpg", quality=85)
    assert "duplicate_group" not in prepare("table", root=path, out=tmp_path / "a").manifest
    near = prepare("table", root=path, out=tmp_path / "b", options={"duplicates": "near"})
    twins = near.manifest[:20]
    assert twins["duplicate_group"].nunique() == 10
    assert twins.groupby("duplicate_group")["split"].nunique().max() == 1
    assert near.info.options == {"duplicates": "near"}
    with pytest.raises(UsageError, match="write exact, near or a file"):
        prepare("table", root=path, out=tmp_path / "c", options={"duplicates": "all"})


def test_a_split_of_the_release_is_made_anew_on_request(tmp_path, csv):
    splits = ["train"] * 20 + ["val"] * 5 + ["test"] * 5
    path = csv(own_table(30).assign(split=splits, patient=[f"p{i % 10}" for i in range(30)]))
    kept = prepare("table", root=path, out=tmp_path / "a")
    assert kept.manifest.groupby("patient_id")["split"].nunique().min() > 1
    made = prepare("table", root=path, out=tmp_path / "b", split=read_rule("stratified"))
    assert made.manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert kept.info.split["scheme"] == "fixed by the release"
    assert made.info.split["scheme"].startswith("grouped")
    with pytest.raises(UsageError, match="write released, stratified, hash"):
        read_rule("random")


def test_duplicate_groups_of_the_release_are_left_alone(tmp_path, csv):
    path = csv(own_table().assign(duplicate_group=[f"g{i // 4}" for i in range(12)]))
    (path.parent / "img" / "001.jpg").write_bytes((path.parent / "img" / "011.jpg").read_bytes())
    rows = prepare("table", root=path, out=tmp_path / "out").manifest
    assert list(rows["duplicate_group"].unique()) == ["g0", "g1", "g2"]


def test_images_below_the_dataset_move_with_it(tmp_path):
    out = tmp_path / "out"

    def source(request):
        table = pd.DataFrame({"image_id": [f"{i}" for i in range(9)], "label": list("abc") * 3})
        table["path"] = [draw(out / "images" / f"{i}.png", i).name for i in range(9)]
        return Release(table, out / "images", ("a", "b", "c"), options={"dial": 2})

    task = Task(name="made", title="made", source="made-here", n_classes=3, licence="x", citation="", obtain="")
    SOURCES.add("made-here", source)
    try:
        dataset = prepare(task, out=out)
    finally:
        del SOURCES._items["made-here"]
    assert dataset.info.image_root == "images"
    assert dataset.info.options == {"dial": 2}
    out.rename(tmp_path / "moved")
    moved = read_dataset(tmp_path / "moved")
    assert all(path.is_file() for path in moved.paths(moved.manifest))


def test_the_real_subset_of_pad_ufes_20(tmp_path, pad_subset):
    with pytest.raises(InputError, match="1,430 of 2,298 images are missing"):
        prepare("pad-ufes-20", root=pad_subset, out=tmp_path / "out")
    dataset = prepare("pad-ufes-20", root=pad_subset, out=tmp_path / "out", allow_missing=True)
    rows = dataset.manifest
    assert len(rows) == 868
    assert dataset.info.left_out == {"missing image file": 1430}
    assert rows.groupby("patient_id")["split"].nunique().max() == 1
    assert rows["patient_id"].nunique() == 668
    assert {k: v for k, v in dataset.info.fst.items() if k != "unknown"} == {
        "1": 55, "2": 295, "3": 149, "4": 29, "5": 3, "6": 1,
    }  # fmt: skip
    assert rows["label"].value_counts().to_dict() == {
        "BCC": 256, "NEV": 216, "ACK": 178, "SEK": 139, "MEL": 46, "SCC": 33,
    }  # fmt: skip
    assert pd.crosstab(rows["label"], rows["split"]).min().min() >= 4


def test_groups_that_an_audit_found_are_kept_within_one_split(tmp_path, csv):
    path = csv(own_table().drop(columns="patient"))
    (path.parent / "img" / "011.jpg").write_bytes((path.parent / "img" / "007.jpg").read_bytes())
    found = pd.DataFrame({"image_id": [f"img/{k:03}.jpg" for k in (0, 4, 7)], "group": ["a", "a", "b"]})
    found.to_csv(tmp_path / "twins.csv", index=False)
    options = {"duplicates": str(tmp_path / "twins.csv")}
    made = prepare("table", root=path, out=tmp_path / "out", options=options)
    rows = made.manifest.set_index("image_id")
    groups = {i.split("/")[1][:3]: g for i, g in rows["duplicate_group"].dropna().items()}
    assert groups == {"000": "a", "004": "a", "007": "b", "011": "b"}
    assert rows.groupby("duplicate_group")["split"].nunique().max() == 1
    assert made.info.options["duplicates"] == "twins.csv"
    found.assign(image_id=["x", "y", "z"]).to_csv(tmp_path / "twins.csv", index=False)
    with pytest.raises(InputError, match="none of its images is in the release"):
        prepare("table", root=path, out=tmp_path / "again", options=options)
