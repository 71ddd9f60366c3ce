"""Operating points: thresholds, limits and records, by hand, against other libraries and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from statsmodels.stats.proportion import proportion_confint

from dermbench.artifacts.report import OperatingPoint, Positive
from dermbench.errors import UsageError
from dermbench.evaluation.clinical.intervals import Share, net_benefit, predictive_value, share_of
from dermbench.evaluation.clinical.points import Scored, fit
from dermbench.evaluation.clinical.records import (
    Asked,
    Validation,
    asked_for,
    clinical,
    clinical_records,
    gap_rows,
)
from dermbench.evaluation.clinical.rules import ARGMAX, Rule, parse_rule, threshold_at
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.intervals.estimate import Z95
from dermbench.evaluation.resampling.plan import Plan

MEL = Positive(classes=("mel",), source="--positive", leads=True)


def scored(positive, score, unit=None):
    y, score = np.asarray(positive, dtype=np.intp), np.asarray(score, dtype=float)
    prob = np.column_stack([1 - score, score])
    about = {"classes": ("nevus", "mel"), "positive": (False, True)}
    return Sample(y, (score > 0.5).astype(np.intp), 2, y_prob=prob, unit=unit, **about)


def drawn(seed, n=300, unit=None):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return scored(y, 1 / (1 + np.exp(-rng.normal(1.5 * y - 1, 1))), unit)


@pytest.mark.parametrize(
    ("rule", "rate", "expected"),
    [
        ("specificity", 0.5, 0.4),  # two of four others below: above .3, below the next score .5
        ("specificity", 0.75, 0.65),  # three: above .6, below .7
        ("specificity", 1.0, np.inf),  # all four, and no image lies above 1
        ("sensitivity", 0.5, 0.65),  # two of four positive at or above: .7 and .9, above .6
        ("sensitivity", 0.6, 0.4),  # 2.4 of four is three: .5, above .3
        ("sensitivity", 1.0, 0.15),  # all four: .2, above .1
    ],
)
def test_a_threshold_lies_halfway_between_two_scores(rule, rate, expected):
    positive = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    score = np.array([0.1, 0.3, 0.6, 1.0, 0.2, 0.5, 0.7, 0.9])
    assert threshold_at(Rule(rule, 0.5), rate, score, positive) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.sampled_from(["sensitivity", "specificity"]), st.floats(0.05, 0.99))
@settings(max_examples=40)
def test_a_threshold_reaches_the_rate_and_the_next_one_does_not(seed, kind, rate):
    rng = np.random.default_rng(seed)
    score, positive = np.round(rng.random(60), 1), rng.permutation(np.arange(60) < 25)
    at = threshold_at(Rule(kind, 0.5), rate, score, positive)

    def reached(threshold):
        called = score >= threshold
        return called[positive].mean() if kind == "sensitivity" else (~called[~positive]).mean()

    assert reached(at) >= rate - 1e-9
    other = score[score > at].min(initial=2) + 1e-9 if kind == "sensitivity" else score[score < at].max(initial=-1)
    assert reached(other) < rate


def test_predictive_values_are_those_of_a_published_example():
    """APOE e4 and Alzheimer's disease: 240 of 418 patients and 87 of 375 others carry it (Mercaldo et al. 2007).

    The data are the example of R's bdpv (CIlppv, CIlnpv, prevalence .03); limits by equations 8 to 11 by hand.
    """
    sensitivity, specificity = Share(240, 418, 418.0), Share(288, 375, 375.0)
    ppv = predictive_value(sensitivity, specificity, 0.03, positive=True)
    npv = predictive_value(sensitivity, specificity, 0.03, positive=False)
    assert ppv.value == pytest.approx(0.0711, abs=5e-5)
    assert ppv.limits(Z95)[:2] == pytest.approx((0.0589, 0.0856), abs=1e-4)
    assert npv.value == pytest.approx(0.9831, abs=5e-5)
    assert npv.limits(Z95) == (pytest.approx(0.9810, abs=1e-4), pytest.approx(0.9850, abs=1e-4), "logit")


def test_a_sensitivity_of_one_takes_the_adjusted_limits():
    found = predictive_value(Share(20, 20, 20.0), Share(45, 50, 50.0), 0.1, positive=False)
    low, high, method = found.limits(Z95)
    assert (found.value, high, method) == (1.0, 1.0, "adjusted logit")
    assert low == pytest.approx(0.9615, abs=1e-4)  # logit 4.579 less 1.96 times .694, by hand
    none = predictive_value(Share(0, 20, 20.0), Share(50, 50, 50.0), 0.1, positive=True)
    assert (np.isnan(none.value), none.reason) == (True, "no image is called positive")
    lacking = predictive_value(Share(0, 0, 0.0), Share(50, 50, 50.0), 0.1, positive=True)
    assert lacking.reason == "there are no positive or no other images"


def test_net_benefit_is_that_of_dcurves():
    """Frozen from dcurves 1.1.7 (Python), ``dca`` of the same ten patients at three threshold probabilities."""
    positive = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    score = np.array([0.9, 0.35, 0.15, 0.8, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01])
    units = np.arange(10)
    for probability, expected in DCURVES.items():
        found = net_benefit(score >= probability, positive, units, probability, clustered=False)
        assert found.value == pytest.approx(expected, abs=1e-6)
        low, high, _ = found.limits(Z95)
        assert low < expected < high


DCURVES = {0.12: 0.245455, 0.25: 0.1, 0.5: 0.0}


def test_without_fitting_shares_are_those_of_statsmodels():
    sample = drawn(0)
    judged = Scored(sample.view("positive"))
    fitted = fit(Rule("threshold", 0.4), judged)
    assert (fitted.threshold, fitted.limits) == (0.4, None)
    sensitivity, specificity = judged.shares(fitted, np.arange(len(sample)))
    for share, inside in ((sensitivity, judged.positive), (specificity, ~judged.positive)):
        k = int(((judged.score >= 0.4) == judged.positive)[inside].sum())
        assert (share.k, share.n) == (k, inside.sum())
        assert share.estimate(empty="").limits(Z95)[:2] == pytest.approx(
            proportion_confint(k, inside.sum(), method="wilson")
        )


def test_a_fitted_threshold_widens_limits_and_units_count_once():
    validation, sample = Scored(drawn(1, 200).view("positive")), Scored(drawn(2).view("positive"))
    fitted = fit(Rule("specificity", 0.9), validation)
    low, high = fitted.limits
    assert low < fitted.threshold < high
    given_ = fit(Rule("threshold", fitted.threshold), validation)
    rows = np.arange(300)
    for wide, narrow in zip(sample.shares(fitted, rows), sample.shares(given_, rows), strict=True):
        a, b = (each.estimate(empty="").limits(Z95) for each in (wide, narrow))
        assert wide.value == narrow.value
        assert a[0] <= b[0] < b[1] <= a[1]
        assert a[1] - a[0] > b[1] - b[0]
    unit = np.repeat(np.arange(100), 2)
    grouped = fit(Rule("specificity", 0.9), Scored(drawn(1, 200, unit).view("positive")))
    assert grouped.threshold == fitted.threshold
    doubled = share_of(np.repeat([True, False], [60, 40]), np.repeat(np.arange(50), 2), clustered=True)
    assert doubled.n_eff < 51


def test_a_threshold_is_one_that_a_report_can_hold():
    close = Scored(scored(np.repeat([0, 1], 20), np.repeat([1e-9, 3e-9], 20)).view("positive"))
    with pytest.raises(UsageError, match="differ by less than"):
        fit(Rule("specificity", 0.9), close)
    made, _ = clinical_records(drawn(8), MEL, None, asked_for(["specificity=.85"], [0.01]), CHOSEN, Plan(0, 99))
    assert OperatingPoint.model_validate_json(made[1].model_dump_json()) == made[1]


CHOSEN = Validation(drawn(9, 200), "val", "sha256:x")


def test_few_positive_images_leave_the_threshold_open_at_one_end():
    sample = scored([1] * 8 + [0] * 40, np.linspace(0.99, 0.01, 48))
    fitted = fit(Rule("sensitivity", 0.9), Scored(sample.view("positive")))
    assert fitted.limits[0] == 0.0


def test_curves_are_those_of_sklearn():
    sample = drawn(3)
    grouping = Grouping("band", np.arange(300) % 2 - (np.arange(300) % 50 == 0), ("a", "b"))
    found = clinical(sample, grouping)
    y, score = sample.y_true, sample.y_prob[:, 1]
    assert found.overall.auroc.value == pytest.approx(roc_auc_score(y, score), abs=1e-6)
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    pairs = {(round(a, 6), round(b, 6)) for a, b in zip(fpr, tpr, strict=True)}
    assert {(p.false_positive, p.true_positive) for p in found.overall.roc} <= pairs
    assert found.overall.roc[-1].true_positive == 1
    assert set(found.groups) == {"a", "b", "unknown"}
    inside = grouping.codes == 0
    assert found.groups["a"].auroc.value == pytest.approx(roc_auc_score(y[inside], score[inside]), abs=1e-6)


def test_a_group_of_one_kind_has_reasons():
    sample = scored([1, 0, 1, 0, 0, 0], [0.9, 0.1, 0.8, 0.3, 0.2, 0.6])
    grouping = Grouping("sex", np.array([0, 0, 0, 0, 1, 1]), ("f", "m"))
    points, curves = clinical_records(sample, MEL, grouping, Asked(prevalences=(0.1,)), None, Plan(0, 99))
    assert curves.groups["m"].auroc.reason == "there is no positive image"
    assert curves.groups["m"].roc == ()
    assert points[0].groups["m"].sensitivity.reason == "there is no positive image"
    assert points[0].groups["m"].ppv[0].cell.value is None
    assert points[0].groups["f"].sensitivity.value == 1
    assert points[0].gaps == {}


def test_points_say_what_they_were_fitted_on_and_how_groups_differ_there():
    sample, other = drawn(4), drawn(5, 200)
    grouping = Grouping("band", np.arange(300) % 2, ("a", "b"))
    asked = asked_for(["sensitivity=.8", "threshold=.25", "sensitivity=.8"], [0.1, 0.05, 0.1])
    assert asked.prevalences == (0.05, 0.1)
    made, _ = clinical_records(sample, MEL, grouping, asked, Validation(other, "val", "sha256:x"), Plan(0, 99))
    assert [point.rule for point in made] == ["argmax", "sensitivity", "threshold"]
    assert (made[1].fitted_on.split, made[1].fitted_on.n) == ("val", 200)
    assert made[1].name == "sensitivity .8"
    called = sample.y_prob[:, 1] >= made[1].threshold
    for name, g in (("a", 0), ("b", 1)):
        inside = (grouping.codes == g) & (sample.y_true == 1)
        assert made[1].groups[name].sensitivity.value == pytest.approx(called[inside].mean(), abs=1e-6)
    assert set(made[1].gaps) == {"sensitivity", "specificity"}
    again, _ = clinical_records(sample, MEL, grouping, asked, Validation(other, "val", "sha256:x"), Plan(0, 99))
    assert again == made


def test_gaps_at_a_fitted_threshold_hold_wherever_it_may_lie():
    sample, fitting = drawn(4, 400), Scored(drawn(5, 200).view("positive"))
    judged, grouping = Scored(sample.view("positive")), Grouping("band", np.arange(400) % 2, ("a", "b"))
    fitted = fit(Rule("sensitivity", 0.8), fitting)
    widest = gap_rows(judged, fitted, grouping, Plan(0, 99))
    ends = [fit(Rule("threshold", round(t, 6)), fitting) for t in (fitted.threshold, *fitted.limits)]
    for name, row in widest.items():
        single = [gap_rows(judged, each, grouping, Plan(0, 99))[name] for each in ends]
        assert row.gap == single[0].gap
        assert row.high >= max(each.high for each in single)
        assert row.low <= min(each.low for each in single)
        assert row.p_value >= max(each.p_value for each in single)
        assert (row.contrast, row.verdict.kind) == (None, "undecided")
        assert "threshold" in row.reasons["contrast"]
    as_it_is = gap_rows(judged, ends[0], grouping, Plan(0, 99))
    assert widest["sensitivity"].high > as_it_is["sensitivity"].high


def test_classes_that_nobody_asked_about_have_no_points():
    quiet = Positive(classes=("mel",), source="malignancy", leads=False)
    assert clinical_records(drawn(6), quiet, None, Asked(), None, Plan(0, 99)) == ((), None)
    made, curves = clinical_records(drawn(6), quiet, None, Asked(prevalences=(0.1,)), None, Plan(0, 99))
    assert (made[0].rule, made[0].groups, curves.groups) == ("argmax", {}, {})


@pytest.mark.parametrize("text", ["sensitivity", "recall=.9", "threshold=2", "specificity=x", "argmax=.5", "=.9"])
def test_a_malformed_rule_is_refused(text):
    with pytest.raises(UsageError, match=r"write sensitivity=\.9"):
        parse_rule(text)


def test_what_is_missing_is_said():
    sample, asked = drawn(7), asked_for(["specificity=.9"], [])
    with pytest.raises(UsageError, match="need positive classes"):
        clinical_records(sample, None, None, asked, None, Plan(0, 99))
    with pytest.raises(UsageError, match="images of another split"):
        clinical_records(sample, MEL, None, asked, None, Plan(0, 99))
    labels = Sample(sample.y_true, sample.y_pred, 2, positive=(False, True))
    with pytest.raises(UsageError, match="needs probabilities"):
        clinical_records(labels, MEL, None, asked, None, Plan(0, 99))
    with pytest.raises(UsageError, match="--prevalence 1 is not a number between 0 and 1"):
        asked_for([], [1.0])
    one_kind = scored([0, 0, 0], [0.1, 0.2, 0.3])
    with pytest.raises(UsageError, match="positive and other images"):
        fit(Rule("specificity", 0.9), Scored(one_kind.view("positive")))
    assert np.isnan(fit(ARGMAX, Scored(one_kind.view("positive"))).threshold)


def test_probabilities_that_are_added_up_meet_the_threshold_they_add_up_to():
    """.7 + .1 is .7999... in binary: with a threshold of .8 the image is called positive."""
    prob = np.array([[0.1, 0.1, 0.7, 0.1], [0.6, 0.2, 0.1, 0.1]])
    sample = Sample(np.array([2, 0]), np.array([2, 0]), 4, y_prob=prob, positive=(False, False, True, True))
    judged = Scored(sample.view("positive"))
    assert prob[0, 2] + prob[0, 3] < 0.8
    assert judged.called(fit(Rule("threshold", 0.8), judged)).tolist() == [True, False]
