"""``data prepare table``: which columns are read, what is understood of skin types, and what is said about it."""

from __future__ import annotations

import pytest

from dermbench.artifacts import read_dataset
from dermbench.artifacts.columns import choose_columns
from dermbench.data import prepare
from dermbench.errors import InputError, UsageError

from .conftest import own_table
from .test_cli_data import run

BANDS = ["I-II", "III-IV", "V\u2013VI", "1-2", "2/3", "3, 4"]


def test_bands_are_kept_as_bands_and_never_become_a_type(tmp_path, csv):
    table = own_table().drop(columns="fst").assign(skin_type=BANDS * 2)
    shown = run("prepare", "table", "--root", csv(table), "--out", tmp_path / "out")
    assert shown.exit_code == 0
    said = " ".join(shown.stderr.split())
    assert "path from 'image', image_id from 'image', label from 'label', fst from 'skin_type'" in said
    assert "fst: 12 unknown, because the table names no single skin type" in said
    assert "'2/3' 2" in said
    assert "the band is known for 10 of them" in said
    rows = read_dataset(tmp_path / "out").manifest
    assert rows["fst"].isna().all()
    assert rows["fst_text"].tolist() == BANDS * 2
    assert rows["fst_band"].fillna("").tolist()[:6] == ["I-II", "III-IV", "V-VI", "I-II", "", "III-IV"]
    assert "the band is known for" in read_dataset(tmp_path / "out").truth("train").interpreted[0]


def test_single_types_beside_a_range(tmp_path, csv):
    table = own_table().assign(fst=["3", "iii", "FST3", "3, 4"] * 3)
    dataset = prepare("table", root=csv(table), out=tmp_path / "out")
    assert dataset.info.fst == {"3": 9, "unknown": 3}
    assert set(dataset.manifest["fst_band"]) == {"III-IV"}


def test_columns_are_named_with_set(tmp_path, csv):
    table = own_table().rename(columns={"label": "verdict", "patient": "person", "fst": "tone"}).assign(note="x")
    named = {"label": "verdict", "patient_id": "person", "fst": "tone", "image": "image", "id": "image"}
    dataset = prepare("table", root=csv(table), out=tmp_path / "out", options=named)
    assert dataset.classes == ("melanoma", "naevus")
    assert dataset.info.split["unit"] == "patient_id"
    assert dataset.info.fst["3"] == 2
    assert dataset.info.options == named
    with pytest.raises(UsageError, match="no column 'verdit', which was named for label; found image, verdict"):
        prepare("table", root=csv(table), out=tmp_path / "out", options={"label": "verdit"})


def test_runners_up_and_tone_like_columns_are_named(tmp_path, csv):
    table = own_table().assign(diagnosis=["a", "b", "c"] * 4, monk_skin_tone_label_us="4")
    said = prepare("table", root=csv(table), out=tmp_path / "out").info.interpreted
    assert "Not read as the label: 'diagnosis'." in said
    assert "Not read as a skin tone: 'monk_skin_tone_label_us'." in said


def test_two_columns_that_could_be_the_label_are_refused(tmp_path, csv):
    table = own_table().rename(columns={"label": "diagnosis"}).assign(target=["0", "0", "1"] * 4)
    with pytest.raises(InputError, match="takes 'diagnosis' as label while 'target' exists") as caught:
        prepare("table", root=csv(table), out=tmp_path / "out")
    assert "--set label=COL" in str(caught.value)
    dataset = prepare("table", root=csv(table), out=tmp_path / "out", options={"label": "target"})
    assert dataset.classes == ("0", "1")


def test_labels_that_are_lists_are_refused(tmp_path, csv):
    table = own_table().assign(label=["['a', 'b']", "['a']"] * 6)
    with pytest.raises(InputError, match=r"label cells hold lists \(rows 2, 3, 4, 5, 6 and 7 more\); one label"):
        prepare("table", root=csv(table), out=tmp_path / "out")


def test_spellings_are_folded_into_named_classes(tmp_path, csv):
    table = own_table().assign(label=["Naevus ", "naevus", "melanoma"] * 4)
    dataset = prepare("table", root=csv(table), out=tmp_path / "out", options={"classes": "naevus,melanoma"})
    assert dataset.manifest["label"].value_counts().to_dict() == {"naevus": 8, "melanoma": 4}


def test_the_path_may_have_the_usual_name_of_an_id():
    assert choose_columns(own_table())["image_id"] == "image"
