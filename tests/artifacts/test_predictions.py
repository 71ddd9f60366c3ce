import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermbench.artifacts import make_predictions, make_truth, read_predictions, write_predictions
from dermbench.errors import InputError, UsageError

CLASSES = ("acne", "basal-cell-carcinoma", "NA")


@pytest.fixture
def truth():
    table = pd.DataFrame({"image_id": ["001", "1", "NA", "null"], "label": ["acne", "NA", "acne", "acne"]})
    return make_truth(table, classes=CLASSES)


def rows(truth, **changes):
    frame = {
        "image_id": list(truth.image_id),
        "prob_acne": 0.5,
        "prob_basal-cell-carcinoma": 0.25,
        "prob_NA": 0.25,
    }
    return pd.DataFrame(frame | changes)


def written(tmp_path, frame, name="p.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_round_trip_is_exact(truth, tmp_path, name):
    prob = np.random.default_rng(0).dirichlet(np.ones(3), size=4)
    made = make_predictions(list(truth.image_id), prob, CLASSES)
    write_predictions(tmp_path / name, made)
    read = read_predictions(tmp_path / name, truth)
    assert read.digest == made.digest
    np.testing.assert_array_equal(read.y_prob, made.y_prob)
    assert read.image_id.tolist() == sorted(["001", "1", "NA", "null"])


@given(st.permutations(range(4)))
def test_row_order_does_not_matter(order):
    ids, prob = (
        np.array(["b", "a", "d", "c"], dtype=object),
        np.random.default_rng(1).dirichlet(np.ones(3), size=4),
    )
    pick = list(order)
    assert make_predictions(ids[pick], prob[pick], CLASSES).digest == make_predictions(ids, prob, CLASSES).digest


def test_of_tied_probabilities_the_lowest_index_wins_and_is_counted():
    made = make_predictions(["a", "b"], np.array([[0.4, 0.4, 0.2], [0.2, 0.3, 0.5]]), CLASSES)
    assert made.y_pred.tolist() == [0, 2]
    assert made.n_tied == 1


def test_labels_only(truth, tmp_path):
    frame = pd.DataFrame({"image_id": truth.image_id, "pred": ["Acne", "NA", "basal cell carcinoma", "acne"]})
    read = read_predictions(written(tmp_path, frame), truth)
    assert read.y_pred.tolist() == [0, 2, 1, 0]
    assert read.y_prob is None
    assert read.n_tied == 0


def test_kaggle_and_isic_forms(truth, tmp_path):
    kaggle = pd.DataFrame({"md5hash": truth.image_id, "label": "acne"})
    assert read_predictions(written(tmp_path, kaggle), truth).y_pred.tolist() == [0] * 4
    isic = rows(truth).rename(columns=lambda c: c.removeprefix("prob_").replace("image_id", "image"))
    assert read_predictions(written(tmp_path, isic), truth).y_prob is not None


def test_every_problem_of_a_file_in_one_message(truth, tmp_path):
    frame = rows(truth, image_id=["001", "001", "NA", "zzz"])
    frame["prob_acne"] = [np.nan, 0.9, -0.5, 0.5]
    with pytest.raises(InputError) as caught:
        read_predictions(written(tmp_path, frame), truth)
    text = str(caught.value)
    for part in (
        "1 repeated image_id: '001'",
        "2 missing image_id: '1', 'null'",
        "1 image_id that the truth does not have: 'zzz'",
        "NaN, infinite or no number for image_id '001'",
        "probability outside of 0 to 1 for image_id 'NA'",
        "do not sum to 1 (within 0.001) for 1 image_id: '001' (first sum 1.4)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.rename(columns={"prob_acne": "prob_eczema"}), "unknown class in column 'prob_eczema'"),
        (lambda f: f.drop(columns="prob_NA"), "no column 'prob_NA'"),
        (lambda f: f.assign(split="test"), "unexpected column 'split'"),
        (lambda f: f.assign(**{"prob_basal cell carcinoma": 0}), "are the same class"),
        (lambda f: f[["image_id"]], "wrong columns none; expected image_id with prob_<class>"),
        (lambda f: f.drop(columns="image_id"), "no column image_id"),
        (lambda f: f.iloc[:0], "4 missing image_id"),
        (lambda f: f.assign(prob_acne="high"), "no number"),
        (lambda f: f.assign(prob_acne="inf"), "infinite"),
        (lambda f: f.assign(image_id=["", *f["image_id"][1:]]), "empty image_id in 'row 2'"),
    ],
)
def test_malformed_tables(truth, tmp_path, change, message):
    with pytest.raises(InputError) as caught:
        read_predictions(written(tmp_path, change(rows(truth))), truth)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable .csv"),
        (b"\xff\xfe\x00", "not a readable .csv"),
        (b'image_id\n"a', "not a readable .csv"),
    ],
)
def test_files_that_are_no_table(truth, tmp_path, content, message):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_predictions(tmp_path / "p.csv", truth)


