from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import add_missing, count_as_wrong, make_truth, read_predictions, write_predictions
from dermbench.errors import InputError

KINDS = {"ack": "benign", "bcc": "malignant", "mel": "malignant", "nev": "benign"}
CLASSES = tuple(KINDS)
LABELS = ["nev", "nev", "ack", "bcc", "bcc", "mel"]
FST = [1, 6, None, 6, 1, 6]


def truth_of(**about):
    table = pd.DataFrame({"image_id": list("abcdef"), "label": LABELS, "fst": FST})
    return make_truth(table, classes=CLASSES, **about)


def filled(table, truth):
    made = add_missing(read_predictions(table, truth, partial=True), truth, source="p.csv")
    return count_as_wrong(made, truth)


def test_a_missing_melanoma_is_also_a_missed_malignancy():
    table = pd.DataFrame({"image_id": list("abcd"), **{f"prob_{name}": 0.25 for name in CLASSES}})
    made = filled(table, truth_of(malignancy=KINDS))
    # e is bcc, f is mel: nev is the commonest benign class, and gets two of the three shares
    assert made.y_pred.tolist() == [0, 0, 0, 0, 3, 3]
    share = (1 - 1e-6) / 3
    np.testing.assert_allclose(made.y_prob[4], [share, 0, 1e-6, 2 * share], atol=1e-15)
    np.testing.assert_allclose(made.y_prob[5], [share, 1e-6, 0, 2 * share], atol=1e-15)
    assert made.interpreted == ()
    assert made.unanswered.sentence() == (
        "2 of 6 answers have no prediction (2); they count as wrong; by skin type: "
        "I-II 50 % (1 of 2), V-VI 33 % (1 of 3), unknown 0 % (0 of 1)."
    )
    groups = {name: int(rows.sum()) for name, rows in made.unanswered.groups()["fst"].items()}
    assert groups == {"I": 2, "VI": 3, "unknown": 1}


def test_without_malignancy_the_commonest_other_class_is_predicted():
    table = pd.DataFrame({"image_id": list("bcdef"), **{f"prob_{name}": 0.25 for name in CLASSES}})
    made = filled(table, truth_of())
    np.testing.assert_allclose(made.y_prob[0], [0.25, 0.5, 0.25, 0], atol=1e-15)
    assert made.y_pred[0] == 1
    assert made.n_tied == 5


def test_labels_and_rows_without_a_value():
    table = pd.DataFrame({"image_id": list("abcdef"), "pred": ["", "ack", None, " ", "mel", "mel"]})
    made = filled(table, truth_of(malignancy=KINDS))
    assert made.y_pred.tolist() == [1, 0, 1, 3, 2, 2]
    assert made.y_prob is None
    assert made.unanswered.counts() == {"missing": 3, "refused": 0, "unparsable": 0}
    assert made.unanswered.absent.tolist() == [True, False, True, True, False, False]


def test_nothing_is_said_where_nothing_is_missing():
    table = pd.DataFrame({"image_id": list("abcdef"), "pred": "ack"})
    made = filled(table, truth_of())
    assert made.interpreted == ()
    assert (made.no_answer, made.unanswered) == (None, None)
    assert made.digest == read_predictions(table, truth_of()).digest


def test_a_file_without_any_prediction_is_refused():
    with pytest.raises(InputError, match="no image of the truth has a prediction"):
        filled(pd.DataFrame({"image_id": ["a"], "pred": [None]}), truth_of())


def test_other_problems_are_refused_as_ever():
    table = pd.DataFrame({"image_id": ["a", "a", "z"], "pred": ["ack", "ack", "wart"]})
    with pytest.raises(InputError) as caught:
        filled(table, truth_of())
    assert len(caught.value.problems) == 3


