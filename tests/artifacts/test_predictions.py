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
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.tab, \.xlsx or \.parquet"):
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


def probabilities(truth, change=lambda prob: prob, digits=None):
    prob = change(np.random.default_rng(3).dirichlet(np.ones(3), size=4))
    columns = {f"prob_{name}": prob[:, k] for k, name in enumerate(CLASSES)}
    frame = pd.DataFrame({"image_id": truth.image_id, **columns})
    return frame if digits is None else frame.round(digits)


def with_text(frame, form):
    return frame.assign(**{name: frame[name].map(form) for name in frame.columns[1:]})


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda f: with_text(f, lambda p: 100 * p), {}, "Probabilities read from percent."),
        (lambda f: with_text(f, lambda p: f"{100 * p:.4f} %"), {}, "Probabilities read from percent."),
        (lambda f: with_text(f, lambda p: f"{100 * p:.1f}%"), {}, "Probabilities read from percent."),
        (lambda f: with_text(f, lambda p: np.log(p) - 7), {"logits": True}, "softmax of the given logits"),
        (lambda f: f.assign(prediction=CLASSES[1]), {}, None),
        (lambda f: f.assign(score=0.5), {}, "Left out beside the prob_ columns: 'score'."),
        (lambda f: f.assign(True_Label="acne"), {}, "Left out beside the prob_ columns: 'True_Label'."),
        (lambda f: f.rename(columns=str.upper), {}, None),
        (lambda f: f.rename(columns=lambda c: c.replace("prob_", "")).assign(pred="NA"), {}, None),
    ],
)
def test_scores_in_other_forms(truth, tmp_path, change, options, said):
    plain = read_predictions(probabilities(truth), truth)
    frame = change(probabilities(truth))
    for column in {"prediction", "pred"} & set(frame):
        frame[column] = np.array(CLASSES)[plain.y_pred]
    read = read_predictions(written(tmp_path, frame), truth, **options)
    np.testing.assert_allclose(read.y_prob, plain.y_prob, atol=2e-3)
    np.testing.assert_array_equal(read.y_pred, plain.y_pred)
    assert (said or "") in " ".join(read.interpreted)


def test_decimal_commas_where_the_separator_is_another(truth, tmp_path):
    probabilities(truth).to_csv(tmp_path / "p.csv", sep=";", decimal=",", index=False)
    read = read_predictions(tmp_path / "p.csv", truth)
    np.testing.assert_array_equal(read.y_prob, read_predictions(probabilities(truth), truth).y_prob)
    assert read.interpreted == ("p.csv: fields separated by ';'.", "Decimal commas read.")
    quoted = with_text(probabilities(truth), lambda p: f"{p:.9f}".replace(".", ","))
    with pytest.raises(InputError, match="no number"):
        read_predictions(written(tmp_path, quoted), truth)


REFUSED = {
    "logits": (lambda f: with_text(f, np.log), {}, "outside of 0 to 1", "--logits"),
    "logits above 0": (lambda f: with_text(f, lambda p: 1 + p), {}, "outside of 0 to 1", "--logits"),
    "sigmoids": (lambda f: with_text(f, lambda p: p**0.3), {}, "do not sum to 1", "--logits"),
    "probabilities as logits": (lambda f: f, {"logits": True}, "every row sums to 1", "Leave out --logits"),
    "classes as logits": (lambda f: f[["image_id"]].assign(pred="NA"), {"logits": True}, "--logits needs", ""),
    "two digits": (
        lambda f: with_text(f, lambda p: np.floor(100 * p) / 100),
        {},
        "do not sum to 1",
        "all their digits",
    ),
    "percent but for a row": (
        lambda f: with_text(halved(f), lambda p: 100 * p),
        {},
        "outside of 0 to 1",
        "--logits",
    ),
    "percent signs but for a row": (
        lambda f: with_text(halved(f), lambda p: f"{100 * p:.3f}%"),
        {},
        "sum to 100",
        "",
    ),
    "another class beside": (lambda f: f.assign(pred="acne"), {}, "'pred' is not the class with the highest", ""),
    "lists": (lambda f: f[["image_id"]].assign(probs="[0.2 0.3 0.5]"), {}, "'probs' holds lists", ""),
    "tuples": (lambda f: f[["image_id"]].assign(out="(0.2, 0.8)"), {}, "'out' holds lists", ""),
    "true class and a score": (
        lambda f: f[["image_id"]].assign(label="acne", score=0.5),
        {},
        "'label' beside 'score' could be the true class",
        "",
    ),
    "both spellings": (lambda f: f.assign(acne=0.5), {}, "unexpected column 'acne' beside the prob_ columns", ""),
    "truth values": (lambda f: with_text(f, lambda p: p > 0.5), {}, "no number", ""),
    "skin type": (lambda f: f.assign(fst=3), {}, "unexpected column 'fst'", ""),
}


