import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import make_truth, read_truth
from dermbench.errors import InputError, UsageError


def test_ids_and_labels_that_look_like_something_else(tmp_path):
    (tmp_path / "t.csv").write_text("image_id,label,fst\n001,NA,3\n1,null,\nNA,None,-1\n")
    truth = read_truth(tmp_path / "t.csv")
    assert truth.image_id.tolist() == ["001", "1", "NA"]
    assert truth.classes == ("NA", "None", "null")
    assert truth.y_true.tolist() == [0, 2, 1]
    assert truth.table["fst"].isna().tolist() == [False, True, True]
    assert truth.table["fst_band"].tolist()[0] == "III-IV"


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("image_id,label, label,fst\na,x,y,1\nb,y,x,2\n")
    with pytest.raises(InputError, match="repeated columns: 'label'"):
        read_truth(tmp_path / "t.csv")


def test_row_order_does_not_matter():
    frame = pd.DataFrame({"image_id": list("cab"), "label": list("xyx"), "patient_id": ["p", "q", None]})
    one, two = make_truth(frame), make_truth(frame.iloc[::-1])
    assert one.digest == two.digest
    np.testing.assert_array_equal(one.unit, two.unit)


def test_units_are_the_highest_id_and_an_image_without_one_stands_alone():
    frame = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "label": list("xyxy"),
            "patient_id": ["p", None, "p", None],
            "lesion_id": ["1", "1", "2", "2"],
        }
    )
    truth = make_truth(frame)
    assert truth.unit_column == "patient_id"
    assert truth.unit.tolist() == [0, 1, 0, 2]
    assert make_truth(frame.drop(columns="patient_id")).unit.tolist() == [0, 0, 1, 1]
    alone = make_truth(frame[["image_id", "label"]])
    assert alone.unit_column is None
    assert alone.unit.tolist() == [0, 1, 2, 3]


def test_a_patient_named_like_an_image_is_another_unit():
    frame = pd.DataFrame({"image_id": ["a", "b"], "label": ["x", "y"], "patient_id": [None, "a"]})
    assert make_truth(frame).unit.tolist() == [0, 1]


def test_release_column_names_are_understood():
    frame = pd.DataFrame(
        {"md5hash": ["a", "b"], "label": ["x", "y"], "fitzpatrick_scale": ["-1", "6"], "Gender": "F"}
    )
    table = make_truth(frame).table
    assert table["fst"].tolist()[1] == 6
    assert table["sex"].tolist() == ["F", "F"]


def test_the_class_set_may_hold_classes_that_do_not_occur():
    frame = pd.DataFrame({"image_id": ["a"], "label": ["B B"]})
    truth = make_truth(frame, classes=["a", "b-b"])
    assert truth.y_true.tolist() == [1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": ["a", "a"], "label": ["x", "y"]}, "repeated image_id: 'a'"),
        ({"id": ["a", ""], "label": ["x", "y"]}, "empty image_id in 'row 3'"),
        ({"id": ["a", "b"], "label": ["x", ""]}, "no label for image_id 'b'"),
        ({"id": ["a", "b"], "label": ["x", "x"]}, "needs at least 2 classes, found 1"),
        ({"id": ["a", "b"]}, "no column for label"),
        ({"label": ["a", "b"]}, "no column for image_id"),
    ],
)
def test_malformed_truth(frame, message):
    with pytest.raises(InputError) as caught:
        make_truth(pd.DataFrame(frame))
    assert message in str(caught.value)


def test_unknown_labels_are_named_with_the_class_set():
    with pytest.raises(InputError, match=r"outside of the class set: 'z'; classes: x, y"):
        make_truth(pd.DataFrame({"id": ["a"], "label": ["z"]}), classes=["x", "y"])


def test_split_column(tmp_path):
    (tmp_path / "t.csv").write_text("image_id,label,split\na,x,train\nb,y,test\nc,x,test\n")
    assert read_truth(tmp_path / "t.csv", split="test").image_id.tolist() == ["b", "c"]
    with pytest.raises(UsageError, match="no row has split 'val'; there are test, train"):
        read_truth(tmp_path / "t.csv", split="val")


def test_a_data_frame_is_read_like_a_file(tmp_path):
    frame = pd.DataFrame({"image_id": ["b", "001"], "label": ["x", "NA"], "fst": [6, None], "split": "test"})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert read_truth(frame.set_index("image_id"), split="test").digest == read_truth(tmp_path / "t.csv").digest
    with pytest.raises(UsageError, match="<DataFrame>: no row has split 'val'"):
        read_truth(frame, split="val")
    with pytest.raises(InputError, match="<DataFrame>: 1 problem"):
        read_truth(frame.assign(label=""), classes=["x", "y"])