@settings(max_examples=40)
@given(st.data(), st.integers(2, 6), st.booleans())
def test_a_missing_prediction_is_wrong_and_last_for_its_class(data, n_classes, with_kinds):
    classes = [f"c{i}" for i in range(n_classes)]
    labels = data.draw(st.lists(st.sampled_from(classes), min_size=2, max_size=12))
    kinds = {name: "malignant" if i % 2 else "benign" for i, name in enumerate(classes)} if with_kinds else {}
    ids = [f"{i:02d}" for i in range(len(labels))]
    truth = make_truth(pd.DataFrame({"image_id": ids, "label": labels}), classes=classes, malignancy=kinds)
    given_ids = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    table = pd.DataFrame({"image_id": given_ids, **{f"prob_{name}": 1 / n_classes for name in classes}})
    made = filled(table, truth)
    absent = ~np.isin(ids, given_ids)
    assert (made.y_pred != truth.y_true)[absent].all()
    np.testing.assert_array_equal(made.y_pred, made.y_prob.argmax(axis=1))
    np.testing.assert_allclose(made.y_prob.sum(axis=1), 1, atol=1e-12)
    for row in np.flatnonzero(absent):
        others = np.delete(made.y_prob[row], truth.y_true[row])
        assert made.y_prob[row, truth.y_true[row]] == 0 < others.min()
        assert (made.y_prob[row] == made.y_prob[row].max()).sum() == 1
        if with_kinds:
            assert (made.y_pred[row] - truth.y_true[row]) % 2 == 1


MIXED = {"image_id": list("abcdef"), "pred": ["nev", None, "ack", "bcc", "", "mel"],
         "no_answer": ["", "Refused", None, None, " unparsable ", None]}  # fmt: skip


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_reasons_survive_writing_and_reading(tmp_path, name, kind):
    truth = truth_of(malignancy=KINDS)
    made = read_predictions(pd.DataFrame(MIXED), truth)
    if kind == "probabilities":
        prob = np.where((made.y_pred < 0)[:, None], np.nan, np.eye(4)[made.y_pred])
        made = replace(made, y_prob=prob)
    assert made.no_answer.tolist() == [None, "refused", None, None, "unparsable", None]
    assert made.y_pred.tolist() == [3, -1, 0, 1, -1, 2]
    assert made.n_tied == 0
    write_predictions(tmp_path / name, made)
    again = read_predictions(tmp_path / name, truth)
    assert again.digest == made.digest
    assert again.no_answer.tolist() == made.no_answer.tolist()
    np.testing.assert_array_equal(again.y_pred, made.y_pred)
    filled = count_as_wrong(again, truth)
    assert filled.y_pred.tolist() == [3, 1, 0, 1, 3, 2]  # b is nev: bcc leads the malignant classes; e is bcc: nev
    assert count_as_wrong(filled, truth) is filled
    assert filled.unanswered.counts() == {"missing": 0, "refused": 1, "unparsable": 1}
    assert made.answered().image_id.tolist() == list("acdf")


def test_a_file_written_without_the_truth_holds_nothing_of_it(tmp_path):
    one, other = truth_of(), make_truth(pd.DataFrame({"image_id": list("abcdef"), "label": LABELS[::-1]}))
    written = [read_predictions(pd.DataFrame(MIXED), truth).table() for truth in (one, other)]
    pd.testing.assert_frame_equal(*written)


def test_missing_images_join_those_with_a_reason():
    table = pd.DataFrame(MIXED).drop(index=[0, 3])
    truth = truth_of()
    with pytest.raises(InputError, match="2 missing image_id: 'a', 'd'"):
        read_predictions(table, truth)
    made = add_missing(read_predictions(table, truth, partial=True), truth, source="p.csv")
    assert made.no_answer.tolist() == ["missing", "refused", None, "missing", "unparsable", None]
    assert "were refused (1) or could not be read (1) or have no prediction (2)" in (
        count_as_wrong(made, truth).unanswered.sentence()
    )


def test_a_model_that_answers_nothing_is_scored():
    table = pd.DataFrame({"image_id": list("abcdef"), "pred": None, "no_answer": "refused"})
    made = count_as_wrong(read_predictions(table, truth_of()), truth_of())
    assert not (made.y_pred == truth_of().y_true).any()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"no_answer": ["", "declined", None, None, "refused", None]},
         "'no_answer' is 'declined' for image_id 'b'; a reason is missing, refused, unparsable, and empty"),
        ({"pred": ["nev", "nev", "ack", "bcc", "", "mel"]}, "'no_answer' beside a prediction for image_id 'b'"),
        ({"no_answer": None}, "no prediction for image_id 'b', 'e'"),
    ],
)  # fmt: skip
def test_a_reason_is_one_of_three_and_stands_alone(changed, problem):
    with pytest.raises(InputError) as caught:
        read_predictions(pd.DataFrame(MIXED).assign(**changed), truth_of())
    assert problem in str(caught.value)
