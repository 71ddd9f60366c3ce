import os
from pathlib import Path

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.data.index import scan
from dermbench.data.sources import load_source, source_names
from dermbench.errors import DermbenchError, InputError, RegistryError, UsageError

from .conftest import AJL_LAYOUTS, ajl_tables, draw, make_ajl, md5, pad_metadata


@pytest.mark.parametrize("layout", AJL_LAYOUTS)
def test_every_layout_of_ajl_is_read(tmp_path, layout):
    dataset = prepare("ajl-21", root=make_ajl(tmp_path / "raw", layout), out=tmp_path / "out")
    manifest = dataset.manifest.set_index("image_id")
    train, test, full = ajl_tables()
    assert dataset.info.images["test"] == len(test)
    assert dataset.info.images["train"] + dataset.info.images["val"] == len(train)
    assert set(manifest.index[manifest["split"] == "test"]) == set(test["md5hash"])
    expected = full.set_index("md5hash")["label"].str.replace(" ", "-")
    assert (manifest["label"] == expected.reindex(manifest.index)).all()
    assert all(path.is_file() for path in dataset.paths(dataset.manifest))


def test_the_digest_does_not_depend_on_the_layout(tmp_path):
    layouts = ("nested", "per label", "flat")
    roots = {name: make_ajl(tmp_path / name / "raw", name) for name in layouts}
    made = [prepare("ajl-21", root=root, out=tmp_path / name / "out") for name, root in roots.items()]
    assert len({dataset.info.digest for dataset in made}) == 1
    assert len({tuple(dataset.manifest["path"]) for dataset in made}) > 1


def test_ajl_keeps_both_annotators_and_the_band(tmp_path, ajl):
    manifest = prepare("ajl-21", root=ajl, out=tmp_path / "out").manifest.set_index("image_id")
    table = ajl_tables()[0].set_index("md5hash")
    ours = manifest.loc[table.index]
    for column, theirs in (("fst", "fitzpatrick_scale"), ("fst_centaur", "fitzpatrick_centaur")):
        numbers = table[theirs].astype(int)
        assert ours[column].fillna(-1).tolist() == numbers.tolist()
    assert ours["fst_scale"].equals(ours["fst"].rename("fst_scale"))
    assert set(ours["ddi_band"]) == {"III-IV"}
    assert set(manifest["malignancy"]) == {"malignant"}
    assert set(manifest["nine_partition_label"]) == {"malignant-epidermal"}


def test_ajl_without_the_table_of_labels_says_where_it_comes_from(tmp_path, ajl):
    table = ajl / "fitzpatrick17k.csv"
    elsewhere = table.rename(tmp_path / "labels-elsewhere.csv")
    with pytest.raises(UsageError, match="joined from that table by md5hash") as caught:
        prepare("ajl-21", root=ajl, out=tmp_path / "out")
    assert "--set labels=PATH" in str(caught.value)
    given = prepare("ajl-21", root=ajl, out=tmp_path / "a", options={"labels": str(elsewhere)})
    assert given.info.images["test"] == 9


def test_ajl_can_leave_its_unlabelled_test_images_out(tmp_path, ajl):
    (ajl / "fitzpatrick17k.csv").unlink()
    dataset = prepare("ajl-21", root=ajl, out=tmp_path / "out", options={"labels": "none"})
    assert len(dataset.manifest) == 30
    assert dataset.info.left_out == {"test image without a label": 9}
    assert set(dataset.info.images) == {"train", "val", "test"}


def test_a_test_image_that_the_labels_lack_is_named(tmp_path, ajl):
    full = pd.read_csv(ajl / "fitzpatrick17k.csv")
    full[full["md5hash"] != md5(35)].to_csv(ajl / "fitzpatrick17k.csv", index=False)
    with pytest.raises(InputError, match=f"no row for 1 test images: '{md5(35)}'"):
        prepare("ajl-21", root=ajl, out=tmp_path / "out")


