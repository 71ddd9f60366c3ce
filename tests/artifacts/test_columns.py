"""Headers as people write them, and what a table says about its columns."""

from __future__ import annotations

import pandas as pd
import pytest

from dermbench.artifacts.columns import choose_columns, describe_columns, find_column
from dermbench.artifacts.truth import make_truth, read_truth
from dermbench.errors import InputError, UsageError


def table(*names, **columns):
    return pd.DataFrame({name: ["a", "b"] for name in names} | columns)


@pytest.mark.parametrize(
    "name", ["image_id", "Image ID", "ImageID", " image-id ", "isic_id", "image_name", "Img_Id"]
)
def test_ids_under_the_names_that_people_write(name):
    assert find_column(table(name), "image_id") == name


@pytest.mark.parametrize("name", ["true_label", "True Label", "Ground Truth", "dx", "Diagnosis", "y_true"])
def test_labels_under_the_names_that_people_write(name):
    assert choose_columns(table("image_id", name))["label"] == name


@pytest.mark.parametrize("name", ["Skin type", "SKIN_TYPE", "Fitzpatrick", "fitzpatrick skin type", "FST"])
def test_skin_types_under_the_names_that_people_write(name):
    truth = make_truth(table("id", label=["x", "y"], **{name: ["V", "2"]}))
    assert truth.table["fst"].tolist() == [5, 2]


@pytest.mark.parametrize(
    ("name", "column"), [("predicted_label", "pred"), ("lesion", "lesion_id"), ("Patient", "patient_id")]
)
def test_further_names(name, column):
    assert find_column(table(name), column) == name


def test_one_name_in_two_spellings_is_refused_with_both():
    with pytest.raises(InputError, match="columns 'image_id' and 'Image ID' have one name"):
        find_column(table("image_id", "Image ID"), "image_id", source="t.csv")


SIIM = {
    "image_name": ["a", "b", "c"],
    "diagnosis": ["unknown", "nevus", "melanoma"],
    "target": ["0", "0", "1"],
}


def test_two_columns_that_could_be_the_label_are_refused():
    with pytest.raises(InputError, match="takes 'diagnosis' as label while 'target' exists") as caught:
        make_truth(pd.DataFrame(SIIM), classes=["0", "1"])
    assert "--label COL" in str(caught.value)
    chosen = make_truth(pd.DataFrame(SIIM), columns={"label": "target"})
    assert chosen.classes == ("0", "1")
    assert chosen.table["diagnosis"].tolist() == SIIM["diagnosis"]


def test_a_second_name_of_the_same_classes_is_no_rival():
    frame = pd.DataFrame(SIIM | {"target": ["0", "1", "2"]})
    assert choose_columns(frame)["label"] == "diagnosis"
    assert choose_columns(frame.assign(target="0"))["label"] == "diagnosis"


def test_two_columns_that_could_be_the_skin_type_are_refused():
    frame = table("id", label=["x", "y"], fitzpatrick=["1", "2"], skin_type=["1", "3"])
    with pytest.raises(InputError, match="takes 'fitzpatrick' as fst while 'skin_type' exists"):
        make_truth(frame)
    assert make_truth(frame, columns={"fst": "Skin Type"}).table["fst"].tolist() == [1, 3]
    assert make_truth(frame.assign(skin_type=["I", "II"])).table["fst"].tolist() == [1, 2]
    assert make_truth(frame.assign(skin_type=["oily", "dry"])).table["fst"].tolist() == [1, 2]


def test_a_named_column_takes_the_place_of_the_usual_one():
    frame = table("id", label=["x", "y"], group=["u", "v"])
    truth = make_truth(frame, columns={"label": "group"})
    assert truth.classes == ("u", "v")
    assert truth.table["unused_label"].tolist() == ["x", "y"]
    with pytest.raises(UsageError, match="no column 'gruop', which was named for label; found id, label, group"):
        make_truth(frame, columns={"label": "gruop"})


def test_what_was_read_under_another_name_is_said(tmp_path):
    frame = table("md5hash", "weighted_label", "monk_tone", label=["x", "y"], fitzpatrick=["1", "I-II"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    said = read_truth(tmp_path / "t.csv").interpreted
    assert said == (
        "image_id from 'md5hash', fst from 'fitzpatrick'.",
        "Not read as the label: 'weighted_label'.",
        "Not read as a skin tone: 'monk_tone'.",
        "fst: 1 unknown, because the table names no single skin type ('I-II' 1); the band is known for 1 of them.",
    )


def test_a_table_in_the_standard_form_needs_no_words():
    frame = table("image_id", "fst_derm", "mst_us", "fst_band", label=["x", "y"], fst=["1", "-1"])
    assert describe_columns(frame, choose_columns(frame)) == ()


def test_tone_columns_in_other_spellings():
    truth = make_truth(table("id", label=["x", "y"], **{"FST Derm1": ["I", "VI"], "MST-us": ["10", "2"]}))
    assert truth.table["fst_derm1"].tolist() == [1, 6]
    assert truth.table["mst_us"].tolist() == [10, 2]


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("fst", ["2/3", "I don't know"], "fst_text"),
        ("fst_derm", ["I-II", "3"], "fst_derm_text"),
        ("fst_band", ["1-2", "2-3"], "fst_band_text"),
        ("mst_a", ["3.5", "4"], "mst_a_text"),
        ("age", ["50", "60+"], "age_text"),
        ("ita", ["light", "20"], "ita_text"),
    ],
)
def test_what_is_not_understood_is_kept_and_counted(column, values, kept):
    truth = make_truth(table("id", label=["x", "y"], **{column: values}))
    assert truth.table[kept].notna().any()
    assert any(sentence.startswith(f"{column}: ") for sentence in truth.interpreted)
    again = make_truth(truth.table)
    assert (again.digest, again.interpreted) == (truth.digest, truth.interpreted)


def test_bands_in_any_spelling():
    truth = make_truth(table("id", label=["x", "y"], fst_band=["1\u20132", "56"]))
    assert truth.table["fst_band"].tolist() == ["I-II", "V-VI"]
    assert truth.interpreted == ()


def test_bands_and_types_fill_one_column():
    frame = pd.DataFrame({"id": list("abc"), "label": list("xyx"), "fst": ["3", "V-VI", "2/3"]})
    found = make_truth(frame).table
    assert found["fst"].isna().tolist() == [False, True, True]
    assert found["fst_band"].fillna("?").tolist() == ["III-IV", "V-VI", "?"]
    assert found["fst_text"].fillna("").tolist() == ["", "V-VI", "2/3"]
