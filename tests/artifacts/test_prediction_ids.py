import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import make_predictions, make_truth, read_predictions
from dermbench.artifacts.truth import read_truth
from dermbench.errors import InputError

IDS = ["ISIC_01", "ISIC_02", "ISIC_03"]
LABELS = ["mel", "nv", "mel"]


def truth_of(ids=IDS):
    return make_truth(pd.DataFrame({"image_id": ids, "label": LABELS[: len(ids)]}), classes=["mel", "nv"])


def predicted(ids, labels=LABELS):
    return pd.DataFrame({"image_id": ids, "pred": labels})


@pytest.mark.parametrize(
    ("form", "without"),
    [
        ("{}.jpg", "file suffix"),
        ("{}.JPEG", "file suffix"),
        ("test/{}", "folder"),
        ("C:\\data\\{}.png", "folder and file suffix"),
        (" {} ", "blanks"),
        ("/a/b/{}.jpg ", "folder and file suffix"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_ids_that_differ_as_names_of_files_do(form, without, swapped):
    other = [form.format(name) for name in IDS]
    truth, ids = (truth_of(other), IDS) if swapped and form == form.strip() else (truth_of(), other)
    made = read_predictions(predicted(ids[::-1], LABELS[::-1]), truth)
    assert (made.y_pred == truth.y_true).all()
    assert made.image_id.tolist() == truth.image_id.tolist()
    assert made.interpreted == (f"Ids of the predictions matched without {without}.",)


def test_letter_case():
    made = read_predictions(predicted([name.lower() for name in IDS]), truth_of())
    assert made.interpreted == ("Ids of the predictions matched without letter case.",)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["a/1", "b/1", "c/2"], ["1", "1", "2"]),
        (["a/1", "b/1", "c/2"], ["x/1", "y/1", "c/2"]),
        (["a1", "A1", "b"], ["a1.jpg", "A1.jpg", "B.jpg"]),
        (["a.jpg", "a.png", "b"], ["a", "b", "c"]),
        (IDS, ["ISIC_01.jpg", "ISIC_01.png", "ISIC_02"]),
        (IDS, ["ISIC_01.jpg", "ISIC_02.jpg", "ISIC_04.jpg"]),
        (IDS, ["ISIC_1", "ISIC_2", "ISIC_3"]),
        (IDS, ["01", "02", "03"]),
        (IDS, ["ISIC_01.txt", "ISIC_02.txt", "ISIC_03.txt"]),
        (["x", "y", "z"], ["", " ", None]),
    ],
)
def test_ids_are_not_guessed(wanted, found):
    with pytest.raises(InputError, match=r"image_id that the truth does not have|empty image_id|repeated"):
        read_predictions(predicted(found), truth_of(wanted))


def test_missing_images_are_named_beside_a_suffix():
    with pytest.raises(InputError) as caught:
        read_predictions(predicted(["ISIC_01.jpg", "ISIC_03.jpg"], ["mel", "nv"]), truth_of())
    assert caught.value.problems == ("1 missing image_id: 'ISIC_02'",)


def test_images_of_other_splits_are_known_without_suffix_too():
    made = read_predictions(
        predicted(["x.png", *(f"{name}.png" for name in IDS)], ["nv", *LABELS]), truth_of(), ignore_ids={"x", "y"}
    )
    assert (made.y_pred == truth_of().y_true).all()
    with pytest.raises(InputError, match="does not have"):  # of a unique name alone
        read_predictions(predicted([f"{name}.png" for name in IDS]), truth_of(), ignore_ids={"ISIC_01.jpg"})


KINDS = {
    "text": ["7", "12", "30"],
    "whole numbers": [7, 12, 30],
    "floats": [7.0, 12.0, 30.0],
    "printed floats": ["7.0", "12.0", "30.0"],
    "categories": pd.Categorical([7, 12, 30]),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["p.csv", "p.parquet", None])
