"""Worst group, margin, Pareto view, screen and seeds of a comparison, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from dermbench.artifacts import Predictions
from dermbench.errors import UsageError
from dermbench.evaluation import METRICS, compare
from dermbench.evaluation.intervals.estimate import Estimate, normal_limits
from dermbench.evaluation.paired.margin import ONE_SIDED, no_group_lost, simultaneous_bound
from dermbench.evaluation.paired.pareto import distance_to_best, on_front

FST = [1 + (k * 7) % 6 for k in range(600)]


@pytest.fixture(scope="module")
def found(models):
    """600 images, three models; the last fails on skin types V and VI."""
    predictions, truth = models(600, gains=(0.5, 0.5, 1.2), fst=FST)
    dark = np.array(FST) >= 5
    broken = predictions["m2"]
    y_pred = np.where(dark, 0, broken.y_pred)
    predictions["m2"] = Predictions(broken.image_id, broken.classes, y_pred)
    return predictions, truth, compare(predictions, truth, margin=0.1, n_resamples=499).document()


def accuracy(predictions, truth, group):
    rows = np.array(FST) == group
    return np.mean((predictions.y_pred == truth.y_true)[rows])


def test_group_values_and_worst_group(found):
    predictions, truth, document = found
    block = document["features"]["fst"]
    each = {m: [accuracy(p, truth, g) for g in range(1, 7)] for m, p in predictions.items()}
    names = ["I", "II", "III", "IV", "V", "VI"]
    for model, values in each.items():
        told = [block["values"][model][name]["accuracy"] for name in names]
        assert told == pytest.approx(values, abs=1e-6)
        worst = block["worst_group"]["accuracy"]["models"][model]
        assert worst["value"] == pytest.approx(min(values), abs=1e-6)
        assert worst["group"] == names[int(np.argmin(values))]
    for group in names:
        told = block["differences"]["m2"][group]["accuracy"]["value"]
        assert told == pytest.approx(each["m2"][names.index(group)] - each["m0"][names.index(group)], abs=2e-6)


def test_the_broken_model_is_worse_in_its_worst_group(found):
    worst = found[2]["features"]["fst"]["worst_group"]["accuracy"]["differences"]
    assert worst["m2"]["high"] < 0
    assert worst["m2"]["p_holm"] < 0.05 < worst["m1"]["p_holm"]


def test_margin_statement_of_the_broken_model(found):
    verdicts = {m: item["verdict"] for m, item in found[2]["features"]["fst_band"]["margin"]["accuracy"].items()}
    assert verdicts["m2"] == "lost"


def test_holm_of_the_groups_is_over_models_and_groups(found):
    differences = found[2]["features"]["fst"]["differences"]
    items = [groups[g]["accuracy"] for groups in differences.values() for g in groups]
    expected = multipletests([item["p_value"] for item in items], method="holm")[1]
    assert len(items) == 12
    assert [item["p_holm"] for item in items] == pytest.approx(list(expected), abs=1e-4)


def test_screen_is_benjamini_hochberg_over_classes_and_groups(found):
    cells = found[2]["features"]["fst"]["screen"]["m2"]
    assert len(cells) == 18
    assert all(cell["n"] >= 10 for cell in cells)
    expected = multipletests([cell["p_value"] for cell in cells], method="fdr_bh")[1]
    assert [cell["q_value"] for cell in cells] == pytest.approx(list(expected), abs=1e-4)
    assert {cell["group"] for cell in cells[:4]} == {"V", "VI"}


def test_pareto_view(found):
    models = found[2]["features"]["fst"]["pareto"]["accuracy"]
    assert models["m2"]["worst"] < models["m0"]["worst"]
    assert sum(item["on_front"] for item in models.values()) >= 1
    assert all(0 <= item["front_share"] <= 1 for item in models.values())


def test_no_model_beats_those_on_the_front():
    first, second = np.array([0.9, 0.8, 0.7, 0.9, 0.6]), np.array([0.5, 0.6, 0.55, 0.5, 0.7])
    assert on_front(first, second).tolist() == [True, True, False, True, True]


def test_distance_to_the_best_of_every_group():
    values = np.array([[0.9, 0.5], [0.6, 0.9], [0.9, 0.9]])
    assert distance_to_best(values) == pytest.approx([0.4, 0.3, 0])
    assert distance_to_best(-values, higher_is_better=False) == pytest.approx([0.4, 0.3, 0])


def estimate(value, se):
    return Estimate(value, 100, se, normal_limits(value, se, (-1, 1), method="normal"))


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((0.01, 0.0), "shown"), ((0.01, -0.045), "open"), ((0.01, -0.2), "lost"), ((-0.051, 0.0), "open")],
)
def test_verdicts_of_a_margin(values, verdict):
    made = {str(k): estimate(value, 0.005) for k, value in enumerate(values)}
    assert no_group_lost(made, METRICS.get("accuracy"), 0.05).verdict == verdict


def test_a_loss_metric_loses_upwards():
    metric = METRICS.get("log_loss")
    assert no_group_lost({"I": estimate(0.2, 0.01)}, metric, 0.05).verdict == "lost"
    assert no_group_lost({"I": estimate(-0.2, 0.01)}, metric, 0.05).verdict == "shown"


def test_nothing_is_shown_without_a_bound_in_every_group():
    made = {"I": estimate(0.1, 0.001), "II": Estimate(0.1, 3, reason="too few")}
    told = no_group_lost(made, METRICS.get("accuracy"), 0.05)
    assert told.verdict == "open"
    assert told.reason == "1 of 2 groups have no bound"
    assert told.groups["II"].reason == "too few"
    assert no_group_lost({}, METRICS.get("accuracy"), 0.05).verdict == "open"


def test_one_group_that_lost_refutes_whatever_the_others_lack():
    made = {"I": estimate(-0.3, 0.01), "II": Estimate(0.1, 3, reason="too few")}
    assert no_group_lost(made, METRICS.get("accuracy"), 0.05).verdict == "lost"


@pytest.mark.parametrize("n_groups", [1, 6])
def test_that_no_group_lost_needs_no_correction_for_the_number_of_groups(n_groups):
    """A bound just above the margin at 1.645 standard errors, in every group."""
    se = 0.01
    made = {str(k): estimate(-0.05 + ONE_SIDED * se + 1e-6, se) for k in range(n_groups)}
    answer = no_group_lost(made, METRICS.get("accuracy"), 0.05)
    assert answer.verdict == "shown"
    assert all(loss.bound == pytest.approx(-0.05, abs=2e-6) for loss in answer.groups.values())


def test_that_a_group_lost_is_corrected_for_the_number_of_groups():
    assert simultaneous_bound(1) == pytest.approx(ONE_SIDED)
    draws = np.random.default_rng(0).normal(size=(20_000, 6))
    assert np.mean((draws < simultaneous_bound(6)).all(axis=1)) == pytest.approx(0.95, abs=0.006)
    made = {str(k): estimate(-0.05 - 1.8 * 0.01, 0.01) for k in range(6)}
    assert no_group_lost({"0": made["0"]}, METRICS.get("accuracy"), 0.05).verdict == "lost"
    assert no_group_lost(made, METRICS.get("accuracy"), 0.05).verdict == "open"


def test_unknown_skin_types_have_a_row_and_no_part_in_a_gap(models):
    fst = [None if k % 4 == 0 else 1 + k % 2 for k in range(200)]
    predictions, truth = models(200, fst=fst)
    document = compare(predictions, truth, n_resamples=99, sensitive=["fst"], metrics=["accuracy"]).document()
    block = document["features"]["fst"]
    assert set(block["groups"]) == {"I", "II", "unknown"}
    assert "p_holm" not in block["differences"]["m1"]["unknown"]["accuracy"]
    change = block["gap"]["accuracy"]["changes"]["m1"]
    assert {*change["contrast"]["first"], *change["contrast"]["second"]} == {"I", "II"}
    assert {cell["group"] for cell in block["screen"]["m1"]} == {"I", "II"}


def test_one_group_and_rare_classes_say_why_nothing_is_estimable(models):
    predictions, truth = models(40, fst=[1] * 40)
    block = compare(predictions, truth, n_resamples=99, sensitive=["fst"]).document()["features"]["fst"]
    assert block["worst_group"]["accuracy"] == {"reason": "fewer than two known groups"}
    assert block["pareto"]["accuracy"] == {"reason": "fewer than two known groups"}
    assert block["gap"]["accuracy"]["changes"]["m1"] == {"reason": "fewer than two known groups of fst"}
    predictions, truth = models(60, fst=[1 + k % 6 for k in range(60)])
    block = compare(predictions, truth, n_resamples=99, sensitive=["fst"]).document()["features"]["fst"]
    assert "not estimable" in block["worst_group"]["macro_f1"]["reason"]
    effect = block["differences"]["m1"]["I"]["macro_f1"]
    assert "low" not in effect
    assert "fewer than 10 true cases" in effect["reason"]


def test_seed_spread_is_kept_apart_from_test_set_spread(models):
    predictions, truth = models(200, gains=(0, 0, 0.5, 1.0), fst=[1] * 200)
    named = dict(zip(("a@1", "a@2", "b@1", "b@2"), predictions.values(), strict=True))
    document = compare(named, truth, n_resamples=199, metrics=["accuracy"]).document()
    seeds = {
        m: [np.mean(p.y_pred == truth.y_true) for p in pair]
        for m, pair in (("a", (named["a@1"], named["a@2"])), ("b", (named["b@1"], named["b@2"])))
    }
    for model, values in seeds.items():
        told = document["seeds"][model]["accuracy"]
        assert told["seed_sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
        assert told["test_sd"] == pytest.approx(np.sqrt(np.mean(values) * (1 - np.mean(values)) / 200), rel=0.05)
        assert document["models"][model]["accuracy"]["value"] == pytest.approx(np.mean(values), abs=1e-6)
    effect = document["differences"]["b"]["accuracy"]
    assert effect["value"] == pytest.approx(np.mean(seeds["b"]) - np.mean(seeds["a"]), abs=1e-6)
    expected = np.sqrt(sum(np.var(v, ddof=1) / 2 for v in seeds.values()))
    assert effect["seed_se"] == pytest.approx(expected, abs=1e-6)
    assert any("averages over seeds" in note for note in document["notes"])


def test_models_of_other_images_and_classes_are_all_named(models):
    predictions, truth = models(30)
    short = predictions["m0"]
    few = Predictions(short.image_id[:-2], short.classes, short.y_pred[:-2])
    foreign = Predictions(short.image_id, ("a", "b", "z"), short.y_pred)
    with pytest.raises(UsageError) as raised:
        compare({"good": short, "few": few, "foreign": foreign}, truth)
    text = str(raised.value)
    assert "few: 2 missing image_id: 'i0028', 'i0029'" in text
    assert "foreign: classes: lacks 'c'; has besides 'z'" in text
    assert "good" not in text


@pytest.mark.parametrize("margin", [0, -0.1, 1, float("nan")])
def test_margins_that_are_none(models, margin):
    predictions, truth = models(30)
    with pytest.raises(UsageError, match="margin"):
        compare(predictions, truth, margin=margin)
