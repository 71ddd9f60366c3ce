import pandas as pd
import pytest

from dermbench.artifacts import read_dataset
from dermbench.data import prepare
from dermbench.errors import InputError, RegistryError, UsageError

from .conftest import draw, own_table


@pytest.mark.parametrize("name", ["my-clinic.csv", "my-clinic.tsv", "my-clinic.parquet"])
def test_a_table_becomes_a_dataset(tmp_path, csv, name):
    prepare("table", root=csv(own_table(), name=name), out=tmp_path / "out")
    dataset = read_dataset(tmp_path / "out")
    assert dataset.info.task == "my-clinic"
    assert dataset.classes == ("melanoma", "naevus")
    assert list(dataset.manifest["image_id"]) == sorted(own_table()["image"])
    assert set(dataset.manifest["clinic"]) == {"north"}
    assert dataset.manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert set(dataset.info.images) == {"train", "val", "test"}


def test_a_data_frame_becomes_the_dataset_of_its_file(tmp_path, csv):
    path, options = csv(own_table()), {"task": "mine"}
    of_file = prepare("table", root=path, out=tmp_path / "file", options=options)
    images = {"images": str(path.parent)}
    of_frame = prepare("table", root=own_table(), out=tmp_path / "frame", options=options | images)
    assert of_frame.info.digest == of_file.info.digest
    with pytest.raises(UsageError, match="does not say where its images are"):
        prepare("table", root=own_table(), out=tmp_path / "lost")
    with pytest.raises(UsageError, match="a data frame is for the source 'table'"):
        prepare("ajl-21", root=own_table(), out=tmp_path / "wrong")
    with pytest.raises(InputError, match="<DataFrame>"):
        prepare("table", root=own_table().drop(columns="label"), out=tmp_path / "bad", options=images)


def test_the_task_is_described_by_options(tmp_path, csv):
    options = {"task": "north", "licence": "CC0", "classes": "naevus, melanoma, other"}
    info = prepare("table", root=csv(own_table()), out=tmp_path / "out", options=options).info
    assert (info.task, info.licence, info.classes) == ("north", "CC0", ("naevus", "melanoma", "other"))


def test_images_may_lie_elsewhere_and_ids_have_no_suffix(tmp_path, csv):
    table = own_table().assign(image=[f"{i:03}" for i in range(12)])
    for number in range(12):
        draw(tmp_path / "photos" / "deep" / f"{number:03}.png", number)
    path = csv(table, images=0)
    dataset = prepare("table", root=path, out=tmp_path / "out", options={"images": str(tmp_path / "photos")})
    assert dataset.manifest["image_id"][1] == "001"
    assert dataset.manifest["path"][1] == "deep/001.png"


def test_ids_and_labels_that_look_like_missing_values_stay_text(tmp_path, csv):
    table = own_table().assign(label=["NA" if i % 2 else "null" for i in range(12)])
    table["image_id"] = ["001", "NA", "null", "None", "1.0", "1e5", "true", "nan", "-1", "007", "é", "0"]
    dataset = prepare("table", root=csv(table), out=tmp_path / "out")
    assert set(dataset.manifest["image_id"]) == set(table["image_id"])
    assert dataset.classes == ("NA", "null")


def test_splits_of_the_table_are_kept_and_gaps_filled(tmp_path, csv):
    given = ["training", "valid", "TEST"] * 2 + [""] * 6
    table = own_table().assign(split=given).drop(columns="patient")
    rows = prepare("table", root=csv(table), out=tmp_path / "out").manifest["split"]
    assert list(rows[:6]) == ["train", "val", "test"] * 2
    assert "test" not in set(rows[6:])


def test_paths_in_other_spellings_are_the_same_file(tmp_path, csv):
    table = own_table()
    path = csv(table)
    spelt = ["./img/000.jpg", "img//001.jpg", "img\\002.jpg", str(path.parent.resolve() / "img" / "003.jpg")]
    table.assign(image=spelt + list(table["image"][4:])).to_csv(path, index=False)
    assert list(prepare("table", root=path, out=tmp_path / "out").manifest["path"].sort_values()) == sorted(
        own_table()["image"]
    )


@pytest.mark.parametrize(
    "evil", ["../../etc/passwd", "/etc/passwd", "img/../../x.jpg", "C:\\windows\\x.jpg", ".."]
)
def test_a_path_that_leads_outside_is_refused(tmp_path, csv, evil):
    table = own_table()
    table.loc[3, "image"] = evil
    with pytest.raises(InputError, match=r"lead outside of .* \(row 5\)"):
        prepare("table", root=csv(table), out=tmp_path / "out", allow_missing=True)


