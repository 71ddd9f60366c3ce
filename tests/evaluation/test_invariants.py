"""What every report keeps: no gap of class mix alone, no row that contradicts itself, no order that matters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import Predictions, make_predictions
from dermbench.artifacts.report import Disparity, Undefined, settled
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation import METRICS, evaluate
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import group_all
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import p_value
from dermbench.evaluation.disparity.rows import Questions, disparity_rows
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan
from dermbench.tasks import load_task

LEVEL = 0.05
TYPES = ("I", "II", "III", "IV", "V", "VI")


def rows_of(report):
    """All rows with numbers, as ((feature, metric), row)."""
    return [
        ((name, metric), row)
        for name, feature in report.features.items()
        for metric, row in feature.disparities.items()
        if isinstance(row, Disparity)
    ]


def world(seed, n=240, n_classes=4, *, per_unit=None, shift=0.0):
    """Draw a truth whose class mix moves with skin type by ``shift``; ``per_unit`` images share a patient."""
    rng = np.random.default_rng(seed)
    size = per_unit or 1
    fst = np.repeat(rng.integers(1, 7, n // size), size)
    weights = np.exp(shift * np.outer(fst - 3.5, np.linspace(-1, 1, n_classes)))
    y_true = (weights.cumsum(axis=1) / weights.sum(axis=1, keepdims=True) < rng.random((n, 1))).sum(axis=1)
    classes = tuple(f"class {c:02d}" for c in range(n_classes))
    table = pd.DataFrame(
        {
            "image_id": [f"{k:05d}" for k in range(n)],
            "label": [classes[c] for c in y_true],
            "fst": fst,
            "sex": np.repeat(rng.choice(["f", "m"], n // size), size),
        }
    )
    if per_unit:
        table["patient_id"] = [f"p{k // size}" for k in range(n)]
    return make_truth(table, classes=classes), rng


def probabilities(rng, y_true, n_classes, *, hit=0.7, drop=None):
    """Draw probabilities that are right in a share ``hit`` of the images, less often where ``drop`` is."""
    n = len(y_true)
    right = rng.random(n) < hit - (0 if drop is None else drop)
    wrong = (y_true + rng.integers(1, n_classes, n)) % n_classes
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), np.where(right, y_true, wrong)] += 4
    y_prob = np.exp(logits)
    return y_prob / y_prob.sum(axis=1, keepdims=True)


def of_probabilities(truth, y_prob, **how):
    return evaluate(make_predictions(truth.image_id, y_prob, truth.classes), truth, **how)


ANSWERS = {
    "constant": np.zeros(4, int),
    "truth": np.arange(4),
    "swap": np.array([1, 0, 3, 2]),
    "merge": np.array([0, 0, 2, 2]),
}
"""Predicted class of each true class."""


@pytest.mark.parametrize("per_unit", [None, 3])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_depends_on_the_true_class_alone_has_no_gap(name, per_unit):
    """Constant classifiers and fixed relabellings of the truth, where class mixes differ between groups."""
    truth, _ = world(1, per_unit=per_unit, shift=0.25)
    told = ANSWERS[name][truth.y_true]
    made = make_predictions(truth.image_id, np.eye(4)[told] * 0.7 + 0.075, truth.classes)
    report = evaluate(made, truth, sensitive=["fst", "sex"], n_resamples=99, margin=0.5)
    rows = rows_of(report)
    assert {("fst", "accuracy"), ("fst", "balanced_accuracy"), ("sex", "macro_f1"), ("fst", "brier")} <= {
        key for key, _ in rows
    }
    for key, row in rows:
        assert (row.gap, row.chance) == (0, 0), key
        assert (row.low, row.p_value) in {(0, 1), (None, None)}, key
        assert row.verdict is None or row.verdict.kind in {"undecided", "within_margin"}, key
    for feature in report.features.values():
        assert all(line.worst is None for line in feature.screen.values())
    plain = evaluate(Predictions(truth.image_id, truth.classes, told), truth, n_resamples=99)
    assert {(row.gap, row.low, row.p_value) for _, row in rows_of(plain)} == {(0, 0, 1)}


@pytest.mark.parametrize("per_unit", [None, 2])
def test_a_raw_difference_of_class_mix_alone_is_no_gap(per_unit):
    """Always the same class: raw accuracy follows the mix, and fairlearn would call that a disparity."""
    truth, _ = world(2, n=600, per_unit=per_unit, shift=0.3)
    told = np.zeros(len(truth), dtype=np.intp)
    report = evaluate(Predictions(truth.image_id, truth.classes, told), truth, n_resamples=99)
    row = report.features["fst"].disparities["accuracy"]
    assert row.raw.difference > 0.2
    assert (row.gap, row.low, row.chance, row.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("per_unit", [None, 2])
def test_predictions_without_a_look_at_the_image_are_rarely_called_a_disparity(per_unit):
    """Random predictions with the class mix shifting by group: p <= .05 in at most .065 plus sampling error."""
    rejected = 0
    for seed in range(60):
        truth, rng = world(seed, n=120, per_unit=per_unit, shift=0.3)
        sample = join(Predictions(truth.image_id, truth.classes, rng.integers(0, 4, len(truth))), truth)
        (grouping,) = group_all(truth, ["fst"])
        test = gap_tests(sample, grouping, [METRICS.get("accuracy")], Plan(seed, 99))["accuracy"]
        rejected += p_value(test.statistics.max(), test.permuted) <= LEVEL
    assert rejected <= 8  # of 60 at .05: 9 or more happen once in 300


def contradictions(row, margin):
    """Return what in a row speaks against the rest of it; written apart from the record's own checks."""
    small = row.p_value is not None and row.p_value <= LEVEL
    bounded = row.low is not None and row.low > 0
    low, high = (row.contrast.low, row.contrast.high) if row.contrast else (None, None)
    ends = low is not None and high is not None
    excludes = ends and not low <= 0 <= high
    said = row.verdict.kind if row.verdict else "undecided"
    below = margin is not None and row.role == "primary" and row.high is not None and row.high < margin
    wrong = {
        "at least above the gap": row.low is not None and row.low > row.gap,
        "at most below the gap": row.high is not None and row.high < row.gap,
        "at least above 0 without a small p": bounded and not small,
        "a pair that differs by more than the gap": row.contrast
        and row.contrast.kind == "pair"
        and abs(row.contrast.value) > row.gap + 1e-6,
        "a contrast outside of its interval": ends and not low <= row.contrast.value <= high,
        "an interval of the contrast without 0 but no small p": excludes and row.p_value is not None and not small,
        "at least above 0 with 0 in the interval of the contrast": bounded and ends and not excludes,
        "a disparity without evidence": said.startswith("disparity") and not (small and bounded),
        "evidence but no disparity": small and bounded and not said.startswith("disparity"),
        "a margin that is not met": said.endswith("within_margin") and not below,
        "a secondary margin": row.role == "secondary" and row.verdict and row.verdict.margin is not None,
    }
    return [name for name, is_so in wrong.items() if is_so]


