"""Folders of one's own as people leave them: odd files, links, doubled folders, test folders without labels."""

import os
from io import BytesIO

import pytest
from PIL import Image
from typer.testing import CliRunner

from dermbench.artifacts import read_dataset
from dermbench.cli import app
from dermbench.data import prepare
from dermbench.data.index import scan
from dermbench.errors import InputError

from .conftest import draw, own_table

OUTSIDE = "link that leads outside of the folder"
HEIC = b"\0\0\0\x18ftypheic" + bytes(100)


@pytest.fixture
def raw(tmp_path):
    """Two classes of eight images."""
    for i in range(16):
        draw(tmp_path / "raw" / "ab"[i % 2] / f"{i}.jpg", i)
    return tmp_path / "raw"


def jpeg(seed=99):
    buffer = BytesIO()
    Image.effect_noise((20, 20), seed).save(buffer, "JPEG")
    return buffer.getvalue()


def outside(path, tmp_path):
    draw(tmp_path / "elsewhere" / "x.jpg", 5)
    path.symlink_to(tmp_path / "elsewhere" / "x.jpg")


BLOCKING = {
    "link outside": (lambda p, t: outside(p / "l.jpg", t), OUTSIDE),
    "link to a system file": (lambda p, _: (p / "l.jpg").symlink_to("/etc/passwd"), OUTSIDE),
    "broken link": (lambda p, _: (p / "l.png").symlink_to(p / "gone.png"), "broken link"),
    "circle": (lambda p, _: (p / "l.png").symlink_to(p / "l.png"), "broken link"),
    "heic": (lambda p, _: (p / "x.HEIC").write_bytes(HEIC), "HEIC image, which is not read"),
    "heic by content": (lambda p, _: (p / "x").write_bytes(HEIC), "HEIC image, which is not read"),
    "dicom": (lambda p, _: (p / "IM0001").write_bytes(bytes(128) + b"DICM"), "DICOM image, which is not read"),
    "raw": (lambda p, _: (p / "x.CR2").write_bytes(b"II*\0" + bytes(99)), "camera raw image, which is not read"),
    "no suffix": (lambda p, _: (p / "photo").write_bytes(jpeg()), "JPEG image without the suffix of one"),
    "old copy": (lambda p, _: (p / "0.jpg~").write_bytes(jpeg()), "JPEG image without the suffix of one"),
    "pipe": (lambda p, _: os.mkfifo(p / "x.jpg"), "pipe, socket or device"),
    "heic named jpg": (lambda p, _: (p / "x.jpg").write_bytes(HEIC), "unreadable image file"),
    "hostile avif": (lambda p, _: (p / "x.jpg").write_bytes(b"\0\0\0\x1cftypavif\0"), "unreadable image file"),
}


@pytest.mark.parametrize("kind", BLOCKING)
def test_what_looks_like_an_image_and_is_not_read_stops_or_is_counted(tmp_path, raw, kind):
    make, reason = BLOCKING[kind]
    make(raw / "a", tmp_path)
    with pytest.raises(InputError, match="1 of 17 images are unreadable") as caught:
        prepare("folder", root=raw, out=tmp_path / "out")
    assert caught.value.problems[0].startswith("a/")
    assert "--allow-missing" in str(caught.value)
    assert not (tmp_path / "out").exists()
    info = prepare("folder", root=raw, out=tmp_path / "out", allow_missing=True).info
    assert info.left_out == {reason: 1}
    assert read_dataset(tmp_path / "out").info.left_out == {reason: 1}
    assert sum(info.images.values()) == 16


def test_everything_that_is_not_read_comes_in_one_message(tmp_path, raw):
    (raw / "a" / "x.heic").write_bytes(HEIC)
    (raw / "b" / "cut.jpg").write_bytes(jpeg()[:99])
    (raw / "b" / "gone.jpg").symlink_to(raw / "nowhere")
    with pytest.raises(InputError, match="3 of 19 images are unreadable") as caught:
        prepare("folder", root=raw, out=tmp_path / "out")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "a/x.heic",
        "b/cut.jpg",
        "b/gone.jpg",
    ]