@settings(max_examples=40)
@given(st.data())
def test_csv_parquet_and_a_frame_of_one_table_give_the_same_truth(tmp_path_factory, data):
    n = data.draw(st.integers(2, 6))
    columns = {
        "grade": st.integers(-5, 12),
        "size": st.one_of(st.none(), st.floats(-1e6, 1e6)),
        "count": st.one_of(st.none(), st.integers(0, 3)),
        "code": st.sampled_from(["01", "1", "2"]),
        "biopsy": st.booleans(),
        "clinic": st.sampled_from(["A", "B", None]),
        "age": st.one_of(st.none(), st.integers(0, 99)),
    }
    frame = pd.DataFrame(
        {name: data.draw(st.lists(kind, min_size=n, max_size=n)) for name, kind in columns.items()}
    )
    frame.insert(0, "image_id", [f"{k}" for k in range(n)])
    frame.insert(1, "label", ["x", "y"] * (n // 2) + ["x"] * (n % 2))
    folder = tmp_path_factory.mktemp("same")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    found = [read_truth(source) for source in (folder / "t.csv", folder / "t.parquet", frame)]
    assert len({truth.digest for truth in found}) == 1


def test_numbers_with_leading_zeros_and_beyond_64_bits_stay_text():
    frame = pd.DataFrame(
        {"image_id": ["a", "b"], "label": ["x", "y"], "code": ["007", "7"], "big": ["9" * 30, "1"]}
    )
    table = make_truth(frame).table
    assert table["code"].tolist() == ["007", "7"]
    assert table["big"].tolist() == ["9" * 30, "1"]
    assert make_truth(frame.assign(code=["10", ""])).table["code"].tolist()[0] == 10


ONE_HOT = {"image": ["i1", "i2", "i3"], "MEL": ["1", "0", "0"], "NV": ["0", "1.0", "0"], "UNK": ["0", "0", "1"]}


def test_one_column_a_class_is_read_as_the_label():
    truth = make_truth(pd.DataFrame(ONE_HOT | {"age": ["40", "50", "60"]}))
    assert truth.classes == ("MEL", "NV", "UNK")
    assert truth.y_true.tolist() == [0, 1, 2]
    assert truth.interpreted == ("Labels from one column a class: MEL, NV, UNK.",)
    assert truth.table["age"].tolist() == [40, 50, 60]
    named = make_truth(pd.DataFrame(ONE_HOT | {"biopsy": ["1", "1", "0"]}), classes=["unk", "nv", "mel"])
    assert (named.classes, named.y_true.tolist()) == (("unk", "nv", "mel"), [2, 1, 0])


def test_columns_of_0_and_1_need_exactly_one_1_a_row():
    with pytest.raises(InputError, match=r"exactly one 1 per row; 2 rows do not have it: 2, 4"):
        make_truth(pd.DataFrame(ONE_HOT | {"biopsy": ["1", "0", "1"]}))
    with pytest.raises(InputError, match="no column for label"):
        make_truth(pd.DataFrame(ONE_HOT).drop(columns=["NV", "UNK"]))


@pytest.mark.parametrize("cell", ["['Acne', 'Tinea']", "['Eczema']", "{'Acne': 0.4}", '["a"]', "('a', 'b')", "[]"])
def test_cells_that_hold_lists_are_refused(cell):
    with pytest.raises(InputError, match=r"label cells hold lists .*; one label per image is needed"):
        make_truth(pd.DataFrame({"id": ["a", "b", "c"], "label": ["x", "y", cell]}))


def test_labels_in_brackets_are_labels():
    frame = pd.DataFrame({"id": ["a", "b"], "label": ["nevus (benign)", "mel [in situ]"]})
    assert make_truth(frame).classes == ("mel [in situ]", "nevus (benign)")


@pytest.mark.parametrize("other", ["Melanoma", "MELANOMA ", "mela_noma", "Mela Noma"])
def test_labels_in_two_spellings_are_refused_with_counts_and_folded_into_named_classes(other):
    usual = "mela noma" if "a_n" in other or " N" in other else "melanoma"
    frame = pd.DataFrame({"id": list("abcd"), "label": [other, usual, usual, " nevus "]})
    with pytest.raises(InputError) as caught:
        make_truth(frame)
    assert f"{other.strip()!r} (1 image)" in str(caught.value)
    assert f"{usual!r} (2 images)" in str(caught.value)
    assert "--classes" in str(caught.value)
    truth = make_truth(frame, classes=[usual, "nevus"])
    assert truth.y_true.tolist() == [0, 0, 0, 1]
    assert truth.interpreted == (f"1 label in other spellings than their class ({other.strip()!r} is {usual!r}).",)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1], ("0", "1")),
        ([0.0, 1.0], ("0", "1")),
        ([True, False], ("False", "True")),
        (["1.0", "0.0"], ("0", "1")),
    ],
)
def test_binary_labels(values, classes):
    assert make_truth(pd.DataFrame({"id": ["a", "b"], "label": values})).classes == classes
    assert make_truth(pd.DataFrame({"id": ["a", "b"], "label": ["TRUE", "false"]}), classes=["true", "False"])


def test_labels_with_control_characters_are_refused():
    with pytest.raises(InputError, match="labels with control characters"):
        make_truth(pd.DataFrame({"id": ["a", "b"], "label": ["x\x1b[31m", "y"]}))


def test_two_forms_of_one_letter_are_two_spellings():
    with pytest.raises(InputError, match="differ only in spelling"):
        make_truth(pd.DataFrame({"id": ["a", "b", "c"], "label": ["n\u00e9vus", "ne\u0301vus", "mel"]}))


@pytest.mark.parametrize("bad", ["a\0b", "a\x1b[31m", "a" * 600])
def test_ids_that_cannot_be_shown_are_refused(bad):
    with pytest.raises(InputError, match=r"control characters|longer than"):
        make_truth(pd.DataFrame({"id": [bad, "b"], "label": ["x", "y"]}))


def test_a_table_with_malignancy_says_which_classes_are_positive(tmp_path):
    table = pd.DataFrame({"image_id": list("abc"), "label": ["m", "n", "w"], "malignancy": [1, 0, 0]})
    assert read_truth(table).positive.classes == ("m",)
    assert read_truth(table, malignancy={"m": "benign", "n": "malignant", "w": "benign"}).positive.classes == (
        "n",
    )
    odd = read_truth(table.assign(malignancy=["unsure", "benign", "benign"]))
    assert odd.positive is None
    assert "of no class that it is malignant" in odd.interpreted[-1]