@given(
    seed=st.integers(0, 2**32 - 1),
    n_resamples=st.sampled_from([19, 99, 199]),
    per_unit=st.sampled_from([None, 2, 5]),
    ties=st.booleans(),
    hit=st.sampled_from([0.5, 0.98]),
)
@settings(max_examples=6)
def test_no_report_contradicts_itself(seed, n_resamples, per_unit, ties, hit):
    truth, rng = world(seed, n=100, per_unit=per_unit, shift=0.1)
    drop = 0.4 * (truth.table["fst"].to_numpy() >= 5)
    y_prob = probabilities(rng, truth.y_true, 4, hit=hit, drop=drop)
    if ties:
        y_prob = np.maximum(y_prob.round(0), 0.1)
        y_prob /= y_prob.sum(axis=1, keepdims=True)
    report = of_probabilities(truth, y_prob, margin=0.3, n_resamples=n_resamples, seed=seed % 7)
    found = {key: contradictions(row, 0.3) for key, row in rows_of(report)}
    assert {key: said for key, said in found.items() if said} == {}


@given(
    seed=st.integers(0, 2**32 - 1),
    n_resamples=st.sampled_from([19, 99, 199]),
    per_unit=st.sampled_from([None, 2, 5]),
    n_classes=st.integers(2, 6),
    size=st.sampled_from([100, 150, 300]),
    drop=st.sampled_from([0.0, 0.15, 0.4]),
    hit=st.sampled_from([0.5, 0.8, 0.98]),
    feature=st.sampled_from(["fst", "sex"]),
)
@settings(max_examples=30)
def test_no_row_contradicts_itself(seed, n_resamples, per_unit, n_classes, size, drop, hit, feature):
    """For any number of resamples, with clusters, small groups and classifiers that are nearly perfect.

    Counts tie: an image is right or wrong, so that the statistics of few images are equal in many permutations.
    """
    truth, rng = world(seed, n=size, n_classes=n_classes, per_unit=per_unit, shift=0.1)
    wrong = rng.random(size) >= hit - drop * (truth.table["fst"].to_numpy() >= 5)
    told = np.where(wrong, (truth.y_true + 1) % n_classes, truth.y_true)
    sample = join(Predictions(truth.image_id, truth.classes, told), truth)
    (grouping,) = group_all(truth, [feature])
    metrics, plan = [METRICS.get(name) for name in ("accuracy", "macro_f1", "mcc")], Plan(seed % 7, n_resamples)
    table = group_tables(sample, [grouping], metrics)[feature]
    found = estimates(sample, metrics, grouping, plan, table=table)
    for asked in (Questions(("accuracy", feature), 0.3, 1), Questions(("accuracy", "another"), 0.3, 3)):
        for name, row in disparity_rows(sample, grouping, metrics, table, found, plan, asked).items():
            assert isinstance(row, Undefined) or contradictions(row, 0.3) == [], (name, row)