def test_junk_is_counted_and_nothing_else_is_said_of_it(tmp_path, raw):
    for name in ("a/._0.jpg", "a/Thumbs.db", "a/.DS_Store", "desktop.ini", "__MACOSX/a/._0.jpg", ".cache/1.jpg"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"junk")
    (raw / "a" / "notes.txt").write_text("BM: a note, not a bitmap")
    (raw / "labels.csv").write_text("a,b")
    info = prepare("folder", root=raw, out=tmp_path / "out").info
    assert info.left_out == {"file that is no image": 2, "hidden or system file": 6}
    assert info.interpreted == ()


def test_a_linked_class_is_counted_and_named(tmp_path, raw):
    draw(tmp_path / "elsewhere" / "c" / "1.jpg", 50)
    (raw / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (raw / "again").symlink_to(raw / "a")
    result = CliRunner().invoke(
        app, ["data", "prepare", "folder", "--root", str(raw), "--out", str(tmp_path / "o")]
    )
    assert result.exit_code == 0
    assert f"left out: 1 x {OUTSIDE}, 1 x link to a folder" in result.stdout
    assert f"note: left out, {OUTSIDE}: 'c'" in result.stderr
    assert "note: left out, link to a folder: 'again'" in result.stderr
    assert read_dataset(tmp_path / "o").classes == ("a", "b")


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".jpe", ".JPG", ".jif"])
def test_every_suffix_of_a_jpeg_is_read(tmp_path, raw, suffix):
    (raw / "a" / f"more{suffix}").write_bytes(jpeg())
    assert f"a/more{suffix}" in set(prepare("folder", root=raw, out=tmp_path / "out").manifest["image_id"])


def test_an_image_of_a_table_that_is_there_as_heic_is_counted_as_such(tmp_path, csv):
    path = csv(own_table().assign(image=[f"img/{i:03}.jpg" for i in range(12)]))
    (path.parent / "img" / "000.jpg").unlink()
    (path.parent / "img" / "000.heic").write_bytes(HEIC)
    (path.parent / "img" / "001.jpg").unlink()
    with pytest.raises(
        InputError, match=r"2 of 12 images are missing.*\n.*000.jpg: HEIC image, which is not read"
    ):
        prepare("table", root=path, out=tmp_path / "out")
    info = prepare("table", root=path, out=tmp_path / "out", allow_missing=True).info
    assert info.left_out == {"HEIC image, which is not read": 1, "missing image file": 1}


def test_a_linked_folder_of_images_is_named_where_images_are_missing(tmp_path, csv):
    path = csv(own_table())
    (path.parent / "img").rename(tmp_path / "disk")
    (path.parent / "img").symlink_to(tmp_path / "disk")
    with pytest.raises(InputError, match=f"none of the 12 images is there.*\n.*left out, {OUTSIDE}: 'img'"):
        prepare("table", root=path, out=tmp_path / "out")


def test_a_walk_does_not_wait_for_pipes_nor_follow_links(tmp_path, raw):
    os.mkfifo(raw / "a" / "pipe")
    (raw / "a" / "up").symlink_to(raw)
    (raw / "a" / "same.jpg").symlink_to(raw / "a" / "0.jpg")
    index = scan(raw)
    assert index.ignored == {"a/pipe": "pipe, socket or device", "a/up": "link to a folder"}
    assert "a/same.jpg" in index.images


@pytest.mark.parametrize("name", ["bad\x1b[31m.jpg", "two\nlines.jpg", "tab\t.jpg"])
def test_a_name_that_no_terminal_should_see_is_refused(tmp_path, raw, name):
    draw(raw / "a" / name, 77)
    with pytest.raises(InputError, match="1 image_id with control characters") as caught:
        prepare("folder", root=raw, out=tmp_path / "out")
    assert "rename" in str(caught.value)


def layout(root, *patterns, labels="ab"):
    for number, pattern in enumerate(patterns):
        for i in range(4 * len(labels)):
            draw(root / pattern.format(label=labels[i % len(labels)], i=i), 100 * number + i)
    return root