def halved(frame):
    return frame.assign(
        **{name: frame[name].where(frame.index != 0, frame[name] / 2) for name in frame.columns[1:]}
    )


@pytest.mark.parametrize(("change", "options", "problem", "remedy"), REFUSED.values(), ids=REFUSED)
def test_scores_that_are_not_guessed(truth, tmp_path, change, options, problem, remedy):
    for source in (change(probabilities(truth)), written(tmp_path, change(probabilities(truth)))):
        with pytest.raises(InputError) as caught:
            read_predictions(source, truth, **options)
        assert problem in str(caught.value)
        assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize("column", ["confidence", "Score", "max_prob", "label", "y_true", "filename"])
def test_columns_beside_the_predicted_class_are_left_out_and_said(truth, tmp_path, column):
    frame = pd.DataFrame({"image_id": truth.image_id, "pred": "acne", column: "0.5"})
    read = read_predictions(written(tmp_path, frame), truth)
    assert read.y_pred.tolist() == [0] * 4
    assert read.interpreted == (f"Left out beside 'pred': {column!r}.",)


@pytest.mark.parametrize("header", ["pred", "prob_"])
def test_class_numbers_are_read_only_when_the_order_of_names_is_given(truth, tmp_path, header):
    if header == "pred":
        frame = pd.DataFrame({"image_id": truth.image_id, "pred": [2, 0, 1, 2]})
        names = frame.assign(pred=["NA", "acne", "basal-cell-carcinoma", "NA"])
    else:
        names = probabilities(truth)
        frame = names.set_axis(["image_id", "prob_0", "prob_1", "prob_2"], axis=1)
    path = written(tmp_path, frame)
    read = read_predictions(path, truth, indices=True)
    assert read.digest == read_predictions(names, truth).digest
    assert read.interpreted == ("Class numbers 0 to 2 read as acne, basal-cell-carcinoma, NA.",)
    with pytest.raises(InputError, match="--classes"):
        read_predictions(path, truth)


@pytest.mark.parametrize(
    "numbers", [[1, 2, 3, 1], [1, 2, 2, 1], [0, 1, 2, 3], [0, "acne", 1, 2], ["0.5", 0, 1, 2]]
)
def test_other_numbers_are_no_class_numbers(truth, numbers):
    frame = pd.DataFrame({"image_id": truth.image_id, "pred": numbers})
    with pytest.raises(InputError, match="unknown class"):
        read_predictions(frame, truth, indices=True)


def test_classes_that_are_numbers_are_names_first():
    table = pd.DataFrame({"image_id": ["a", "b"], "label": ["1", "0"]})
    read = read_predictions(
        table.rename(columns={"label": "pred"}), make_truth(table, classes=["1", "0"]), indices=True
    )
    assert read.y_pred.tolist() == [0, 1]
    assert read.interpreted == ()


def test_the_column_of_ids_can_be_named(truth, tmp_path):
    path = written(tmp_path, pd.DataFrame({"file": truth.image_id, "image_id": range(4), "pred": "acne"}))
    read = read_predictions(path, truth, id_column="file")
    assert read.interpreted == ("Left out beside 'pred': 'image_id'.",)
    with pytest.raises(UsageError, match="no column 'none' for the ids"):
        read_predictions(path, truth, id_column="none")
    with pytest.raises(InputError, match=r"unnamed index column left out(.|\n)*--id COL"):
        read_predictions(written(tmp_path, pd.DataFrame({"": [0, 1], "pred": "acne"})), truth)


def test_a_data_frame_gets_the_messages_of_a_file(truth):
    with pytest.raises(InputError) as caught:
        read_predictions(rows(truth).iloc[1:].assign(prob_acne=2), truth)
    assert str(caught.value).startswith("<DataFrame>: 2 problems")
    twice = pd.concat([rows(truth), rows(truth)[["prob_acne"]]], axis=1)
    with pytest.raises(InputError, match="repeated columns: 'prob_acne'"):
        read_predictions(twice, truth)
