"""Fitzpatrick17k and ajl-21 beyond labels and types: files named by their md5, atlas, opinions of labels."""

import shutil

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.errors import InputError, UsageError

from .conftest import draw, md5
from .test_sources import f17k
from .test_sources_stanford import release_of


@pytest.fixture
def full(tmp_path):
    """Fitzpatrick17k with the images 1 to 6."""
    table = f17k(tmp_path / "raw")
    table["url"] = [
        ("", "https://www.dermaamin.com/site/a.jpg", "http://atlasdermatologico.com.br/b.jpg")[i % 3]
        for i in range(300)
    ]
    table["qc"] = [("", "1 Diagnostic", "3 Wrongly labelled")[i % 3 if i < 9 else 0] for i in range(300)]
    table.to_csv(tmp_path / "raw" / "fitzpatrick17k.csv", index=False)
    for i in range(1, 7):
        draw(tmp_path / "raw" / f"{md5(i)}.jpg", i)
    return tmp_path / "raw"


def test_the_atlas_is_the_host_of_the_address(full):
    table = release_of("fitzpatrick17k-114", full).table
    assert table["atlas"].tolist()[:3] == [pd.NA, "dermaamin", "atlasdermatologico"]
    assert table["path"].notna().sum() == 6
    assert set(table["modality"]) == {"clinical"}
    assert "url" not in table


def test_images_called_wrongly_labelled_can_be_dropped(full):
    kept = release_of("fitzpatrick17k-114", full)
    assert (kept.table["qc"] == "3 Wrongly labelled").sum() == 3
    dropped = release_of("fitzpatrick17k-114", full, mislabelled="drop")
    reason = "image marked as wrongly labelled (qc)"
    assert {i for i, why in dropped.excused.items() if why == reason} == {md5(2), md5(5), md5(8)}
    assert dropped.table.set_index("image_id")["path"].loc[[md5(2), md5(5), md5(8)]].isna().all()
    assert kept.table["path"].notna().sum() == dropped.table["path"].notna().sum() + 2


def test_exchanged_files_are_named_even_when_images_may_be_missing(tmp_path, full):
    shutil.move(full / f"{md5(1)}.jpg", full / "x")
    shutil.move(full / f"{md5(2)}.jpg", full / f"{md5(1)}.jpg")
    shutil.move(full / "x", full / f"{md5(2)}.jpg")
    for allowed in (False, True):
        with pytest.raises(InputError, match="2 files hold another image") as caught:
            prepare("fitzpatrick17k-114", root=full, out=tmp_path / "out", allow_missing=allowed)
        assert f"{md5(1)}.jpg holds the image {md5(2)}" in str(caught.value)


def test_a_file_that_is_not_as_released_is_refused_or_left_out_or_taken_as_it_is(tmp_path, full):
    draw(full / f"{md5(3)}.jpg", 3, size=12)
    with pytest.raises(InputError, match=f"1 files are not as released.*{md5(3)}") as caught:
        release_of("fitzpatrick17k-114", full)
    assert "--set md5=unchecked" in str(caught.value.remedy)
    left = prepare("fitzpatrick17k-114", root=full, out=tmp_path / "a", allow_missing=True)
    assert len(left.manifest) == 5
    assert any(md5(3) in said for said in left.info.interpreted)
    taken = release_of("fitzpatrick17k-114", full, md5="unchecked")
    assert taken.table["path"].notna().sum() == 6
    assert "was not compared" in taken.interpreted[0]


def test_ajl_has_the_atlas_of_train_and_test_images(ajl):
    table = pd.read_csv(ajl / "fitzpatrick17k.csv", dtype=str)
    table["url"] = ["https://www.dermaamin.com/a.jpg"] * 35 + ["http://atlasdermatologico.com.br/b.jpg"] * 4
    table.to_csv(ajl / "fitzpatrick17k.csv", index=False)
    ours = release_of("ajl-21", ajl).table
    assert ours.groupby("split")["atlas"].value_counts().to_dict() == {
        ("train", "dermaamin"): 30,
        ("test", "dermaamin"): 5,
        ("test", "atlasdermatologico"): 4,
    }


def test_an_exchanged_file_of_ajl_is_named(ajl):
    one, other = sorted((ajl / "train").rglob("*.jpg"))[:2]
    shutil.move(one, ajl / "x")
    shutil.move(other, one)
    shutil.move(ajl / "x", other)
    with pytest.raises(InputError, match="2 files hold another image of the release"):
        release_of("ajl-21", ajl)


def test_all_problems_of_a_table_are_named_at_once(ajl):
    train = pd.read_csv(ajl / "train.csv", dtype=str)
    train.loc[0, "md5hash"] = ""
    train.loc[2, "md5hash"] = train.loc[1, "md5hash"]
    train.loc[3, "label"] = "measles"
    train.loc[4, "label"] = ""
    train.to_csv(ajl / "train.csv", index=False)
    with pytest.raises(InputError) as caught:
        release_of("ajl-21", ajl)
    assert len(caught.value.problems) == 4


def test_all_problems_of_pad_ufes_20_are_named_at_once(pad):
    table = pd.read_csv(pad / "metadata.csv", dtype=str)
    table.loc[0, "img_id"] = ""
    table.loc[1, "patient_id"] = ""
    table.loc[2, "diagnostic"] = "ECZ"
    table.to_csv(pad / "metadata.csv", index=False)
    with pytest.raises(InputError) as caught:
        release_of("pad-ufes-20", pad)
    found = "\n".join(caught.value.problems)
    assert "no img_id in row 2" in found
    assert "no patient_id or lesion_id in row 3" in found
    assert "'ECZ' (row 4)" in found


@pytest.mark.parametrize("options", [{"md5": "no"}, {"mislabelled": "yes"}])
def test_options_that_do_not_fit_are_refused(full, options):
    with pytest.raises(UsageError, match="write "):
        release_of("fitzpatrick17k-114", full, **options)


def test_part_of_the_tables_of_ajl_is_refused_or_says_so(tmp_path, ajl, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(InputError) as caught:
        prepare("ajl-21", root=ajl, out=tmp_path / "out")
    assert caught.value.problems == (
        "train.csv has 30 rows instead of 2,860",
        "test.csv has 9 rows instead of 1,227",
    )
    info = prepare("ajl-21", root=ajl, out=tmp_path / "out", allow_missing=True).info
    assert "30 images in train instead of 2,860; 9 images in test instead of 1,227" in str(info.interpreted)