@pytest.mark.parametrize(
    "patterns",
    [
        ("train/train/{label}/{i}.jpg", "test/test/{label}/{i}.jpg"),
        ("train/train/{label}/{i}.jpg", "test/{label}/{i}.jpg"),
        ("Train/training/{label}/{i}.jpg", "valid/val/{label}/deep/{i}.jpg"),
        ("train/{label}/{i}.jpg", "val/{label}/{i}.jpg", "test/{label}/{i}.jpg"),
    ],
)
def test_doubled_folders_of_splits_count_once(tmp_path, patterns):
    dataset = prepare("folder", root=layout(tmp_path / "raw", *patterns), out=tmp_path / "out")
    assert dataset.classes == ("a", "b")
    assert sum(dataset.info.images.values()) == 8 * len(patterns)


@pytest.mark.parametrize(
    ("patterns", "named"),
    [
        (("train/train/{label}/{i}.jpg", "train/{label}/{i}.jpg"), "'train/train/a'"),
        (("train/train/{label}/{i}.jpg", "train/test/{label}/{i}.jpg"), "'train/test/a'"),
        (("train/train/train/{label}/{i}.jpg", "test/test/{label}/{i}.jpg"), "'train/train/train/a'"),
        (("train/val/{i}.jpg", "train/{label}/{i}.jpg"), "'train/val'"),
    ],
)
def test_other_folders_of_splits_inside_each_other_are_refused(tmp_path, patterns, named):
    with pytest.raises(InputError, match="folders of splits inside folders of splits") as caught:
        prepare("folder", root=layout(tmp_path / "raw", *patterns), out=tmp_path / "out")
    assert named in str(caught.value)


@pytest.mark.parametrize("name", ["unlabelled", "unknown", "images"])
def test_a_class_that_only_test_has_is_refused_or_counted(tmp_path, name):
    root = layout(tmp_path / "raw", "train/{label}/{i}.jpg", "test/{label}/{i}.jpg")
    draw(root / "test" / name / "1.jpg", 501)
    draw(root / "test" / name / "2.jpg", 502)
    with pytest.raises(InputError, match=f"test/{name}: 2 images of a class that only test has"):
        prepare("folder", root=root, out=tmp_path / "out")
    dataset = prepare("folder", root=root, out=tmp_path / "out", allow_missing=True)
    assert dataset.classes == ("a", "b")
    assert dataset.info.left_out == {"image of a class that only test has": 2}


def test_a_folder_that_is_all_test_keeps_its_classes(tmp_path):
    root = layout(tmp_path / "raw", "test/{label}/{i}.jpg")
    assert prepare("folder", root=root, out=tmp_path / "out").info.images == {"test": 8}


@pytest.mark.parametrize(
    ("column", "words"), [("patient", "5 patients (12 images)"), ("lesion_id", "5 lesions (12 images)")]
)
def test_a_split_of_the_release_that_divides_units_is_kept_with_a_warning(tmp_path, csv, column, words):
    table = own_table().drop(columns="patient").assign(split=["train", "val", "test"] * 4)
    path = csv(table.assign(**{column: [f"p{i % 5}" for i in range(12)]}))
    arguments = ["data", "prepare", "table", "--root", str(path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert f"note: the split of the release is kept, although it divides {words}" in result.stderr
    dataset = read_dataset(tmp_path / "out")
    assert dataset.info.images == {"train": 4, "val": 4, "test": 4}
    assert any(words in said for said in dataset.info.interpreted)
    again = CliRunner().invoke(app, [*arguments, "--split-by", "stratified"])
    assert "split of the release" not in again.stderr
    assert "split of the release" not in str(read_dataset(tmp_path / "out").info.interpreted)


def test_a_split_that_divides_nothing_has_no_warning(tmp_path, csv):
    table = own_table().assign(split=["train", "train", "val", "val", "test", "test"] * 2)
    info = prepare("table", root=csv(table), out=tmp_path / "out").info
    assert "split of the release" not in str(info.interpreted)
