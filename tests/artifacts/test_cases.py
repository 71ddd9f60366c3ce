import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermbench.artifacts import find_cases, make_predictions, make_truth, read_predictions
from dermbench.errors import UsageError

CLASSES = ("x", "y")
IMAGES = {
    "image_id": list("abcdef"),
    "label": ["x", "x", "y", "y", "y", "x"],
    "lesion_id": ["L2", "L2", "L1", "L1", "L1", None],
    "patient_id": ["P1", "P1", "P1", None, "P1", "P2"],
    "duplicate_group": ["d1", "d2", "d1", None, None, None],
    "fst": [3, None, 1, 2, 2, 6],
    "age": [40, 42, 50, None, 51, None],
    "sex": ["f", "f", "m", "m", "m", None],
}
PROB = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])


def truth_of(**changes):
    return make_truth(pd.DataFrame(IMAGES | changes), classes=CLASSES)


def test_cases_of_a_truth_by_hand():
    cases = find_cases(truth_of(), "lesion_id")
    table = cases.truth.table
    assert table["image_id"].tolist() == ["L1", "L2", "image f"]
    assert table["label"].tolist() == ["y", "x", "x"]
    assert table["fst"].isna().tolist() == [True, False, False]
    assert table["fst"].tolist()[1:] == [3, 6]
    assert table["fst_band"].tolist() == ["I-II", "III-IV", "V-VI"]
    assert table["age"].tolist()[:2] == [50.5, 41]
    assert table["patient_id"].tolist() == ["P1", "P1", "P2"]
    assert "duplicate_group" not in table
    assert cases.code.tolist() == [1, 1, 0, 0, 0, 2]
    assert cases.conflicts == {"fst": 1}
    assert cases.truth.unit.tolist() == [0, 0, 1]


def test_the_mean_probability_of_a_case():
    cases = find_cases(truth_of(), "lesion_id")
    made = cases.combine(make_predictions(IMAGES["image_id"], PROB, CLASSES), ["fst", "sex", "fst"])
    np.testing.assert_allclose(made.y_prob, [[1.4 / 3, 1.6 / 3], [0.65, 0.35], [0.5, 0.5]], atol=1e-15)
    assert made.y_pred.tolist() == [1, 0, 0]
    assert made.image_id.tolist() == cases.truth.image_id.tolist()
    assert made.interpreted == (
        "6 images scored as 3 cases by lesion_id (mean probability).",
        "Images without lesion_id, each a case of its own: 1.",
        "Cases whose images differ in fst, which is unknown for them: 1.",
    )


def test_the_majority_of_labels_and_its_ties():
    table = pd.DataFrame({"image_id": list("abcdef"), "pred": ["y", "x", "y", "y", "x", "y"]})
    made = find_cases(truth_of(), "lesion_id").combine(read_predictions(table, truth_of()))
    assert made.y_pred.tolist() == [1, 0, 1]
    assert made.y_prob is None
    assert made.interpreted[0].endswith("(majority of the predicted classes; ties: 1).")


def test_patients_are_cases_where_all_their_images_agree():
    cases = find_cases(truth_of(label=["x", "x", "x", "y", "x", "y"]), "patient_id")
    assert cases.truth.image_id.tolist() == ["P1", "P2", "image d"]
    assert "lesion_id" not in cases.truth.table
    assert cases.conflicts == {"fst": 1, "fst_band": 1, "sex": 1}


def test_cases_that_contradict_themselves_are_all_named():
    truth = truth_of(label=["x", "y", "y", "x", "y", "x"], patient_id=["P1", "P2", "P1", "P1", "P1", "P2"])
    with pytest.raises(UsageError) as caught:
        find_cases(truth, "lesion_id")
    assert "lesion_id with more than one label: 'L1', 'L2'; " in caught.value.message
    assert "lesion_id with more than one patient_id: 'L2'" in caught.value.message


@pytest.mark.parametrize(
    ("column", "message"),
    [("sex", "put together by lesion_id or patient_id"), ("patient_id", "the truth has no patient_id")],
)
def test_columns_that_are_no_cases(column, message):
    with pytest.raises(UsageError, match=message):
        find_cases(truth_of(patient_id=None), column)


def test_unknown_spellings_do_not_contradict_a_value():
    frame = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "label": CLASSES[0],
            "lesion_id": ["l", "l", "m", "m"],
            "sex": ["female", "N/A", "unknown", "male"],
            "age": ["AGE_30", "AGE_30", "AGE_40", "unknown"],
        }
    )
    table = find_cases(make_truth(frame, classes=CLASSES), "lesion_id").truth.table
    assert table["sex"].tolist() == ["female", "male"]
    assert table["age"].tolist() == ["AGE_30", "AGE_40"]


@given(st.data())
def test_cases_of_one_image_change_nothing_but_the_names(data):
    n = data.draw(st.integers(2, 8))
    labels = data.draw(st.lists(st.sampled_from(CLASSES), min_size=n, max_size=n))
    lesions = data.draw(st.permutations([f"L{i}" for i in range(n)]))
    ids = [f"i{i}" for i in range(n)]
    truth = make_truth(pd.DataFrame({"image_id": ids, "label": labels, "lesion_id": lesions}), classes=CLASSES)
    prob = np.random.default_rng(n).dirichlet(np.ones(2), size=n)
    cases = find_cases(truth, "lesion_id")
    made = cases.combine(make_predictions(ids, prob, CLASSES))
    order = np.argsort(lesions)
    np.testing.assert_array_equal(made.y_prob, prob[order])
    np.testing.assert_array_equal(cases.truth.y_true, truth.y_true[order])