def test_a_csv_named_parquet_and_a_missing_file(truth, tmp_path):
    (tmp_path / "p.parquet").write_text("image_id,pred\n")
    with pytest.raises(InputError, match="not a readable parquet"):
        read_predictions(tmp_path / "p.parquet", truth)
    with pytest.raises(UsageError, match="no such file"):
        read_predictions(tmp_path / "none.csv", truth)
    (tmp_path / "p.docx").write_text("")
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.xlsx or \.parquet"):
        read_predictions(tmp_path / "p.docx", truth)


def test_ids_of_other_splits_may_be_there(truth, tmp_path):
    frame = pd.concat([rows(truth), rows(truth).head(1).assign(image_id="train-1")])
    read = read_predictions(written(tmp_path, frame), truth, ignore_ids={"train-1", "001"})
    assert read.image_id.tolist() == truth.image_id.tolist()


def test_byte_order_mark_windows_lines_and_quotes(truth, tmp_path):
    text = rows(truth).to_csv(index=False, lineterminator="\r\n", quoting=1)
    (tmp_path / "p.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(read_predictions(tmp_path / "p.csv", truth)) == 4


@pytest.mark.parametrize("extra", ["prob_eczema", "note"])
def test_a_wrong_column_does_not_hide_wrong_values(truth, tmp_path, extra):
    frame = rows(truth).assign(**{extra: 0.0})
    frame["prob_acne"] = [np.nan, 0.9, 0.5, 0.5]
    with pytest.raises(InputError) as caught:
        read_predictions(written(tmp_path, frame), truth)
    assert len(caught.value.problems) == 3
    assert extra in caught.value.problems[0]


def test_with_a_class_missing_the_sum_is_not_judged(truth, tmp_path):
    with pytest.raises(InputError) as caught:
        read_predictions(written(tmp_path, rows(truth).drop(columns="prob_NA")), truth)
    assert caught.value.problems == ("no column 'prob_NA'",)


def test_a_data_frame_is_read_like_a_file(truth, tmp_path):
    frame = rows(truth)
    from_file = read_predictions(written(tmp_path, frame), truth)
    for given_frame in (frame, frame.set_index("image_id"), frame.set_axis([7, 7, 7, 7])):
        before = given_frame.copy()
        assert read_predictions(given_frame, truth).digest == from_file.digest
        pd.testing.assert_frame_equal(given_frame, before)
    frame.set_index("image_id").to_parquet(tmp_path / "indexed.parquet")
    assert read_predictions(tmp_path / "indexed.parquet", truth).digest == from_file.digest


def test_a_data_frame_gets_the_messages_of_a_file(truth):
    with pytest.raises(InputError) as caught:
        read_predictions(rows(truth).iloc[1:].assign(prob_acne=2), truth)
    assert str(caught.value).startswith("<DataFrame>: 2 problems")
    twice = pd.concat([rows(truth), rows(truth)[["prob_acne"]]], axis=1)
    with pytest.raises(InputError, match="there twice: 'prob_acne'"):
        read_predictions(twice, truth)
