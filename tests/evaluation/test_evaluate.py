"""The report as a whole."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from sklearn.metrics import recall_score
from statsmodels.stats.inter_rater import cohens_kappa

from dermbench.artifacts import Predictions, Report, make_predictions
from dermbench.artifacts.report import Cell, Disparity, Primary, Undefined, Unit, verdict_kind
from dermbench.artifacts.truth import make_truth
from dermbench.errors import UsageError
from dermbench.evaluation import METRICS, evaluate

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


def cells_of(item):
    """All cells anywhere in a record or in dicts of records."""
    if isinstance(item, Cell):
        yield item
        return
    fields = dict(item) if isinstance(item, dict | BaseModel) else {}
    for part in fields.values():
        yield from cells_of(part)


@pytest.fixture(scope="module")
def report():
    table, ids, y_prob = drawn()
    return evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)


def test_keys_that_outsiders_rely_on(report):
    document = report.document()
    assert set(document) == {
        "schema", "task", "split", "n", "classes", "model", "provenance", "summary", "overall", "per_class",
        "class_extremes", "confusion", "calibration", "positive", "primary", "family", "features", "without_twins",
        "operating_points", "clinical", "adjusted", "skin_type_error", "no_answer", "notes",
    }  # fmt: skip
    assert document["schema"] == "dermbench.report/2"
    assert document["n"] == 200
    assert {"accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1", "cohen_kappa", "mcc"} <= set(
        document["overall"]
    )
    assert set(document["per_class"]) == set(CLASSES)
    assert set(document["per_class"]["acne"]) == {"precision", "recall", "f1", "support"}
    assert list(document["features"]) == ["fst", "fst_band"]
    feature = document["features"]["fst"]
    assert set(feature) == {
        "role", "ordered", "unit", "unknown_n", "annotators", "groups", "disparities", "screen", "parity",
    }  # fmt: skip
    assert set(feature["groups"]) == {"I", "II", "III", "IV", "V", "VI", "unknown"}
    assert {"n", "units", "small", "accuracy"} <= set(feature["groups"]["VI"])
    row = document["features"]["fst_band"]["disparities"]["accuracy"]
    assert set(row) == {
        "gap", "low", "high", "chance", "p_value", "role", "overlap", "not_comparable", "n_classes", "n_groups",
        "contrast", "raw", "between_group_sd", "verdict",
    }  # fmt: skip
    assert set(row["contrast"]) == {"first", "second", "kind", "value", "low", "high"}
    assert set(row["raw"]) == {"difference", "ratio", "best_group", "worst_group"}
    assert set(row["verdict"]) == {"kind", "margin", "text"}
    acne = feature["screen"]["acne"]
    assert set(acne["cells"]["VI"]) == {"k", "n", "low", "high", "q", "thin"}
    assert set(acne["worst"]) == {"groups", "k", "n", "rest_k", "rest_n", "q"}


def test_kappa_is_that_of_statsmodels_overall_and_in_groups(report):
    table, _, y_prob = drawn()
    y_true, y_pred = truth_codes(table), y_prob.argmax(axis=1)
    groups = report.features["fst"].groups
    for rows, cells in [
        (slice(None), report.overall),
        *((table["fst"] == t, groups[name].cells) for t, name in ((1, "I"), (6, "VI"))),
    ]:
        matrix = np.zeros((4, 4))
        np.add.at(matrix, (y_true[rows], y_pred[rows]), 1)
        found = cells["cohen_kappa"]
        assert found.value == pytest.approx(cohens_kappa(matrix).kappa, abs=1e-6)
        assert found.low < found.value < found.high
        assert found.n == matrix.sum()


def test_every_cell_has_a_value_with_n_or_a_reason(report):
    cells = [*cells_of(report.overall), *cells_of(report.per_class)]
    for feature in report.features.values():
        cells += cells_of(feature.groups)
    assert len(cells) > 100
    for cell in cells:
        if cell.value is None:
            assert cell.reason
        elif cell.low is not None:
            assert cell.low <= cell.high
            assert cell.method
        else:
            assert cell.reason
        assert cell.value is None or cell.n >= 1


def test_rows_hold_what_the_protocol_says(report):
    rows = {
        (name, metric): row
        for name, feature in report.features.items()
        for metric, row in feature.disparities.items()
    }
    assert {metric for _, metric in rows} == set(report.overall)
    assert {key for key, row in rows.items() if isinstance(row, Disparity) and row.role == "primary"} == {
        ("fst", "accuracy")
    }
    for (name, metric), row in rows.items():
        if isinstance(row, Undefined):
            assert METRICS.get(metric).kind == "ranking"
            continue
        assert row.n_groups == {"fst": 6, "fst_band": 3}[name]
        assert row.n_classes == 4
        assert row.not_comparable == ()
        assert 0.5 < row.overlap <= 1
        assert row.chance > 0
        assert row.raw.difference >= 0
        if row.p_value is not None:
            assert 0 < row.p_value <= 1
            assert row.verdict.kind == verdict_kind(row.p_value, row.low, row.high, None)
        assert row.verdict is None or "fair" not in row.verdict.text
        assert (row.high is None) == (not METRICS.get(metric).is_mean or row.verdict is None)
        assert all(row.reasons.values())


def test_a_mean_has_no_drawn_gap_and_a_macro_average_has(report):
    rows = report.features["fst"].disparities
    assert not rows["accuracy"].drawn
    assert rows["macro_f1"].drawn


def test_the_questions_are_counted(report):
    tested = [
        row
        for feature in report.features.values()
        for row in feature.disparities.values()
        if isinstance(row, Disparity) and row.p_value is not None
    ]
    assert report.family.n_questions == len(tested)
    assert report.family.features == ("fst", "fst_band")
    assert "accuracy" in report.family.metrics
    assert "log_loss" not in report.family.metrics
    assert "times the number of features (2)" in report.family.adjustment
    assert report.primary == Primary(metric="accuracy", feature="fst")


def test_a_report_without_a_feature_asks_no_question():
    table, ids, y_prob = drawn()
    truth = make_truth(table.drop(columns="fst"), classes=CLASSES)
    report = evaluate(make_predictions(ids, y_prob, CLASSES), truth, **FEW)
    assert (report.primary, report.family, report.features) == (None, None, {})


def test_the_summary_begins_the_report(report):
    assert [sentence.kind for sentence in report.summary] == [
        "tested",
        "classes",
        "primary",
        "groups",
        "fails",
        "limits",
    ]
    assert "200 images" in report.summary[0].text
    assert report.class_extremes.best[0] in report.summary[1].text
    assert report.summary[2].text.startswith("Not settled: the gap in accuracy between skin types")


def test_probabilities_are_assessed_overall_and_by_group(report):
    calibration = report.calibration
    for block in (calibration.overall, calibration.features["fst_band"]["I-II"]):
        assert block.confidence_gap.low < block.confidence_gap.high
        assert block.ece.chance > 0
        assert 0 < block.aurc.value < 1
    assert len(calibration.overall.curve) >= 2
    assert calibration.features["fst_band"]["I-II"].curve == ()
    assert calibration.abstention == Undefined(reason="no validation predictions")


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
    assert set(report.document()["provenance"]) == {
        "environment", "interpreted", "metric_versions", "predictions_digest", "resamples", "seed", "truth_digest",
        "unit", "version",
    }  # fmt: skip
    assert (report.provenance.seed, report.provenance.resamples) == (0, 99)
    assert set(report.provenance.metric_versions) == set(report.overall)
    assert report.provenance.truth_digest.startswith("sha256:")


def test_what_was_read_otherwise_reaches_the_report():
    table, ids, y_prob = drawn()
    predictions = replace(make_predictions(ids, y_prob, CLASSES), interpreted=("mapped", "filled"))
    report = evaluate(predictions, make_truth(table, classes=CLASSES), **FEW)
    assert report.provenance.interpreted == ("mapped", "filled")


def test_labels_only_say_why_probabilities_are_missing():
    table, ids, y_prob = drawn()
    truth = make_truth(table, classes=CLASSES)
    order = np.argsort(np.array(ids))
    predictions = Predictions(truth.image_id, CLASSES, y_prob.argmax(axis=1)[order])
    report = evaluate(predictions, truth, **FEW)
    for name in ("log_loss", "brier", "auroc_ovr", "average_precision", "top3_accuracy"):
        assert report.document()["overall"][name] == {"value": None, "reason": "needs probabilities"}
        assert report.features["fst"].groups["V"].cells[name].reason == "needs probabilities"
        assert report.features["fst"].disparities[name] == Undefined(reason="needs probabilities")
    assert report.overall["accuracy"].value == pytest.approx((y_prob.argmax(1) == truth_codes(table)).mean())
    assert report.calibration == Undefined(reason="needs probabilities")
    assert any("labels only" in note for note in report.notes)


def truth_codes(table):
    return np.array([CLASSES.index(label) for label in table["label"]])


def test_metrics_that_need_a_mapping_or_an_order_appear_with_it():
    table, ids, y_prob = drawn()
    predictions = make_predictions(ids, y_prob, CLASSES)
    plain = evaluate(predictions, make_truth(table, classes=CLASSES), **FEW)
    assert not {"sensitivity", "kappa_linear"} & set(plain.overall)
    kinds = {"nevus": "benign", "melanoma": "malignant", "acne": "inflammatory", "eczema": "inflammatory"}
    full = evaluate(predictions, make_truth(table, classes=CLASSES, malignancy=kinds, ordered=True), **FEW)
    is_malignant, says_malignant = truth_codes(table) == 1, y_prob.argmax(axis=1) == 1
    cell = full.overall["sensitivity"]
    assert cell.value == pytest.approx(recall_score(is_malignant, says_malignant), abs=1e-6)
    assert cell.n == is_malignant.sum()
    assert full.overall["kappa_quadratic"].value is not None
    half = evaluate(predictions, make_truth(table, classes=CLASSES, malignancy={"melanoma": "malignant"}), **FEW)
    assert "sensitivity" not in half.overall


def test_confusion_and_never_predicted_class():
    table = pd.DataFrame({"image_id": list("abcd"), "label": ["x", "x", "y", "z"]})
    truth = make_truth(table, classes=("x", "y", "z", "w"))
    made = evaluate(Predictions(truth.image_id, truth.classes, np.array([0, 1, 1, 1])), truth, **FEW)
    report = made.document()
    assert report["confusion"]["matrix"] == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert report["per_class"]["z"]["precision"] == {"value": None, "reason": "never predicted"}
    assert report["per_class"]["z"]["recall"]["value"] == 0
    assert report["per_class"]["z"]["f1"]["value"] == 0
    assert "interval: fewer than 10 true cases" in report["per_class"]["z"]["f1"]["reason"]
    assert report["per_class"]["w"]["f1"] == {"value": None, "reason": "not in the truth"}
    assert report["per_class"]["w"]["support"] == 0
    assert any("1 of 4 classes are not in the truth" in note and "w" in note for note in made.notes)


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
    assert bound.provenance.unit == Unit(column="patient_id", count=50)
    assert {feature.unit for feature in bound.features.values()} == {"patient_id"}
    fst = bound.features["fst"].groups["I"]
    assert fst.units == grouped.loc[grouped["fst"] == 1, "patient_id"].nunique()
    assert fst.n == (grouped["fst"] == 1).sum()


def test_number_of_workers_does_not_matter(report):
    table, ids, y_prob = drawn()
    again = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), workers=2, **FEW)
    assert again.text() == report.text()


def test_several_annotators_give_a_band_of_gaps():
    table, ids, y_prob = drawn()
    other = np.where(np.arange(200) % 3 == 0, table["fst"].clip(2, 6), table["fst"])
    table = table.assign(fst_centaur=other, fst_copy=table["fst"])
    predictions, truth = make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES)
    report = evaluate(predictions, truth, **FEW)
    assert set(report.features) == {"fst", "fst_band"}
    found = report.features["fst"].annotators
    assert found.columns == ("fst", "fst_centaur")  # a copy says nothing
    assert found.exact.value == pytest.approx((other == table["fst"])[table["fst"] > 0].mean(), abs=1e-6)
    alone = evaluate(predictions, truth, sensitive=["fst_centaur"], **FEW).features["fst_centaur"]
    gaps = [report.features["fst"].disparities["accuracy"].gap, alone.disparities["accuracy"].gap]
    assert (found.gap.min, found.gap.max) == (min(gaps), max(gaps))
    assert not found.gap.drawn
    assert "2 annotators give the same skin type" in report.summary[-1].text
    assert report.features["fst_band"].annotators is None


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
    found = evaluate(*test, validation=val, **FEW).calibration.abstention
    assert found.threshold.split == "val"
    assert found.threshold.coverage >= 0.8
    assert found.overall.selective_risk.value < 0.5
    assert set(found.features["fst_band"]) == {"I-II", "III-IV", "V-VI", "unknown"}
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
    assert evaluate(*test, validation=val, **FEW).calibration.abstention.overall.coverage.value > 0
    patients = ["p7", "p7", None, *(f"q{k}" for k in range(197))]
    shared = val[0], replace(val[1], table=val[1].table.assign(patient_id=patients))
    with pytest.raises(UsageError, match="share 1 patient_id: 'p7'"):
        evaluate(*test, validation=shared, **FEW)


def test_intersections_with_small_cells_are_not_ranked():
    table, ids, y_prob = drawn(sex=["f", "m"] * 100)
    predictions, truth = make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES)
    feature = evaluate(predictions, truth, sensitive=["fst,sex"], **FEW).features["fst,sex"]
    row = feature.disparities["accuracy"]
    assert feature.role == "intersection"
    assert row.raw is None
    assert "not ranked" in row.reasons["raw"]
    assert row.n_groups == 12
    assert row.between_group_sd.value is not None
    assert row.chance > 0
    assert feature.parity == Undefined(reason="not ranked: an intersection has fewer than 30 images")


def test_how_little_dark_skin_can_tell_is_said():
    table, ids, y_prob = drawn()
    table["fst"] = [1] * 120 + [3] * 76 + [5] * 3 + [6]
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    assert "fst: types V and VI: 4 images; nothing can be said about dark skin." in report.notes
    assert report.features["fst"].groups["VI"].small is True
    assert report.features["fst"].groups["I"].small is False


def test_no_skin_type_is_said_only_without_a_column_of_skin_tone():
    table, ids, y_prob = drawn(40)
    predictions = make_predictions(ids, y_prob, CLASSES)

    def said(**columns):
        truth = make_truth(table.drop(columns="fst").assign(**columns), classes=CLASSES)
        given = evaluate(predictions, truth, **FEW).notes
        return [note for note in given if note.startswith("No skin t")]

    looked = "fst*, fitzpatrick*, mst*, monk*, ita*, skin_type*, skin_tone*, skintone*"
    absent = f"No skin type is assessed: the truth has no column of skin tone (looked for {looked})."
    assert said() == [absent]
    assert said(age=40) == [absent]
    for column in ("monk_scale", "ITA", "skin_tone", "mst_centaur"):
        assert said(**{column: [3.0, 5.0] * 20}) == [
            f"No skin tone is assessed though the truth has {column}: name it with --sensitive."
        ]
    assert said(fst_centaur=[1, 5] * 20) == []
    named = make_truth(table.drop(columns="fst").assign(monk_scale=["1", "2"] * 20), classes=CLASSES)
    report = evaluate(predictions, named, sensitive=["monk_scale"], **FEW)
    assert not [note for note in report.notes if note.startswith("No skin t")]


def test_many_mostly_empty_classes():
    """114 classes on 60 images, most (group, class) cells empty: groups share too few classes to compare."""
    rng = np.random.default_rng(3)
    classes = tuple(f"class {i:03d}" for i in range(114))
    y_true = rng.integers(0, 114, 60)
    ids = [f"i{k}" for k in range(60)]
    table = pd.DataFrame({"image_id": ids, "label": [classes[i] for i in y_true], "fst": rng.integers(1, 7, 60)})
    y_prob = rng.dirichlet(np.ones(114), 60)
    report = evaluate(make_predictions(ids, y_prob, classes), make_truth(table, classes=classes), **FEW)
    assert math.isfinite(report.overall["macro_f1"].value)
    row = report.features["fst"].disparities["macro_f1"]
    assert isinstance(row, Undefined)
    assert "share too few classes" in row.reason
    json.dumps(report.document(), allow_nan=False)


def test_a_macro_gap_names_the_classes_behind_it():
    table, ids, y_prob = drawn()
    table["fst"] = np.where(table["label"].isin(["acne", "eczema"]), 1, np.arange(200) % 2 + 1)
    truth = make_truth(table, classes=CLASSES)
    report = evaluate(make_predictions(ids, y_prob, CLASSES), truth, sensitive=["fst"], **FEW)
    feature = report.features["fst"]
    assert feature.disparities["balanced_accuracy"].n_classes == 2  # nevus and melanoma, all that occur in II
    assert feature.disparities["macro_f1"].n_classes == 2
    rows = (table["fst"] == 2).to_numpy()
    recalls = recall_score(truth_codes(table)[rows], y_prob[rows].argmax(axis=1), labels=[0, 1], average=None)
    assert feature.groups["II"].cells["balanced_accuracy"].value == pytest.approx(recalls.mean(), abs=1e-6)


def test_too_few_images_have_no_bins_of_confidence():
    table, ids, y_prob = drawn()
    table["fst"] = [1] * 161 + [2] * 39
    report = evaluate(make_predictions(ids, y_prob, CLASSES), make_truth(table, classes=CLASSES), **FEW)
    enough, few = (report.calibration.features["fst"][name] for name in ("I", "II"))
    assert few.ece.value is None
    assert few.ece.reason == "39 images, bins need 40"
    assert enough.ece.value is not None