def test_all_problems_of_a_table_come_in_one_message(tmp_path, csv):
    table = own_table().assign(split="train")
    table.loc[1, "image"] = table.loc[0, "image"]
    table.loc[2, "label"] = ""
    table.loc[3, "split"] = "holdout"
    table.loc[4, "label"] = "['a', 'b']"
    table.loc[5, "image"] = "../x.jpg"
    with pytest.raises(InputError) as caught:
        prepare("table", root=csv(table), out=tmp_path / "out")
    assert len(caught.value.problems) == 5
    for row, word in ((3, "repeated"), (4, "no label"), (5, "holdout"), (6, "hold lists"), (7, "outside")):
        assert any(word in p and f"row {row}" in p for p in caught.value.problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="label"), "no column for the label"),
        (lambda t: t.drop(columns="image"), "no column for the image"),
        (lambda t: t[:0], "has no rows"),
        (lambda t: t.assign(label="one"), "at least 2 classes"),
        (
            lambda t: t.assign(label=["Naevus", "naevus", "melanoma"] * 4),
            r"differ only in spelling: 'Naevus' \(4 images\), 'naevus' \(4 images\)",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, csv, change, message):
    with pytest.raises(InputError, match=message):
        prepare("table", root=csv(change(own_table())), out=tmp_path / "out")


def test_a_table_in_another_encoding_is_refused(tmp_path, csv):
    path = csv(own_table())
    path.write_bytes(path.read_bytes().replace(b"north", "nördlich".encode("latin-1")))
    with pytest.raises(InputError, match=r"line 2 is not UTF-8 \(byte 0xf6\)"):
        prepare("table", root=path, out=tmp_path / "out")


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path, csv):
    path = csv(own_table())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(prepare("table", root=path, out=tmp_path / "out").manifest) == 12


def test_a_folder_given_as_table_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        prepare("table", root=tmp_path, out=tmp_path / "out")


@pytest.mark.parametrize("layout", ["{label}/{i}.jpg", "{label}/deep/er/{i}.jpg", "{split}/{label}/{i}.png"])
def test_a_folder_of_folders_becomes_a_dataset(tmp_path, layout):
    splits = ["train", "valid", "Test"]
    for i in range(18):
        path = layout.format(label="ab"[i % 2], split=splits[i % 3], i=i)
        draw(tmp_path / "raw" / path, i)
    dataset = prepare("folder", root=tmp_path / "raw", out=tmp_path / "out")
    assert dataset.classes == ("a", "b")
    assert len(dataset.manifest) == 18
    if "{split}" in layout:
        assert dataset.info.images == {"train": 6, "val": 6, "test": 6}
        assert dataset.info.split["scheme"] == "fixed by the release"


def test_images_outside_of_label_folders_are_named(tmp_path):
    draw(tmp_path / "raw" / "a" / "1.jpg", 1)
    draw(tmp_path / "raw" / "stray.jpg", 2)
    with pytest.raises(InputError, match=r"1 images are not in the folder of a label: 'stray.jpg'"):
        prepare("folder", root=tmp_path / "raw", out=tmp_path / "out")


def test_a_dataset_written_below_its_release_is_no_part_of_it(tmp_path):
    for i in range(12):
        draw(tmp_path / "raw" / "ab"[i % 2] / f"{i}.jpg", i)
    out = tmp_path / "raw" / "prepared"
    draw(out / "cache" / "x.jpg", 99)
    assert prepare("folder", root=tmp_path / "raw", out=out).classes == ("a", "b")


def test_malignancy_of_the_classes_comes_from_the_rows(tmp_path, csv):
    table = own_table()
    table["malignancy"] = table["label"].map({"melanoma": "malignant", "naevus": "benign"})
    info = prepare("table", root=csv(table), out=tmp_path / "a").info
    assert info.malignancy == {"melanoma": "malignant", "naevus": "benign"}
    table.loc[0, "malignancy"] = "benign"
    assert prepare("table", root=csv(table), out=tmp_path / "b").info.malignancy == {}


def test_a_parquet_table_with_numbers_for_labels_is_read(tmp_path, csv):
    table = own_table().assign(label=[0, 1] * 6, fst=pd.array([1, 2, None] * 4, dtype="Int64"))
    dataset = prepare("table", root=csv(table, name="t.parquet"), out=tmp_path / "out")
    assert dataset.classes == ("0", "1")
    assert dataset.manifest["fst"].isna().sum() == 4


@pytest.mark.parametrize(("name", "hint"), [("tabel", "did you mean 'table'"), ("ajl21", "did you mean 'ajl-21'")])
def test_a_misspelt_task_or_source_gets_a_suggestion(tmp_path, name, hint):
    with pytest.raises(RegistryError, match=hint):
        prepare(name, root=tmp_path, out=tmp_path / "out")
