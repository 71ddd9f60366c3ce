"""Planning: designs, outcomes, closed form, simulation and search, with hand-computed values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from dermbench.artifacts.skin import FST_NAMES
from dermbench.artifacts.truth import make_truth
from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.planning import approximate, study, test_set
from dermbench.evaluation.planning.approximate import Approximation
from dermbench.evaluation.planning.assumed import Assumed
from dermbench.evaluation.planning.dataset import glance
from dermbench.evaluation.planning.design import Design, PerUnit, new_layout, new_study
from dermbench.evaluation.planning.outcomes import Outcomes
from dermbench.evaluation.planning.plan import plan_study, plan_test_set
from dermbench.evaluation.planning.search import Tried, reach, search
from dermbench.evaluation.planning.trials import N_PERMUTATIONS, Trials
from dermbench.evaluation.resampling.plan import Plan, generator
from dermbench.reporting.plan import plan_markdown

ACCURACY = METRICS.get("accuracy")
AJL = {"I": 238, "II": 397, "III": 243, "IV": 186, "V": 83, "VI": 44}


@pytest.fixture
def few(monkeypatch):
    """Simulate little."""
    monkeypatch.setattr(study, "ROUNDS", (20, 40))
    monkeypatch.setattr(test_set, "ROUNDS", (20, 40))
    monkeypatch.setattr(test_set, "MARGIN_SETS", 100)
    monkeypatch.setattr(approximate, "LOG_POINTS", 8)


def mixed_design():
    """Three classes, patients of one to three images, the first two patients in two groups."""
    rng = np.random.default_rng(1)
    unit = np.repeat(np.arange(60), rng.integers(1, 4, 60))
    codes = (unit * 3) // 60
    codes[[0, np.flatnonzero(unit == 1)[0]]] = 2
    y_true = rng.integers(0, 3, len(unit))
    sample = Sample(y_true, y_true, 3, unit=unit)
    return Design.of(sample, Grouping("fst", codes, ("I", "II", "III"), ordered=True), ACCURACY)


def truth_of(sizes, **columns):
    fst = np.repeat([1 + FST_NAMES.index(g) for g in sizes], list(sizes.values()))
    ids = [f"i{k:05d}" for k in range(len(fst))]
    label = np.where(np.arange(len(fst)) % 2, "nevus", "melanoma")
    return make_truth(
        pd.DataFrame({"image_id": ids, "label": label, "fst": fst, **columns}),
        task="t",
        malignancy={"nevus": "benign", "melanoma": "malignant"},
    )


def test_images_of_units_have_the_mean():
    assert PerUnit(1.5).images(4).tolist() == [1, 2, 1, 2]
    assert PerUnit(1.1).images(10).sum() == 11
    assert PerUnit(2).images(3).tolist() == [2, 2, 2]


def test_geometric_numbers_of_images_are_quantiles():
    """P(1) = 1/2, P(2) = 1/4, P(3) = 1/8 ...: half of eight units have one image, one has four."""
    assert PerUnit(2, vary=True).images(8).tolist() == [1, 1, 1, 1, 2, 2, 3, 4]
    assert PerUnit(1, vary=True).images(3).tolist() == [1, 1, 1]
    many = PerUnit(2, vary=True).images(10_000)
    assert many.mean() == pytest.approx(2, abs=0.01)
    assert (many**2).sum() / many.sum() == pytest.approx(3, abs=0.05)  # (variance 2 + mean squared 4) / mean 2


def test_layout_of_a_design_counts_images_units_and_their_sizes():
    sample = Sample(np.array([0, 0, 0, 0, 1]), np.zeros(5, dtype=int), 2, unit=np.array([0, 1, 1, 1, 2]))
    layout = Design(sample, Grouping("g", np.array([0, 0, 0, 0, 1]), ("a", "b")), ACCURACY).layout
    assert layout.counts.tolist() == [[4, 0], [0, 1]]
    assert layout.units.tolist() == [2, 1]
    assert layout.per_unit.tolist() == [2.5, 1]  # (1 + 9) / 4
    assert layout.design_effects(0.4).tolist() == [1.6, 1]
    assert layout.clustered


def test_new_layout_is_that_of_the_new_study():
    made = new_study("fst", {"I": 7, "II": 4}, PerUnit(1.5), ACCURACY, ordered=True).layout
    quick = new_layout({"I": 7, "II": 4}, PerUnit(1.5), ordered=True)
    assert made.counts.sum(axis=1).tolist() == quick.counts[:, 0].tolist() == [10, 6]
    assert made.units.tolist() == quick.units.tolist()
    assert made.per_unit.tolist() == quick.per_unit.tolist()
    assert made.clustered
    assert quick.clustered


def test_only_images_that_count_for_a_sensitivity_enter():
    sample = Sample(np.array([0, 1, 1]), np.zeros(3, dtype=int), 2, positive=(False, True))
    design = Design(sample, Grouping("g", np.array([0, 0, 1]), ("a", "b")), METRICS.get("sensitivity"))
    assert design.enters.tolist() == [False, True, True]
    assert design.layout.counts.sum(axis=1).tolist() == [1, 1]
    assert new_study("g", {"a": 2, "b": 2}, PerUnit(1), design.metric, ordered=False).enters.all()


def test_outcomes_have_the_rates_and_the_correlation():
    design = new_study("g", {"a": 4_000, "b": 4_000}, PerUnit(2), ACCURACY, ordered=False)
    right = Outcomes.of(design, 0.3).draw(np.random.default_rng(0), np.array([0.8, 0.6]), 2).astype(float)
    for group, rate in ((0, 0.8), (1, 0.6)):
        pairs = right[:, design.grouping.codes == group].reshape(-1, 2)
        assert pairs.mean() == pytest.approx(rate, abs=0.015)
        assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.3, abs=0.035)


def test_outcomes_of_a_unit_in_two_groups_have_the_rate_of_each():
    unit = np.repeat(np.arange(3_000), 2)
    codes = np.tile([0, 1], 3_000)
    zeros = np.zeros(6_000, dtype=int)
    design = Design(Sample(zeros, zeros, 2, unit=unit), Grouping("g", codes, ("a", "b")), ACCURACY)
    right = Outcomes.of(design, 0.4).draw(np.random.default_rng(0), np.array([0.8, 0.5]), 2).astype(float)
    assert right[:, codes == 0].mean() == pytest.approx(0.8, abs=0.015)
    assert right[:, codes == 1].mean() == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(right[:, codes == 0].ravel(), right[:, codes == 1].ravel())[0, 1] > 0.2


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_certain_outcomes_stay_certain(rate):
    design = new_study("g", {"a": 5, "b": 5}, PerUnit(2), ACCURACY, ordered=False)
    right = Outcomes.of(design, 0.5).draw(np.random.default_rng(0), np.array([rate, rate]), 3)
    assert right.mean() == rate


def test_closed_power_of_two_groups_is_that_of_the_two_sample_test():
    layout = new_layout({"a": 200, "b": 200}, PerUnit(1), ordered=False)
    null, true = np.sqrt(0.75 * 0.25 / 100), np.sqrt((0.16 + 0.21) / 200)
    by_hand = norm.cdf((0.1 - norm.ppf(0.975) * null) / true)
    assert by_hand == pytest.approx(0.637, abs=0.001)
    assert Approximation(layout, 0.0).power(np.array([0.8, 0.7])) == pytest.approx(by_hand, abs=0.012)


def test_closed_power_counts_correlated_images_for_less():
    """300 patients of two images that correlate with 1/3 are worth 450 images of their own."""
    rates = np.array([0.8, 0.7])
    pairs = Approximation(new_layout({"a": 300, "b": 300}, PerUnit(2), ordered=False), 1 / 3).power(rates)
    single = Approximation(new_layout({"a": 450, "b": 450}, PerUnit(1), ordered=False), 0.0).power(rates)
    assert pairs == pytest.approx(single, abs=0.01)


def test_closed_margin_of_two_groups_is_that_of_wilson_arms():
    low, high = proportion_confint(400, 500, alpha=0.1, method="wilson")
    arm = np.hypot(0.8 - low, high - 0.8)
    by_hand = 2 * norm.cdf((0.1 - arm) / np.sqrt(2 * 0.16 / 500)) - 1
    form = Approximation(new_layout({"a": 500, "b": 500}, PerUnit(1), ordered=False), 0.0)
    assert form.within(0.8, 0.1) == pytest.approx(by_hand, abs=0.01)


def test_closed_form_rises_with_drop_and_size():
    def form(n):
        return Approximation(new_layout(dict.fromkeys(("I", "II", "III"), n), PerUnit(1), ordered=True), 0)

    by_drop = [form(100).power(np.array([0.8, 0.8, 0.8 - drop])) for drop in (0.05, 0.1, 0.2, 0.3)]
    by_size = [form(n).power(np.array([0.8, 0.8, 0.7])) for n in (50, 100, 200, 400)]
    margins = [form(n).within(0.8, 0.1) for n in (100, 200, 400)]
    for powers in (by_drop, by_size, margins):
        assert all(a < b for a, b in pairwise(powers))


def test_trials_say_what_the_engine_says_of_the_same_predictions():
    """Each simulated test set, written as predictions, gets the p-value and limits of the primary row."""
    design, rates, sets = mixed_design(), np.array([0.9, 0.9, 0.3]), 6
    rng = generator(7, "found same", 0)
    plan = Plan(int(rng.integers(2**31)), N_PERMUTATIONS)
    right = Outcomes.of(design, 0.3).draw(rng, rates, sets)
    declared = 0
    for answers in right:
        wrong = (design.sample.y_true + 1) % 3
        predicted = np.where(answers, design.sample.y_true, wrong)
        sample = Sample(design.sample.y_true, predicted, 3, unit=design.sample.unit)
        test = gap_tests(sample, design.grouping, [ACCURACY], plan)["accuracy"]
        p = p_value(float(test.statistics.max()), test.permuted)
        declared += p <= 0.05 and gap_limits(test, critical(test.permuted)).at_least > 0
    assert declared > 0
    assert Trials(design, 0.3, 7).found(rates, sets, stream="same") == declared


def test_trials_are_the_same_for_a_seed_and_differ_between_seeds():
    design = new_study("g", {"a": 30, "b": 30}, PerUnit(1), ACCURACY, ordered=False)
    rates = np.array([0.8, 0.8])
    first, again, other = (Trials(design, 0.0, seed).at_most(rates, 20, stream="") for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_trials_find_everything_or_nothing():
    design = new_study("g", {"a": 60, "b": 60}, PerUnit(1), ACCURACY, ordered=False)
    trials = Trials(design, 0.0, 0)
    assert trials.found(np.array([0.95, 0.05]), 20, stream="") == 20
    assert trials.found(np.array([0.8, 0.8]), 100, stream="") <= 12  # 5 expected, four errors above
    assert (trials.at_most(np.array([0.8, 0.8]), 20, stream="") > 0.05).all()


def test_accuracy_62_with_44_images_never_reaches_a_margin_of_10():
    """The smallest upper limit: equal shares of right answers in all groups."""
    design = new_study("fst", AJL, PerUnit(1), ACCURACY, ordered=True)
    limits = Trials(design, 0.0, 0).at_most(np.full(6, 0.62), 50, stream="")
    assert limits.min() > 0.1


class Known:
    """A question whose power is Phi(x - .3), while the closed form takes it for Phi(x)."""

    whole = False

    def __init__(self, high=4.0):
        self.low, self.high = 0.0, high

    def closed(self, x):
        return float(norm.cdf(x))

    def count(self, x, n_sets, stream):
        return round(n_sets * norm.cdf(x - 0.3))


def test_search_corrects_the_closed_form():
    found = search(Known(), (1_000, 4_000, 8_000))
    assert found.x == pytest.approx(norm.ppf(0.8) + 0.3, abs=0.01)
    assert found.power == pytest.approx(0.8, abs=0.002)
    assert found.n_sets == 15_000
    assert found.error == pytest.approx(np.sqrt(0.16 / 15_000), rel=0.3)


def test_search_says_that_the_largest_is_not_enough():
    found = search(Known(high=0.1), (100, 1_000))
    assert found.x is None
    assert found.power == pytest.approx(norm.cdf(-0.2), abs=0.01)
    assert found.tried == (Tried(0.1, 42, 100),)  # hopeless: not simulated again


def test_reach_returns_the_first_whole_number():
    class Whole(Known):
        whole = True
        low, high = 2, 1_000

        def __init__(self):
            pass

        def closed(self, x):
            return 0.9 if x >= 37 else 0.1

    assert reach(Whole(), 0.8) == 37


@pytest.mark.usefixtures("few")
def test_a_study_needs_more_patients_for_a_smaller_drop_and_a_larger_correlation():
    def units(**options):
        assumed = Assumed(**{"drop": 0.2, "correlation": 0.3} | options)
        return plan_study("V-VI", None, assumed, per_unit=PerUnit(2)).sizes[0].units

    base = units()
    assert units(drop=0.15) > 1.3 * base
    assert units(correlation=0.8) > 1.1 * base


@pytest.mark.usefixtures("few")
def test_a_study_with_fixed_others_says_that_no_size_is_enough():
    made = plan_study("VI", {"I": 20, "II": 20}, Assumed(margin=0.1))
    (size,) = made.sizes
    assert (size.question, size.units) == ("margin", None)
    assert size.power < 0.8
    assert size.reason == "with the other groups at these sizes, no number of units up to 800 is enough"
    assert {name: part.units for name, part in made.groups.items()} == {"I": 20, "II": 20}


@pytest.mark.usefixtures("few")
def test_a_study_in_proportion_keeps_the_proportions():
    made = plan_study(
        "V\N{EN DASH}VI", {"I-II": 40, "III-IV": 20, "V-VI": 10}, Assumed(drop=0.2), in_proportion=True
    )
    groups = made.sizes[0].groups
    units = groups["V-VI"].units
    assert (groups["I-II"].units, groups["III-IV"].units) == (4 * units, 2 * units)
    assert made.growth == "in_proportion"


@pytest.mark.usefixtures("few")
def test_a_study_too_large_to_simulate_is_answered_by_the_closed_form():
    (size,) = plan_study("VI", None, Assumed(drop=0.015)).sizes
    assert size.sets == 0
    assert size.error is None
    assert size.reason == "closed form, not simulated: more than 40,000 images"
    assert size.units > 40_000 / 6


@pytest.mark.usefixtures("few")
def test_both_questions_are_asked_about_10_by_default():
    made = plan_study("V-VI", None, Assumed())
    assert [(size.question, size.amount) for size in made.sizes] == [("drop", 0.1), ("margin", 0.1)]
    assert made.sizes[1].units > made.sizes[0].units


@pytest.mark.usefixtures("few")
def test_sizes_with_the_group_itself_are_a_test_set():
    made = plan_study("VI", AJL, Assumed(drop=0.2))
    assert made.kind == "test_set"
    assert [drop.group for drop in made.drops] == ["VI"]
    assert made.groups["VI"].units == 44


@pytest.mark.usefixtures("few")
def test_a_test_set_shows_smaller_drops_in_larger_groups():
    made = plan_test_set(truth_of({"I": 200, "III": 60, "VI": 20}), Assumed(), metric="accuracy")
    drops = {answer.group: answer.drop for answer in made.drops}
    assert drops["I"] < drops["III"] < drops["VI"]
    assert made.margin.reachable > 0.1
    assert made.margin.chance == 0
    assert made.unit == "image"
    assert made.assumptions.correlation is None


@pytest.mark.usefixtures("few")
def test_the_units_of_a_test_set_are_its_patients():
    truth = truth_of({"I": 60, "VI": 40}, patient_id=[f"p{k // 2}" for k in range(100)])
    made = plan_test_set(truth, Assumed(), group="VI")
    assert made.unit == "patient"
    assert (made.groups["VI"].units, made.groups["VI"].images) == (20, 20)  # every other image is a melanoma
    assert made.metric == "sensitivity"


@pytest.mark.usefixtures("few")
def test_even_only_wrong_answers_are_not_found_in_two_images():
    made = plan_test_set(truth_of({"I": 40, "VI": 2}), Assumed(rate=0.4), metric="accuracy", group="VI")
    assert made.drops[0].drop is None
    assert made.drops[0].reason == "even if every answer in this group were wrong"


@pytest.mark.usefixtures("few")
def test_groups_without_an_answer_for_the_same_reason_share_a_sentence():
    made = plan_test_set(truth_of({"I": 40, "V": 2, "VI": 2}), Assumed(rate=0.4), metric="accuracy")
    assert {answer.reason for answer in made.drops} == {"even if every answer in this group were wrong"}
    text = plan_markdown(made)
    assert "is found with 80 % power (even if every answer in this group were wrong)." in text
    assert text.count("No drop in") == 1


@pytest.mark.usefixtures("few")
def test_groups_without_a_common_class_have_a_reason():
    truth = truth_of({"I": 20, "II": 20, "VI": 20})
    table = truth.table.assign(label=np.where(truth.table["fst"] == 6, "melanoma", "nevus"))
    made = plan_test_set(make_truth(table.drop(columns="fst_band")), Assumed(), metric="accuracy")
    assert {a.group: a.drop is None for a in made.drops} == {"I": False, "II": False, "VI": True}
    assert made.drops[2].reason == "shares too few classes with every other group to be compared"
    assert made.margin.reason == "no upper limit: I and VI share too few classes to be compared"


def test_closed_form_and_simulation_agree_on_the_smallest_drop(monkeypatch):
    """The tolerance of docs/how-to/plan-a-test-set.md: .03."""
    monkeypatch.setattr(test_set, "ROUNDS", (60, 200))
    monkeypatch.setattr(approximate, "LOG_POINTS", 10)
    design = new_study("fst", {"I": 90, "II": 60, "III": 40}, PerUnit(1), ACCURACY, ordered=True)
    planned = test_set.TestSet(design, 0.8, 0.0, 0)
    simulated, _ = test_set.smallest_drop(planned, 2, 0.1)
    assert simulated.drop == pytest.approx(test_set.closed_drop(planned, 2), abs=0.03)


def test_glance_is_about_the_group_with_the_fewest_units():
    found = glance(truth_of({"I": 200, "III": 60, "VI": 20}))
    assert (found.group, found.images, found.units, found.unit) == ("VI", 10, 10, "image")
    assert found.metric == "sensitivity"  # of two classes one is malignant: what the report asks first
    assert 0.35 < found.drop < 0.65
    assert glance(truth_of({"I": 200})) is None


@pytest.mark.parametrize(
    ("group", "sizes", "options", "said"),
    [
        ("VI", None, {"rate": 1.2}, "rate 1.2 is not between 0 and 1"),
        ("VI", None, {"rate": 0.3, "drop": 0.4}, "a drop of 0.4 from a rate of 0.3 ends below 0"),
        ("VI", None, {"drop": 0.0}, "drop 0 is not between 0 and 1"),
        ("VI", None, {"margin": 1.0}, "margin 1 is not between 0 and 1"),
        ("VI", None, {"correlation": 1.0}, "correlation 1 is not at least 0 and below 1"),
        ("VII", None, {}, "unknown group 'VII'"),
        ("VII", {"I": 10}, {}, "unknown group 'VII' beside I: it is one of I, II"),
        ("VI", {"I": 1}, {}, r"too small: I \(1\); a group has at least 2 patients"),
        ("VI", {"VI": 10}, {}, "a gap needs at least two groups"),
        ("VI", {"I": 1}, {"rate": 2.0, "margin": 0.0}, "rate 2 .*margin 0 .*too small"),
    ],
)
def test_a_study_is_refused_with_all_problems(group, sizes, options, said):
    with pytest.raises(UsageError, match=said):
        plan_study(group, sizes, Assumed(**options))


def test_further_options_of_a_study_are_refused():
    with pytest.raises(UsageError, match=r"images per unit 0\.5"):
        plan_study("VI", None, Assumed(), per_unit=PerUnit(0.5))
    with pytest.raises(UsageError, match="proportions are unknown"):
        plan_study("VI", {"I": 10}, Assumed(), in_proportion=True)
    for metric in ("macro_f1", "top3_accuracy"):
        with pytest.raises(UsageError, match=f"metric '{metric}' cannot be planned for; there are accuracy"):
            plan_study("VI", None, Assumed(), metric=metric)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"group": "V"}, "unknown group 'V' of fst; there are I, VI"),
        ({"feature": "sex"}, "no sensitive feature 'sex'"),
        ({"metric": "kappa"}, "metric 'kappa' cannot be planned for"),
    ],
)
def test_a_test_set_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        plan_test_set(truth_of({"I": 10, "VI": 10}), Assumed(), **options)


def test_a_test_set_of_one_group_or_without_positive_classes_is_refused():
    with pytest.raises(UsageError, match="a gap needs two known groups"):
        plan_test_set(truth_of({"I": 10}), Assumed())
    truth = make_truth(pd.DataFrame({"image_id": ["a", "b"], "label": ["x", "y"], "fst": [1, 2]}))
    with pytest.raises(UsageError, match="no positive classes are declared"):
        plan_test_set(truth, Assumed(), metric="sensitivity")
    with pytest.raises(UsageError, match="no sensitive feature to plan for"):
        plan_test_set(make_truth(truth.table[["image_id", "label"]]), Assumed())
