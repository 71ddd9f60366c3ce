"""The made-up clinical populations are what they say: their truths are those of what they draw."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("draws", "scores", "confounded", "labels", "populations")
pytestmark = [
    pytest.mark.scripts,
    pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is not part of this tree"),
]


@pytest.fixture(scope="module")
def clinical():
    path = list(sys.path)
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("clinical_populations")
    sys.path[:] = path
    for name in MODULES:
        sys.modules.pop(f"clinical_{name}", None)


def rng(seed=1):
    return np.random.default_rng(seed)


def named(clinical, name):
    return next(p for p in clinical.POPULATIONS if p.name == name)


def close(share, truth, n):
    """Whether a share of n independent images is within four standard errors of the truth."""
    return abs(share - truth) <= 4 * math.sqrt(max(truth * (1 - truth), 1e-4) / n)


def test_names_are_unique_and_every_kind_is_there(clinical):
    names = [p.name for p in clinical.POPULATIONS]
    assert len(set(names)) == len(names) == 54
    assert {p.kind for p in clinical.POPULATIONS} == {"operating", "confounded", "mislabelled", "planning"}
    assert all(p.about.endswith(".") for p in clinical.POPULATIONS)


def test_operating_draws_have_the_promised_columns(clinical):
    for p in clinical.OPERATING:
        validation, test = p.draw(rng())
        for frame, part in ((validation, p.validation), (test, p.test)):
            assert list(frame) == ["image_id", "patient_id", "label", "prob_positive", "fst"]
            assert len(frame) == frame["image_id"].nunique() == sum(part.sizes)
            assert set(frame["label"]) == {"positive", "negative"}
            assert frame["prob_positive"].between(0, 1).all()
            assert set(frame["fst"].dropna()) <= set(range(1, 7))
            assert (frame.groupby("patient_id")["fst"].nunique() <= 1).all()
        assert 9 <= (validation["label"] == "positive").sum() <= 110
        assert len(validation) == 200
        assert not set(validation["patient_id"]) & set(test["patient_id"])
        assert test["fst"].isna().any()


@pytest.mark.parametrize("name", ["heavy_tails", "saturated", "two_digits", "type_shift", "all_at_once"])
def test_operating_truth_is_that_of_a_large_draw(clinical, name):
    p = named(clinical, name)
    big = replace(p.test, sizes=tuple(15 * n for n in p.test.sizes))
    large = replace(p, test=big, most=1, missing=0.0)
    _, test = large.draw(rng())
    for rule in ("specificity", "sensitivity"):
        t = p.threshold(rule, 0.9)
        called, positive = test["prob_positive"] >= t, test["label"] == "positive"
        for key, (sens, spec) in p.truth(rule, 0.9).items():
            rows = positive | True if key == "all" else test["fst"] == key
            assert close(called[rows & positive].mean(), sens, (rows & positive).sum())
            assert close(1 - called[rows & ~positive].mean(), spec, (rows & ~positive).sum())
    auroc = p.auroc()
    assert roc_auc_score(positive, test["prob_positive"]) == pytest.approx(auroc["all"], abs=0.02)
    dark = test["fst"] == 6
    assert roc_auc_score(positive[dark], test["prob_positive"][dark]) == pytest.approx(auroc[6], abs=0.06)
    gain = (called & positive).mean() - (called & ~positive).mean() * 0.2 / 0.8
    assert p.net_benefit(0.2, t)["all"] == pytest.approx(gain, abs=0.01)


def test_thresholds_meet_their_target_or_say_that_none_does(clinical):
    p = named(clinical, "equal_groups")
    assert p.truth("specificity", 0.9)["all"][1] == pytest.approx(0.9, abs=1e-9)
    assert p.truth("sensitivity", 0.8)[3][0] == pytest.approx(0.8, abs=1e-9)
    assert p.auroc()["all"] == pytest.approx(0.85, abs=1e-5)
    ties = named(clinical, "one_digit")
    t = ties.threshold("specificity", 0.9)
    assert ties.specificity(t, ties.validation) >= 0.9 > ties.specificity(round(t - 0.1, 1), ties.validation)
    t = ties.threshold("sensitivity", 0.9)
    assert ties.sensitivity(t, ties.validation) >= 0.9 > ties.sensitivity(round(t + 0.1, 1), ties.validation)
    none = named(clinical, "no_such_threshold")
    assert none.threshold("specificity", 0.9) == math.inf
    assert none.truth("specificity", 0.9)["all"] == (0.0, 1.0)
    ppv, npv = none.predictive_values("specificity", 0.9, 0.1)["all"]
    assert math.isnan(ppv)
    assert npv == pytest.approx(0.9)


def test_predictive_values_by_hand(clinical):
    # 1,000 people, 100 ill: 80 found, 90 of 900 called in error.
    found = sys.modules["clinical_scores"].predictive_values(0.8, 0.9, 0.1)
    assert found == pytest.approx((80 / 170, 810 / 830))


def test_scores_and_classes_of_a_patient_are_correlated(clinical):
    p = named(clinical, "patients")
    _, test = replace(p, test=replace(p.test, sizes=(1000,) * 6)).draw(rng())
    assert test.groupby("patient_id").size().between(1, 8).all()
    pairs = test[test["patient_id"].duplicated(keep=False)].sort_values("patient_id").groupby("patient_id").head(2)
    first, second = pairs[::2].reset_index(drop=True), pairs[1::2].reset_index(drop=True)
    both = (first["label"] == "negative") & (second["label"] == "negative")
    logit = [np.log(f["prob_positive"] / (1 - f["prob_positive"]))[both] for f in (first, second)]
    assert np.corrcoef(*logit)[0, 1] == pytest.approx(0.81, abs=0.05)
    labels = [(f["label"] == "positive").astype(float) for f in (first, second)]
    assert np.corrcoef(*labels)[0, 1] == pytest.approx(0.64, abs=0.08)  # .8 squared: both take the patient's


def test_confounded_draws_have_the_promised_columns(clinical):
    for p in clinical.CONFOUNDED:
        d = p.draw(rng())
        assert list(d) == ["image_id", "patient_id", "label", "pred", "fst", "site", "quality", "age"]
        assert d["image_id"].is_unique
        assert set(d["fst"].dropna()) == set(range(1, 7))
        assert d["fst"].isna().any() == (p.missing > 0)
        assert d.groupby("patient_id")[["site", "age"]].nunique().max().max() == 1
        assert 3 <= d["label"].nunique() == len(p.mix[0]) <= 7
        dark = d["fst"].fillna(1) >= 5
        assert (dark.groupby(d["site"]).sum() > 0).all() == p.overlap


def test_confounded_truth_by_hand_and_in_a_large_draw(clinical):
    p = replace(named(clinical, "site_strong"), mix=((1.0, 0.0), (1.0, 0.0)))
    sites, dark = np.array(p.sites), np.array(p.dark)
    chance = 1 / (1 + np.exp(-(np.array([0.9, 0.0, -0.9]) + 0.9 + 0.3)))
    of_dark, of_light = sites * dark, sites * (1 - dark)
    raw = chance @ of_dark / of_dark.sum() - chance @ of_light / of_light.sum()
    truth = p.truth_of(100_000)
    assert truth["raw"] == pytest.approx(raw, abs=0.005)
    assert truth["conditional"] == 0
    masked = replace(named(clinical, "effect_masked"), n_patients=20_000, most=1)
    masked_truth = masked.truth_of(100_000)
    d = masked.draw(rng())
    right, dark = d["label"] == d["pred"], d["fst"] >= 5
    assert right[dark].mean() - right[~dark].mean() == pytest.approx(masked_truth["raw"], abs=0.02)
    inside = [
        right[dark & (d["site"] == s)].mean() - right[~dark & (d["site"] == s)].mean() for s in set(d["site"])
    ]
    assert np.mean(inside) == pytest.approx(masked_truth["conditional"], abs=0.03)


def test_mislabelled_draws_and_truths(clinical):
    for p in clinical.MISLABELLED:
        assert min(p.accuracy) + min(p.ease) >= 0
        assert max(p.accuracy) + max(p.ease) <= 1
        assert np.dot(p.shares, p.ease) == pytest.approx(0)
        d = p.draw(rng())
        labellings = ["fst", "fst_b", "fst_c", "fst_d"][: len(p.labellers)]
        assert list(d) == ["image_id", "patient_id", "label", "pred", "fst_true", *labellings]
        assert (d["fst_true"].value_counts().sort_index() == list(p.sizes)).all()
        for column, labeller in zip(labellings, p.labellers, strict=True):
            assert set(d[column].dropna()) <= set(range(1, 7))
            assert set((d[column] - d["fst_true"]).dropna().abs()) == {0, labeller.step}
            assert close(d[column].notna().mean(), labeller.seen, len(d))


def test_mislabelled_truth_by_hand(clinical):
    p = replace(named(clinical, "gap_20"), sizes=(100, 0, 0, 100, 100, 0))
    assert p.truth["gap"] == pytest.approx(-0.2)
    # I goes to II, IV to V in 1 of 8, V to IV in 1 of 8: 100 dark images by label, 12.5 of them really of type IV.
    observed = (87.5 * 0.6 + 12.5 * 0.8) / 100 - (187.5 * 0.8 + 12.5 * 0.6) / 200
    assert p.truth["observed"] == pytest.approx(observed)


@pytest.mark.parametrize("name", ["darker_only", "more_errors_where_wrong", "three_skills"])
def test_mislabelled_truth_is_that_of_a_large_draw(clinical, name):
    p = named(clinical, name)
    large = replace(p, sizes=tuple(20 * n for n in p.sizes))
    d = large.draw(rng())
    right = d["label"] == d["pred"]
    for column, key in (("fst_true", "gap"), ("fst", "observed")):
        dark = d[column] >= 5
        assert right[dark].mean() - right[~dark].mean() == pytest.approx(p.truth[key], abs=0.02)
    assert ((d["fst"] >= d["fst_true"]).all()) == (name == "darker_only")


def test_shared_errors_are_shared(clinical):
    p = named(clinical, "shared_errors")
    d = replace(p, sizes=(5000,) * 6).draw(rng())
    wrong = [(d[c] != d["fst_true"]).astype(float) for c in ("fst", "fst_b")]
    assert np.corrcoef(*wrong)[0, 1] == pytest.approx(p.shared, abs=0.03)


def test_planning_keeps_rates_correlation_and_images_of_the_design(clinical):
    design = clinical.Design(
        {"I-IV": 30_000, "VI": 20_000}, 0.85, 0.10, "VI", images_per_unit=2.5, correlation=0.3
    )
    for p in clinical.PLANNING:
        d = p.draw(rng(), design)
        truth = p.truth(design)
        rates = {g: d.correct[d.group == g].mean() for g in design.n_units}
        assert rates["I-IV"] == pytest.approx(0.85, abs=0.01)
        assert rates["VI"] == pytest.approx(truth["rate"], abs=0.015)
        assert truth["gap"] == pytest.approx(-0.10)
        assert len(d.unit) / 50_000 == pytest.approx(2.5, abs=0.05)
        rest = d.correct - np.where(d.group == "VI", 0.75, 0.85)
        pair = np.flatnonzero((d.unit[1:] == d.unit[:-1]) & (d.group[1:] == "VI"))
        first = pair[np.unique(d.unit[pair], return_index=True)[1]]
        found = (rest[first] * rest[first + 1]).mean() / (0.75 * 0.25)
        assert found == pytest.approx(truth["correlation"], abs=0.03)