def planted(seed=5, n=400, *, per_unit=None):
    truth, rng = world(seed, n=n, per_unit=per_unit)
    drop = 0.5 * (truth.table["fst"].to_numpy() >= 5)
    return truth, probabilities(rng, truth.y_true, 4, drop=drop)


def test_a_planted_failure_is_found_and_named():
    report = of_probabilities(*planted(), n_resamples=199)
    row = report.features["fst"].disparities["accuracy"]
    assert row.verdict.kind == "disparity"
    assert (row.contrast.first, row.contrast.second, row.contrast.kind) == (TYPES[:4], TYPES[4:], "cut")
    text = report.summary[2].text
    assert "types V\N{EN DASH}VI lie below types I\N{EN DASH}IV" in text
    assert said(report)["fails"].startswith("Where it fails: class 0")


def large(recall):
    """Two groups of 3,000 images with 8 % melanoma, of which ``recall`` is recognised in each group."""
    y_true = np.tile(np.repeat([0, 1], [2760, 240]), 2)
    told = y_true.copy()
    for group, share in enumerate(recall):
        told[group * 3000 : group * 3000 + 276] = 1  # a tenth of the nevi
        told[group * 3000 + 2760 : (group + 1) * 3000 - round(240 * share)] = 0
    names = {"image_id": [f"{k:04d}" for k in range(6000)], "sex": np.repeat(["f", "m"], 3000)}
    table = pd.DataFrame({**names, "label": np.array(["nevus", "melanoma"])[y_true]})
    truth = make_truth(table, classes=("nevus", "melanoma"))
    asked = {"sensitive": ["sex"], "primary": ("accuracy", "sex"), "margin": 0.1}
    return evaluate(Predictions(truth.image_id, truth.classes, told), truth, **asked, n_resamples=99)


def said(report):
    """Return {kind: sentence} of the summary."""
    return {sentence.kind: sentence.text for sentence in report.summary}


def test_a_margin_is_not_met_while_the_recall_of_a_class_differs():
    alike, failing = large((0.9, 0.9)), large((0.9, 0.55))
    for report in (alike, failing):
        assert report.features["sex"].disparities["accuracy"].high < 0.1
    row = alike.features["sex"].disparities["accuracy"]
    assert (row.verdict.kind, row.verdict.margin) == ("within_margin", 0.1)
    assert "differences within a class, melanoma included, are not bounded by this" in said(alike)["primary"]
    row = failing.features["sex"].disparities["accuracy"]
    assert row.verdict.kind == "disparity"
    assert "recall of melanoma differs between groups" in row.verdict.text
    assert "margin" not in said(failing)["primary"]
    assert said(failing)["fails"] == (
        "Where it fails: melanoma on m: 132 of 240 recognised, 216 of 240 on the others (q <.001)."
    )


def stable(report):
    """Return the part of a report's document that no draw touches, without what names the input."""
    document = settled(report)
    for key in ("predictions_digest", "truth_digest"):
        del document["provenance"][key]
    return document


@pytest.mark.parametrize("per_unit", [None, 2])
def test_other_names_of_images_change_nothing_but_the_draws(per_unit):
    """Renamed ids put the images into another order: of a truth, rows are sorted by id."""
    truth, y_prob = planted(per_unit=per_unit)
    order = np.random.default_rng(0).permutation(len(truth))
    renamed = np.array([f"{k:05d}" for k in order], dtype=object)
    table = truth.table.assign(image_id=renamed)
    again = make_truth(table, classes=truth.classes)
    first = of_probabilities(truth, y_prob, n_resamples=99)
    second = evaluate(make_predictions(renamed, y_prob, truth.classes), again, n_resamples=99)
    assert stable(second) == stable(first)
    one, two = (report.features["fst"].disparities["accuracy"] for report in (first, second))
    assert two.verdict.kind == one.verdict.kind
    assert two.contrast.value == one.contrast.value


def numbers(document):
    """Return what must not depend on the order of classes, of each feature and overall."""
    kept = ("gap", "high", "overlap", "n_classes", "n_groups")
    rows = {
        (name, metric): {key: row[key] for key in kept if key in row}
        for name, feature in document["features"].items()
        for metric, row in feature["disparities"].items()
    }
    screens = {name: feature["screen"] for name, feature in document["features"].items()}
    return document["overall"], document["per_class"], rows, screens


