"""The report as a whole."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score
from statsmodels.stats.inter_rater import cohens_kappa

from dermbench.artifacts import Predictions, Report, make_predictions
from dermbench.artifacts.truth import make_truth
from dermbench.errors import UsageError
from dermbench.evaluation import evaluate
from dermbench.evaluation.disparity.documents import CONTRACT

FEW = {"n_resamples": 99}
CLASSES = ("nevus", "melanoma", "acne", "eczema")


def drawn(n=200, seed=0, **columns):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 4, n)
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), y_true] += 1.5
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = [f"image {k}" for k in range(n)]
    fst = rng.choice([1, 2, 3, 4, 5, 6, -1], n)
    table = pd.DataFrame({"image_id": ids, "label": [CLASSES[i] for i in y_true], "fst": fst, **columns})
    return table, ids, y_prob


def cells_of(block):
    """All cells anywhere in nested JSON values."""
    if isinstance(block, dict):
        if "value" in block:
            yield block
        for item in block.values():
            yield from cells_of(item)


@pytest.fixture(scope="module")
def report():
    table, ids, y_prob = drawn()
    return evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)


def test_keys_of_the_contract(report):
    document = report.document()
    contract = {"schema", "task", "split", "n", "classes", "provenance", "overall", "per_class", "confusion"}
    assert contract | {"calibration", "features", "notes"} == set(document)
    assert document["n"] == 200
    assert {"accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1", "cohen_kappa", "mcc"} <= set(
        document["overall"]
    )
    assert set(document["per_class"]) == set(CLASSES)
    assert {"precision", "recall", "f1", "support"} <= set(document["per_class"]["acne"])
    assert list(document["features"]) == ["fst", "fst_band"]
    assert set(document["features"]["fst"]["groups"]) == {"I", "II", "III", "IV", "V", "VI", "unknown"}
    assert {"difference", "ratio", "best_group", "worst_group"} <= set(
        document["features"]["fst_band"]["disparities"]["accuracy"]
    )


def test_kappa_has_the_standard_error_of_statsmodels_overall_and_in_groups(report):
    table, _, y_prob = drawn()
    document = report.document()
    codes = table["label"].map(CLASSES.index).to_numpy(), y_prob.argmax(axis=1)
    for rows, block in [
        (slice(None), document["overall"]),
        *((table["fst"] == t, document["features"]["fst"]["groups"][name]) for t, name in ((1, "I"), (6, "VI"))),
    ]:
        matrix = np.zeros((4, 4))
        np.add.at(matrix, (codes[0][rows], codes[1][rows]), 1)
        found, expected = block["cohen_kappa"], cohens_kappa(matrix)
        assert found["value"] == pytest.approx(expected.kappa, abs=1e-6)
        assert found["se"]["value"] == pytest.approx(expected.std_kappa, abs=1e-6)
        assert found["se"]["n"] == found["n"]


def test_kappa_has_no_standard_error_where_images_share_units_or_a_class_is_alone():
    table, ids, y_prob = drawn(patient_id=[f"p{k // 2}" for k in range(200)])
    shared = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    assert "share units" in shared.document()["overall"]["cohen_kappa"]["se"]["reason"]
    only = table.assign(label="acne").drop(columns="patient_id")
    certain = np.tile([0.0, 0.0, 1.0, 0.0], (200, 1))
    alone = evaluate(make_predictions(ids, certain, CLASSES), make_truth(only, classes=CLASSES), **FEW)
    assert alone.document()["overall"]["cohen_kappa"]["se"]["value"] is None


def test_every_cell_has_a_value_with_n_or_a_reason(report):
    document = report.document()
    groups = [feature["groups"] for feature in document["features"].values()]
    cells = [cell for block in (document["overall"], document["per_class"], *groups) for cell in cells_of(block)]
    assert len(cells) > 100
    for cell in cells:
        if cell["value"] is None:
            assert cell["reason"]
        elif "low" in cell:
            assert cell["low"] <= cell["high"]
            assert cell["method"]


def test_disparities_have_all_keys_of_the_contract(report):
    for feature in report.document()["features"].values():
        for block in feature["disparities"].values():
            assert set(CONTRACT) <= set(block)
            if block["difference"] is None:
                assert block["reason"]
                continue
            assert 0 <= block["low"] <= block["difference"] <= block["high"]
            assert 0 < block["p_value"] <= 1
            assert block["null_median"] <= block["null_q95"]
            assert set(block["between_group_sd"]) == {"value", "low", "high", "method"}
            assert "fair" not in block["verdict"]


def test_probabilities_are_assessed_overall_and_by_group(report):
    calibration = report.document()["calibration"]
    assert set(calibration) == {"overall", "features", "reasons"}
    for block in (calibration["overall"], calibration["features"]["fst_band"]["I-II"]):
        assert block["confidence_gap"]["low"] < block["confidence_gap"]["high"]
        assert block["ece"]["null_median"] > 0
        assert 0 < block["aurc"]["value"] < 1
        assert len(block["curve"]) >= 2


def test_json_round_trip(report, tmp_path):
    report.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json").text() == report.text()
    assert "NaN" not in report.text()


def test_same_bytes_in_any_row_order(report):
    table, ids, y_prob = drawn()
    order = np.random.default_rng(9).permutation(len(ids))
    truth = make_truth(table.iloc[order[::-1]], classes=CLASSES)
    predictions = make_predictions([ids[k] for k in order], y_prob[order], CLASSES)
    assert evaluate(predictions, truth, **FEW).text() == report.text()


def test_provenance_has_no_time_and_no_machine(report):
    provenance = report.document()["provenance"]
    assert {
        "environment",
        "metric_versions",
        "n_resamples",
        "predictions_digest",
        "seed",
        "truth_digest",
        "unit",
    } <= set(provenance)
    assert set(provenance["metric_versions"]) == set(report.overall)
    assert provenance["truth_digest"].startswith("sha256:")


def test_labels_only_say_why_probabilities_are_missing():
    table, ids, y_prob = drawn()
    truth = make_truth(table, classes=CLASSES)
    order = np.argsort(np.array(ids))
    predictions = Predictions(truth.image_id, CLASSES, y_prob.argmax(axis=1)[order])
    report = evaluate(predictions, truth, **FEW).document()
    for name in ("log_loss", "brier", "auroc_ovr", "average_precision", "top3_accuracy"):
        assert report["overall"][name] == {"value": None, "reason": "needs probabilities"}
        assert report["features"]["fst"]["groups"]["V"][name]["reason"] == "needs probabilities"
        assert report["features"]["fst"]["disparities"][name]["difference"] is None
    assert report["overall"]["accuracy"]["value"] == pytest.approx((y_prob.argmax(1) == truth_codes(table)).mean())
    assert any("labels only" in note for note in report["notes"])


def truth_codes(table):
    return np.array([CLASSES.index(label) for label in table["label"]])


def test_metrics_that_need_a_mapping_or_an_order_appear_with_it():
    table, ids, y_prob = drawn()
    predictions = make_predictions(ids, y_prob, CLASSES)
    plain = evaluate(predictions, make_truth(table, classes=CLASSES), **FEW)
    assert not {"malignant_sensitivity", "kappa_linear"} & set(plain.overall)
    kinds = {"nevus": "benign", "melanoma": "malignant", "acne": "inflammatory", "eczema": "inflammatory"}
    full = evaluate(predictions, make_truth(table, classes=CLASSES, malignancy=kinds, ordered=True), **FEW)
    is_malignant, says_malignant = truth_codes(table) == 1, y_prob.argmax(axis=1) == 1
    cell = full.overall["malignant_sensitivity"]
    assert cell["value"] == pytest.approx(recall_score(is_malignant, says_malignant))
    assert cell["n"] == is_malignant.sum()
    assert full.overall["kappa_quadratic"]["value"] is not None
    half = evaluate(predictions, make_truth(table, classes=CLASSES, malignancy={"melanoma": "malignant"}), **FEW)
    assert "malignant_sensitivity" not in half.overall


def test_confusion_and_never_predicted_class():
    table = pd.DataFrame({"image_id": list("abcd"), "label": ["x", "x", "y", "z"]})
    truth = make_truth(table, classes=("x", "y", "z", "w"))
    report = evaluate(Predictions(truth.image_id, truth.classes, np.array([0, 1, 1, 1])), truth, **FEW).document()
    assert report["confusion"]["matrix"] == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert report["per_class"]["z"]["precision"] == {"value": None, "reason": "never predicted"}
    assert report["per_class"]["z"]["recall"]["value"] == 0
    assert report["per_class"]["z"]["f1"]["value"] == 0
    assert "interval: fewer than 10 true cases" in report["per_class"]["z"]["f1"]["reason"]
    assert report["per_class"]["w"]["f1"] == {"value": None, "reason": "not in the truth"}
    assert report["per_class"]["w"]["support"] == 0
    assert any("1 of 4 classes are not in the truth" in note and "w" in note for note in report["notes"])


def test_ids_or_classes_that_differ_are_refused():
    table, ids, y_prob = drawn()
    truth = make_truth(table, classes=CLASSES)
    with pytest.raises(UsageError, match="predictions have the classes"):
        evaluate(make_predictions(ids, y_prob, CLASSES[::-1]), truth)
    with pytest.raises(UsageError, match="not in both: 'image 0', 'zebra'"):
        evaluate(make_predictions(["zebra", *ids[1:]], y_prob, CLASSES), truth)
    with pytest.raises(UsageError, match="no sensitive feature 'sex'"):
        evaluate(make_predictions(ids, y_prob, CLASSES), truth, sensitive=["sex"])


def test_ties_are_counted():
    table, ids, y_prob = drawn()
    y_prob[:3] = 0.25
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    assert any(note.startswith("3 images have tied highest probabilities") for note in report.notes)


def test_unit_is_named():
    table, ids, y_prob = drawn()
    predictions = make_predictions(ids, y_prob, CLASSES)
    free = evaluate(predictions, make_truth(table, classes=CLASSES), **FEW)
    assert free.notes[0] == "No ids group the images: independence between images is assumed."
    grouped = table.assign(patient_id=[f"p{k // 4}" for k in range(200)], lesion_id=[f"l{k}" for k in range(200)])
    bound = evaluate(predictions, make_truth(grouped, classes=CLASSES), **FEW)
    assert bound.notes[0] == "Resampled by patient: 50 units, 200 images."
    assert bound.provenance["unit"] == {"column": "patient_id", "count": 50}


def test_number_of_workers_does_not_matter(report):
    table, ids, y_prob = drawn()
    again = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), workers=2, **FEW)
    assert again.text() == report.text()


def test_several_annotators_give_a_band_of_gaps():
    table, ids, y_prob = drawn()
    other = np.where(np.arange(200) % 3 == 0, table["fst"].clip(2, 6), table["fst"])
    table = table.assign(fst_centaur=other, fst_copy=table["fst"])
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW).document()
    assert set(report["features"]) == {"fst", "fst_band", "fst_centaur", "fst_copy"}
    found = report["features"]["fst"]["annotators"]
    assert found["labellings"] == ["fst", "fst_centaur"]
    assert found["agreement"][0]["exact"]["value"] == pytest.approx(
        (other == table["fst"])[table["fst"] > 0].mean()
    )
    band = found["sensitivity_band"]["accuracy"]
    gaps = {f: report["features"][f]["disparities"]["accuracy"]["difference"] for f in ("fst", "fst_centaur")}
    assert band["differences"]["fst"] == gaps["fst"]
    assert band["low"] <= min(gaps.values()) <= max(gaps.values()) <= band["high"]
    assert "agreement only" in band["verdicts"]


def two_splits(overlap=0, **columns):
    """Test and validation predictions with truth; the first ``overlap`` images are in both."""
    table, ids, y_prob = drawn()
    test = (
        make_predictions(ids, y_prob, CLASSES),
        make_truth(table.assign(**columns), classes=CLASSES, split="test"),
    )
    table, ids, y_prob = drawn(seed=1)
    ids = [*ids[:overlap], *(f"other {i}" for i in ids[overlap:])]
    table["image_id"] = ids
    return test, (make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES, split="val"))


def test_abstention_is_fitted_on_another_split_only():
    test, val = two_splits()
    found = evaluate(*test, validation=val, **FEW).document()["calibration"]["abstention"]
    assert "reasons" not in evaluate(*test, validation=val, **FEW).calibration
    assert found["threshold"]["split"] == "val"
    assert found["threshold"]["coverage"] >= 0.8
    assert found["overall"]["selective_risk"]["value"] < 0.5
    assert set(found["features"]["fst_band"]) == {"I-II", "III-IV", "V-VI", "unknown"}
    with pytest.raises(UsageError, match="share 200 image_id"):
        evaluate(*test, validation=test, **FEW)
    named_alike = val[0], replace(val[1], split="test")
    with pytest.raises(UsageError, match="the one that is scored"):
        evaluate(*test, validation=named_alike, **FEW)


def test_abstention_is_not_fitted_on_scored_images_under_another_name():
    test, val = two_splits(overlap=3)
    with pytest.raises(UsageError, match="share 3 image_id: 'image 0', 'image 1', 'image 2'"):
        evaluate(*test, validation=val, **FEW)
    fewer = Predictions(test[0].image_id[1:], CLASSES, test[0].y_pred[1:], test[0].y_prob[1:])
    rest = replace(test[1], table=test[1].table.iloc[1:].reset_index(drop=True), split="val")
    with pytest.raises(UsageError, match="share 199 image_id"):
        evaluate(*test, validation=(fewer, rest), **FEW)


def test_abstention_is_not_fitted_on_other_images_of_scored_patients():
    test, val = two_splits(patient_id=[f"p{k // 2}" for k in range(200)])
    assert evaluate(*test, validation=val, **FEW).calibration["abstention"]["overall"]
    patients = ["p7", "p7", None, *(f"q{k}" for k in range(197))]
    shared = val[0], replace(val[1], table=val[1].table.assign(patient_id=patients))
    with pytest.raises(UsageError, match="share 1 patient_id: 'p7'"):
        evaluate(*test, validation=shared, **FEW)


def test_intersections_with_small_cells_are_not_ranked():
    table, ids, y_prob = drawn(sex=["f", "m"] * 100)
    predictions, truth = make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES)
    feature = evaluate(predictions, truth, sensitive=["fst,sex"], **FEW).document()["features"]["fst,sex"]
    gap = feature["disparities"]["accuracy"]
    assert gap["difference"] is None
    assert "not ranked" in gap["reason"]
    assert gap["between_group_sd"]["value"] is not None
    assert gap["null_q95"] > 0
    assert all(part == {"value": None, "reason": gap["reason"]} for part in feature["parity"].values())


def test_how_little_dark_skin_can_tell_is_said():
    table, ids, y_prob = drawn()
    table["fst"] = [1] * 120 + [3] * 76 + [5] * 3 + [6]
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    assert "fst: types V and VI: 4 images; nothing can be said about dark skin." in report.notes
    assert report.features["fst"]["groups"]["VI"]["small"] is True
    assert report.features["fst"]["groups"]["I"]["small"] is False
    without = evaluate(
        make_predictions(ids, y_prob, CLASSES), make_truth(table.drop(columns="fst"), classes=CLASSES), **FEW
    )
    assert any("says nothing about differences between skin tones" in note for note in without.notes)


def test_many_mostly_empty_classes():
    """114 classes on 60 images, most (group, class) cells empty."""
    rng = np.random.default_rng(3)
    classes = tuple(f"class {i:03d}" for i in range(114))
    y_true = rng.integers(0, 114, 60)
    ids = [f"i{k}" for k in range(60)]
    table = pd.DataFrame({"image_id": ids, "label": [classes[i] for i in y_true], "fst": rng.integers(1, 7, 60)})
    y_prob = rng.dirichlet(np.ones(114), 60)
    report = evaluate(make_predictions(ids, y_prob, classes), make_truth(table, classes=classes), **FEW).document()
    assert math.isfinite(report["overall"]["macro_f1"]["value"])
    gap = report["features"]["fst"]["disparities"]["macro_f1"]
    assert gap["difference"] is None
    assert "not estimable" in gap["reason"]
    json.dumps(report, allow_nan=False)


def test_a_group_names_the_classes_its_macro_averages_leave_out():
    table, ids, y_prob = drawn()
    table["fst"] = np.where(table["label"].isin(["acne", "eczema"]), 1, np.arange(200) % 2 + 1)
    truth = make_truth(table, classes=CLASSES)
    report = evaluate(make_predictions(ids, y_prob, CLASSES), truth, sensitive=["fst"], **FEW)
    groups = report.features["fst"]["groups"]
    assert groups["II"]["classes_absent"] == ["acne", "eczema"]
    assert "classes_absent" not in groups["I"]
    rows = (table["fst"] == 2).to_numpy()
    y_true = table["label"].map(CLASSES.index).to_numpy()  # the rows of a truth are in the order of its ids
    recalls = recall_score(y_true[rows], y_prob[rows].argmax(axis=1), labels=[0, 1], average=None)
    assert groups["II"]["balanced_accuracy"]["value"] == pytest.approx(recalls.mean())


def test_a_curve_without_points_says_why():
    table, ids, y_prob = drawn()
    table["fst"] = [1] * 161 + [2] * 39
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    enough, few = (report.calibration["features"]["fst"][name] for name in ("I", "II"))
    assert few["curve"] == []
    assert few["reasons"] == {"curve": "39 images, bins need 40"}
    assert enough["curve"]
    assert "reasons" not in enough
