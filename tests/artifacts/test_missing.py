import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import fill_missing, make_truth, read_predictions
from dermbench.errors import InputError

KINDS = {"ack": "benign", "bcc": "malignant", "mel": "malignant", "nev": "benign"}
CLASSES = tuple(KINDS)
LABELS = ["nev", "nev", "ack", "bcc", "bcc", "mel"]
FST = [1, 6, None, 6, 1, 6]


def truth_of(**about):
    table = pd.DataFrame({"image_id": list("abcdef"), "label": LABELS, "fst": FST})
    return make_truth(table, classes=CLASSES, **about)


def filled(table, truth):
    return fill_missing(read_predictions(table, truth, partial=True), truth, source="p.csv")


def test_a_missing_melanoma_is_also_a_missed_malignancy():
    table = pd.DataFrame({"image_id": list("abcd"), **{f"prob_{name}": 0.25 for name in CLASSES}})
    made = filled(table, truth_of(malignancy=KINDS))
    # e is bcc, f is mel: nev is the commonest benign class, and gets two of the three shares
    assert made.y_pred.tolist() == [0, 0, 0, 0, 3, 3]
    share = (1 - 1e-6) / 3
    np.testing.assert_allclose(made.y_prob[4], [share, 0, 1e-6, 2 * share], atol=1e-15)
    np.testing.assert_allclose(made.y_prob[5], [share, 1e-6, 0, 2 * share], atol=1e-15)
    assert made.interpreted == (
        "2 of 6 images have no prediction and count as wrong (by skin type: I 1 of 2, VI 1 of 3).",
    )
    assert made.missing.groups == {"I": (1, 2), "VI": (1, 3), "unknown": (0, 1)}


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
    assert (made.missing.n, made.missing.of) == (3, 6)


def test_nothing_is_said_where_nothing_is_missing():
    table = pd.DataFrame({"image_id": list("abcdef"), "pred": "ack"})
    made = filled(table, truth_of())
    assert made.interpreted == ()
    assert made.missing.n == 0
    assert made.digest == read_predictions(table, truth_of()).digest


def test_a_file_without_any_prediction_is_refused():
    with pytest.raises(InputError, match="no image of the truth has a prediction"):
        filled(pd.DataFrame({"image_id": ["a"], "pred": [None]}), truth_of())


def test_other_problems_are_refused_as_ever():
    table = pd.DataFrame({"image_id": ["a", "a", "z"], "pred": ["ack", "ack", "wart"]})
    with pytest.raises(InputError) as caught:
        filled(table, truth_of())
    assert len(caught.value.problems) == 3


@settings(deadline=None, max_examples=40)
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