@pytest.mark.parametrize("ties", [False, True])
def test_the_order_of_classes_does_not_matter(ties):
    truth, y_prob = planted()
    if ties:  # equal second to fourth places; the highest stays alone, for a tie there goes to the first class
        top = np.eye(4)[y_prob.argmax(axis=1)]
        y_prob = 0.6 * top + 0.1
        y_prob[::3] = y_prob[::3] + np.roll(top[::3], 1, axis=1) * 0.05
        y_prob /= y_prob.sum(axis=1, keepdims=True)
    turn = np.array([2, 0, 3, 1])
    classes = tuple(truth.classes[c] for c in turn)
    other = make_truth(truth.table, classes=classes)
    first = settled(of_probabilities(truth, y_prob, n_resamples=99))
    second = settled(evaluate(make_predictions(other.image_id, y_prob[:, turn], classes), other, n_resamples=99))
    (overall, per_class, rows, screens), (overall2, per_class2, rows2, screens2) = map(numbers, (first, second))
    for name, cell in overall.items():
        assert overall2[name]["value"] == pytest.approx(cell["value"], abs=2e-6), name
    assert per_class2 == per_class
    assert screens2 == screens
    assert rows.keys() == rows2.keys()
    for key, row in rows.items():
        assert rows2[key] == pytest.approx(row, abs=2e-6), key


def test_the_best_three_of_tied_classes_are_no_matter_of_order():
    """All five equal but for the first image: each class is among three of five in .6 of the orders."""
    truth, _ = world(0, n=50, n_classes=5)
    y_prob = np.full((50, 5), 0.2)
    for turn in (np.arange(5), np.array([4, 2, 0, 1, 3])):
        classes = tuple(truth.classes[c] for c in turn)
        again = make_truth(truth.table, classes=classes)
        report = evaluate(make_predictions(again.image_id, y_prob, classes), again, n_resamples=99)
        assert report.overall["top3_accuracy"].value == pytest.approx(0.6)
        row = report.features["fst"].disparities["top3_accuracy"]
        assert (row.gap, row.p_value) == (0, 1)


def test_other_names_of_groups_change_no_number():
    truth, y_prob = planted()
    names = {"f": "z, female", "m": "a, male"}
    renamed = make_truth(truth.table.assign(sex=truth.table["sex"].map(names)), classes=truth.classes)
    first, second = (of_probabilities(t, y_prob, sensitive=["sex"], n_resamples=99) for t in (truth, renamed))
    rows, rows2 = (report.features["sex"].disparities for report in (first, second))
    for metric, row in rows.items():
        other = rows2[metric]
        if isinstance(row, Undefined):
            assert other == row
            continue
        if METRICS.get(metric).is_mean:
            assert other.gap == pytest.approx(row.gap, abs=2e-6)
            assert other.high == (None if row.high is None else pytest.approx(row.high, abs=2e-6))
        assert other.raw.difference == row.raw.difference
        assert other.raw.worst_group == names[row.raw.worst_group]
    groups, groups2 = (report.features["sex"].groups for report in (first, second))
    for name, group in groups.items():
        for metric, cell in group.cells.items():
            assert groups2[names[name]].cells[metric].value == cell.value


def test_a_feature_does_not_change_another_but_for_the_number_of_questions():
    truth, y_prob = planted()
    alone = of_probabilities(truth, y_prob, sensitive=["fst"], n_resamples=99)
    both = of_probabilities(truth, y_prob, sensitive=["fst", "sex"], n_resamples=99)
    one, two = alone.features["fst"], both.features["fst"]
    assert two.disparities["accuracy"] == one.disparities["accuracy"]
    assert (two.groups, two.screen, two.parity) == (one.groups, one.screen, one.parity)
    for metric, row in one.disparities.items():
        other = two.disparities[metric]
        if isinstance(row, Disparity) and row.p_value is not None and row.role == "secondary":
            assert other.p_value == pytest.approx(min(1, 2 * row.p_value))


def test_a_large_report_is_a_small_file():
    """As large as the entries of the ajl-21 board: 1,227 images, 21 classes, two features."""
    classes = load_task("ajl-21").classes
    rng = np.random.default_rng(0)
    y_true = rng.choice(21, 1227, p=rng.dirichlet(np.full(21, 3.0)))
    table = pd.DataFrame(
        {
            "image_id": [f"{k:032x}" for k in range(1227)],
            "label": [classes[c] for c in y_true],
            "fst": rng.choice([1, 2, 3, 4, 5, 6, -1], 1227, p=[0.19, 0.32, 0.2, 0.15, 0.07, 0.03, 0.04]),
        }
    )
    truth = make_truth(table, classes=classes, task="ajl-21", split="test")
    report = of_probabilities(truth, probabilities(rng, y_true, 21), n_resamples=99)
    assert set(report.features) == {"fst", "fst_band"}
    assert len(report.text().encode()) <= 150_000
