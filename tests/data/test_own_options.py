"""Options that name the columns of one's own table, and a table of metadata beside one's own folder."""

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.data.custom import resolve_task
from dermbench.data.source import Request
from dermbench.data.sources import load_source
from dermbench.errors import InputError, UsageError

from .conftest import draw, own_table


def read(source, root, *, allow_missing=False, **options):
    """Run the source alone: no image is decoded."""
    task = resolve_task(source, root=root, options=options)
    return load_source(source)(Request(task, root, root.parent / "out", options, allow_missing=allow_missing))


def test_every_column_is_named_by_an_option(csv):
    plain = own_table().rename(columns={"patient": "patient_id"}).drop(columns="clinic")
    plain = plain.assign(
        lesion_id="l", duplicate_group="d", malignancy="benign", sex="f", age="40", site="arm", modality="clinical"
    )
    plain = plain.assign(fst_band="I-II", fst_derm="3", mst_us="9")
    odd = plain.rename(columns={name: f"x{name[::-1]}" for name in plain if name != "image"})
    options = {name: f"x{name[::-1]}" for name in plain if name != "image"}
    release = read("table", csv(odd), **options)
    expected = read("table", csv(plain))
    pd.testing.assert_frame_equal(release.table[expected.table.columns], expected.table)
    assert "mst_us from 'xsu_tsm'" in release.interpreted[0]


def test_one_column_may_be_named_for_two_things(csv):
    table = own_table().assign(label=["benign", "malignant"] * 6)
    ours = read("table", csv(table), label="label", malignancy="label").table
    assert ours["malignancy"].equals(ours["label"].rename("malignancy"))


def test_a_class_that_only_test_has_is_refused_or_counted(csv):
    table = own_table().assign(split=["train", "train", "test"] * 4)
    table.loc[[2, 5], "label"] = "unknown"
    path = csv(table)
    with pytest.raises(InputError, match="test/unknown: 2 images of a class that only test has"):
        read("table", path)
    release = read("table", path, allow_missing=True)
    assert release.left_out == {"image of a class that only test has": 2}
    assert release.classes == ("melanoma", "naevus")
    assert len(release.table) == 10


def test_a_column_that_is_not_there_is_named(csv):
    with pytest.raises(UsageError, match="no column 'derm', which was named for fst_derm"):
        read("table", csv(own_table()), fst_derm="derm")


@pytest.fixture
def folder(tmp_path):
    """Two classes of six images."""
    for i in range(12):
        draw(tmp_path / "raw" / "ab"[i % 2] / f"{i:03}.jpg", i)
    return tmp_path / "raw"


def metadata(tmp_path, names, **columns):
    table = pd.DataFrame({"file": names, "person": [f"p{i // 2}" for i in range(len(names))]}).assign(**columns)
    table.to_csv(tmp_path / "about.csv", index=False)
    return str(tmp_path / "about.csv")


@pytest.mark.parametrize(
    "form", ["{label}/{i:03}.jpg", "./{label}/{i:03}.jpg", "{i:03}.jpg", "{i:03}", "old\\{i:03}.jpg"]
)
def test_a_table_beside_a_folder_is_joined_by_path_or_name(tmp_path, folder, form):
    names = [form.format(label="ab"[i % 2], i=i) for i in range(12)][::-1]
    about = metadata(tmp_path, names, skin_type="III", diagnosis="x", label="y", split="test")
    release = read("folder", folder, metadata=about, patient_id="person")
    ours = release.table.set_index("image_id")
    assert ours.loc["a/000.jpg", "patient_id"] == "p5"
    assert ours.loc["b/011.jpg", "patient_id"] == "p0"
    assert set(ours["fst"]) == {3}
    assert set(ours["label"]) == {"a", "b"}
    assert "split" not in ours
    assert release.interpreted[0] == "about.csv, joined by 'file': patient_id from 'person', fst from 'skin_type'."
    assert "label, split not used" in release.interpreted[1]


def test_the_table_inside_the_folder_is_no_file_left_out(tmp_path, folder):
    about = metadata(folder, [f"{i:03}.jpg" for i in range(12)])
    (folder / "notes.txt").write_text("other", encoding="utf-8")
    skipped = read("folder", folder, metadata=about, patient_id="person").skipped
    assert skipped == {"notes.txt": "file that is no image"}


def test_images_and_rows_without_each_other_are_counted(tmp_path, folder):
    about = metadata(tmp_path, [f"{i:03}.jpg" for i in range(4, 14)])
    release = read("folder", folder, metadata=about, patient_id="person")
    assert release.table["patient_id"].isna().sum() == 4
    assert release.interpreted[-2:] == (
        "about.csv: 4 images without a row.",
        "about.csv: 2 rows without an image.",
    )


def test_patients_of_the_table_stay_in_one_split(tmp_path, folder):
    about = metadata(tmp_path, [f"{i:03}.jpg" for i in range(12)])
    manifest = prepare(
        "folder", root=folder, out=tmp_path / "out", options={"metadata": about, "patient_id": "person"}
    ).manifest
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x.jpg", "y.jpg"], "names no image of the folder, for example 'x.jpg'"),
        (["000.jpg", "000.jpg"], "repeated file: '000.jpg'"),
        (["000.jpg", ""], "no file in row 3"),
        (["c/000.jpg", "d/000.jpg"], "names several images of the folder: '000.jpg'"),
    ],
)
def test_a_table_that_does_not_fit_the_folder_is_refused(tmp_path, folder, names, message):
    with pytest.raises(InputError, match=message):
        read("folder", folder, metadata=metadata(tmp_path, names))


def test_two_images_of_one_name_need_paths(tmp_path, folder):
    draw(folder / "b" / "000.jpg", 50)
    with pytest.raises(InputError, match=r"names several images of the folder: '000.jpg'"):
        read("folder", folder, metadata=metadata(tmp_path, ["000.jpg", "001.jpg"]))


def test_columns_without_a_table_are_refused(folder):
    with pytest.raises(UsageError, match="fst names a column of a table: give the table"):
        read("folder", folder, fst="tone")
    with pytest.raises(UsageError, match="has no option label"):
        read("folder", folder, label="x")


def test_the_split_may_have_a_column_of_another_name(csv):
    table = own_table().assign(split="x", partition=["Training", "dev", "test"] * 4)
    release = read("table", csv(table), split="partition")
    assert release.table["split"].tolist() == ["train", "val", "test"] * 4
    with pytest.raises(InputError, match=r"split is train, val, test or empty, not 'north' \(rows 2, 3"):
        read("table", csv(table), split="clinic")