def test_numbers_as_ids_are_the_same_in_every_format(tmp_path, kind, name):
    source = frame = predicted(kind)
    if name is not None:
        source = tmp_path / name
        frame.to_csv(source, index=False) if name == "p.csv" else frame.to_parquet(source)
    for truth in (truth_of(["7", "12", "30"]), truth_of([7, 12, 30]), truth_of([7.0, 12.0, 30.0])):
        made = read_predictions(source, truth)
        assert (made.y_pred == truth.y_true).all()
        assert made.interpreted == ()


@pytest.mark.parametrize("name", ["b\0", "b\x1b]0;x\x07", "b\x85", "b" * 600, "b\n"])
def test_ids_that_no_file_has(name):
    with pytest.raises(InputError, match=r"control characters|longer than 512") as caught:
        read_predictions(predicted(["a", name], ["mel", "nv"]), truth_of(["a", "b"]))
    assert len(str(caught.value)) < 500
    assert name not in str(caught.value)


def test_an_id_that_ends_in_nul_is_another_id():
    made = make_predictions(["b\0", "a"], np.array([[0.0, 1.0], [1.0, 0.0]]), ["mel", "nv"])
    assert made.image_id.tolist() == ["a", "b\0"]


NAMES = st.lists(st.text("ab/. A", min_size=1, max_size=4).filter(str.strip), min_size=2, max_size=4, unique=True)


@settings(max_examples=30)
@given(NAMES, st.randoms())
def test_equal_ids_win_whatever_they_look_like(names, random):
    truth = make_truth(pd.DataFrame({"image_id": names, "label": ["mel", "nv"] + ["mel"] * (len(names) - 2)}))
    rows = list(zip(truth.image_id, truth.table["label"], strict=True))
    random.shuffle(rows)
    made = read_predictions(pd.DataFrame(rows, columns=["image_id", "pred"]), truth)
    assert (made.y_pred == truth.y_true).all()
    assert made.interpreted == ()


@pytest.mark.parametrize("names", [list("abcdef"), list("012345"), list("123456")])
def test_one_table_from_many_programs_is_read_alike_or_refused(tmp_path, names):
    labels = ["mel", "nv", "nv", "mel", "nv", "mel"]
    truth = make_truth(pd.DataFrame({"image_id": names, "label": labels}))
    frame = predicted(names, labels).sample(frac=1, random_state=0)
    indexed = frame.set_index("image_id")
    forms = (frame, frame.reset_index(drop=True), indexed, indexed.rename_axis(None))
    seen = set()
    for form, index, separator, end, r in itertools.product(
        forms, (True, False), ",;", ("", "row", "all"), (0, 1)
    ):
        header, *rows = form.to_csv(index=index, sep=separator).splitlines()
        header = header.removeprefix(separator) if r else header
        lines = [header + separator * (end == "all"), *(row + separator * (end != "") for row in rows)]
        (tmp_path / "t.csv").write_text("\n".join(lines))
        try:
            made = read_predictions(tmp_path / "t.csv", truth)
        except InputError:
            continue
        assert (made.y_pred == truth.y_true).all(), (lines, made.interpreted)
        seen.add((index, end, r))
    assert len(seen) > 6


@pytest.mark.parametrize(
    ("splits", "split", "told"),
    [
        (
            ["test", "test", "val"],
            None,
            "1 missing image_id: 'c'; all of split 'val': --split test leaves them out",
        ),
        (
            ["test", "val", "train"],
            None,
            "1 missing image_id: 'c'; all of split 'train': --split test+val leaves them out",
        ),
        (["test", "test", "test"], None, "1 missing image_id: 'c'"),
        (["test", "test", None], None, "1 missing image_id: 'c'"),
        (["test", "test", "test"], "test", "1 missing image_id: 'c'"),
    ],
)
def test_a_forgotten_split_is_named(splits, split, told):
    table = pd.DataFrame({"image_id": list("abc"), "label": ["x", "y", "x"], "fst": [1, 2, 3], "split": splits})
    answers = predicted(["a", "b"], ["x", "y"])
    with pytest.raises(InputError) as caught:
        read_predictions(answers, read_truth(table, split=split))
    assert caught.value.problems == (told,)