def test_an_id_in_both_tables_is_named(tmp_path, ajl):
    train = pd.read_csv(ajl / "train.csv", dtype=str)
    train.loc[0, "md5hash"] = md5(35)
    train.to_csv(ajl / "train.csv", index=False)
    with pytest.raises(InputError, match=r"both in train\.csv and test\.csv"):
        prepare("ajl-21", root=ajl, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("label", "measles", "labels that ajl-21 does not have: 'measles' \\(row 4\\)"),
        ("label", "", "no label in row 4"),
        ("md5hash", "", "no md5hash in row 4"),
        ("md5hash", md5(0), "repeated md5hash: .* \\(row 4\\)"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path, ajl, column, value, message):
    train = pd.read_csv(ajl / "train.csv", dtype=str)
    train.loc[2, column] = value
    train.to_csv(ajl / "train.csv", index=False)
    with pytest.raises(InputError, match=message):
        prepare("ajl-21", root=ajl, out=tmp_path / "out")


@pytest.mark.parametrize("spelling", ["Basal Cell Carcinoma", "basal_cell_carcinoma", " basal-cell-carcinoma "])
def test_spellings_of_a_label_are_matched(tmp_path, ajl, spelling):
    train = pd.read_csv(ajl / "train.csv", dtype=str)
    train.loc[1, "label"] = spelling
    train.to_csv(ajl / "train.csv", index=False)
    manifest = prepare("ajl-21", root=ajl, out=tmp_path / "out").manifest.set_index("image_id")
    assert manifest.loc[md5(1), "label"] == "basal-cell-carcinoma"


def test_missing_columns_are_all_named(tmp_path, ajl):
    pd.read_csv(ajl / "train.csv").drop(columns=["label", "fitzpatrick_scale"]).to_csv(
        ajl / "train.csv", index=False
    )
    with pytest.raises(InputError) as caught:
        prepare("ajl-21", root=ajl, out=tmp_path / "out")
    assert {p.split(";")[0] for p in caught.value.problems} == {"no column label", "no column fitzpatrick_scale"}


def test_identical_copies_of_an_image_are_one_and_different_ones_are_refused(tmp_path, ajl):
    image = next((ajl / "train").rglob("*.jpg"))
    copy = ajl / "copy" / image.name
    copy.parent.mkdir()
    copy.write_bytes(image.read_bytes())
    assert len(prepare("ajl-21", root=ajl, out=tmp_path / "a").manifest) == 39
    (ajl / "other").mkdir()
    image.rename(ajl / "other" / image.name)
    draw(copy, 99)
    with pytest.raises(InputError, match="several different files") as caught:
        prepare("ajl-21", root=ajl, out=tmp_path / "b")
    assert "--set images=DIR" in str(caught.value)


def f17k(root, n=300):
    """114 labels, nine and three groups; row 0 has no address."""
    table = pd.DataFrame(
        {
            "md5hash": [md5(i) for i in range(n)],
            "fitzpatrick_scale": [str(i % 7 or -1) for i in range(n)],
            "fitzpatrick_centaur": "2",
            "label": [f"condition {i % 114:03}" for i in range(n)],
            "nine_partition_label": "inflammatory",
            "three_partition_label": [("malignant", "benign", "non-neoplastic")[i % 114 % 3] for i in range(n)],
            "qc": "",
            "url": ["" if i == 0 else "https://example.org" for i in range(n)],
            "url_alphanum": "x",
        }
    )
    root.mkdir()
    table.to_csv(root / "fitzpatrick17k.csv", index=False)
    return table


def test_fitzpatrick17k_without_images_says_so(tmp_path):
    f17k(tmp_path / "raw")
    with pytest.raises(InputError, match="none of the 300 images is there") as caught:
        prepare("fitzpatrick17k-114", root=tmp_path / "raw", out=tmp_path / "out", allow_missing=True)
    assert "<md5hash>.jpg" in str(caught.value)


def test_fitzpatrick17k_takes_its_classes_from_the_release(tmp_path):
    table = f17k(tmp_path / "raw")
    for i in range(1, 230):
        draw(tmp_path / "raw" / "data" / "finalfitz17k" / f"{table['md5hash'][i]}.jpg", i)
    dataset = prepare("fitzpatrick17k-114", root=tmp_path / "raw", out=tmp_path / "out", allow_missing=True)
    assert dataset.classes == tuple(sorted(table["label"].unique()))
    assert dataset.info.left_out == {"missing image file": 70, "no address in the release": 1}
    assert dataset.info.malignancy["condition 001"] == "benign"
    assert "url" not in dataset.manifest
    three = prepare("fitzpatrick17k-3", root=tmp_path / "raw", out=tmp_path / "out3", allow_missing=True)
    assert three.classes == ("benign", "malignant", "non-neoplastic")
    assert (three.manifest["label"] == three.manifest["malignancy"]).all()


def test_a_part_of_fitzpatrick17k_is_not_the_task(tmp_path):
    table = f17k(tmp_path / "raw")
    table[table["label"] < "condition 050"].to_csv(tmp_path / "raw" / "fitzpatrick17k.csv", index=False)
    with pytest.raises(InputError, match="50 different labels in column label, fitzpatrick17k-114 has 114"):
        prepare("fitzpatrick17k-114", root=tmp_path / "raw", out=tmp_path / "out")


def test_pad_ufes_20_matches_by_stem_and_standardises(tmp_path, pad):
    dataset = prepare("pad-ufes-20", root=pad, out=tmp_path / "out")
    manifest, table = dataset.manifest.set_index("image_id"), pad_metadata().set_index("img_id")
    assert len(manifest) == 24
    assert (manifest["patient_id"] == table["patient_id"].reindex(manifest.index)).all()
    assert set(manifest["sex"].dropna()) == {"female"}
    assert set(manifest["site"]) == {"ARM"}
    assert manifest["age"].min() == 30
    assert (manifest["fst"].isna() == (table["fitspatrick"].reindex(manifest.index) == "")).all()
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert (manifest["malignancy"] == manifest["label"].map(dataset.info.malignancy)).all()


def test_a_lesion_id_that_two_patients_share_is_two_lesions(tmp_path, pad):
    manifest = prepare("pad-ufes-20", root=pad, out=tmp_path / "out").manifest
    assert manifest.groupby("lesion_id")["patient_id"].nunique().max() == 1
    assert manifest["lesion_id"].nunique() == 12


def test_a_link_that_leads_outside_is_not_followed(tmp_path, pad):
    image = next(pad.rglob("PAT_0_*"))
    outside = tmp_path / "elsewhere" / image.name
    outside.parent.mkdir()
    image.rename(outside)
    image.symlink_to(outside)
    with pytest.raises(InputError, match=r"1 of 24 images are missing.*\n.*PAT_0.*: link that leads outside"):
        prepare("pad-ufes-20", root=pad, out=tmp_path / "out")
    dataset = prepare("pad-ufes-20", root=pad, out=tmp_path / "out", allow_missing=True)
    assert dataset.info.left_out == {"link that leads outside of the folder": 1}


def test_links_that_lead_nowhere_or_in_circles_are_no_files(tmp_path, pad):
    (pad / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    (pad / "circle").symlink_to(pad / "circle")
    (pad / "up").symlink_to(pad)
    index = scan(pad)
    assert index.ignored == {"circle": "broken link", "nowhere.jpg": "broken link", "up": "link to a folder"}
    assert len(index.images) == 24


def test_a_table_without_rows_is_no_release(tmp_path, pad):
    pad_metadata()[:0].to_csv(pad / "metadata.csv", index=False)
    with pytest.raises(InputError, match="has no rows"):
        prepare("pad-ufes-20", root=pad, out=tmp_path / "out")


def test_resource_forks_and_hidden_files_are_no_images(tmp_path, pad):
    image = next(pad.rglob("PAT_0_*"))
    (image.parent / f"._{image.name}").write_bytes(b"resource fork")
    fork = pad / "__MACOSX" / image.name
    fork.parent.mkdir()
    fork.write_bytes(b"resource fork")
    assert len(prepare("pad-ufes-20", root=pad, out=tmp_path / "out").manifest) == 24


@pytest.mark.parametrize("task", ["ajl-21", "pad-ufes-20", "fitzpatrick17k-9", "folder"])
def test_an_empty_root_is_refused_with_a_remedy(tmp_path, task):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DermbenchError) as caught:
        prepare(task, root=tmp_path / "empty", out=tmp_path / "out")
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("root", [None, "nowhere"])
def test_no_root_is_refused_with_how_to_get_the_release(tmp_path, root):
    with pytest.raises(UsageError, match=r"Join the competition"):
        prepare("ajl-21", root=None if root is None else tmp_path / root, out=tmp_path / "out")


def test_an_unknown_option_is_refused_with_the_known_ones(tmp_path, ajl):
    with pytest.raises(UsageError, match="no option colour; it has images, labels"):
        prepare("ajl-21", root=ajl, out=tmp_path / "out", options={"colour": "red"})


def test_out_must_not_be_the_release(ajl):
    with pytest.raises(UsageError, match="another folder than the release"):
        prepare("ajl-21", root=ajl, out=ajl)


def test_every_built_in_source_is_registered_by_its_module():
    for name in source_names():
        assert callable(load_source(name))
    with pytest.raises(RegistryError, match="did you mean 'ajl-21'"):
        load_source("ajl-12")


def test_names_of_images_that_are_not_unicode_are_refused(tmp_path):
    folder = tmp_path / "raw" / "a"
    folder.mkdir(parents=True)
    (tmp_path / "raw" / "b").mkdir()
    draw(tmp_path / "raw" / "b" / "x.jpg", 1)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.jpg")).write_bytes(b"\0\0\0")
    with pytest.raises(InputError, match="not valid Unicode"):
        prepare("folder", root=tmp_path / "raw", out=tmp_path / "out")
