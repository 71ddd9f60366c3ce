"""Paired tests and intervals: against published values, exact enumeration and library functions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, f1_score

from dermbench.evaluation import METRICS
from dermbench.evaluation.core.metric import tally
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.paired.pairs import mcnemar_mid_p
from dermbench.evaluation.paired.proportions import paired_difference, score_limits
from dermbench.evaluation.paired.scores import NO_VARIATION, GroupScores, Scorer, paired_estimate
from dermbench.evaluation.paired.swaps import seed_pairs, swap
from dermbench.evaluation.paired.tallies import Tallies
from dermbench.evaluation.resampling.plan import Plan

Y_TRUE = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
FIRST = np.array([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 0])
SECOND = np.array([0, 1, 1, 1, 1, 0, 0, 1, 2, 1, 2, 0])
ACCURACY = METRICS.get("accuracy")
UNITS = np.array([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8])


def mid_p(b, c):
    return float(mcnemar_mid_p(np.array(b), np.array(c)))


def test_mcnemar_of_the_published_example():
    """Fagerland et al. 2013, airway hyper-responsiveness before and after transplantation: 1 and 7 changes."""
    assert mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)
    assert mid_p(7, 1) == mid_p(1, 7)


def test_mcnemar_without_difference():
    assert mid_p(0, 0) == 1
    assert mid_p(9, 9) == 1


@pytest.mark.parametrize(("b", "c"), [(0, 5), (3, 12), (20, 30)])
def test_mcnemar_mid_p_lies_between_half_and_all_of_the_exact_p(b, c):
    exact = binomtest(b, b + c).pvalue
    assert exact / 2 <= mid_p(b, c) < exact


def exchanges(units, moving):
    """All ways to exchange the answers of the units that differ."""
    swaps = np.zeros((2 ** len(moving), units.max() + 1), dtype=bool)
    swaps[:, moving] = list(itertools.product([False, True], repeat=len(moving)))
    return swaps[:, units]


@pytest.mark.parametrize("name", ["macro_f1", "cohen_kappa"])
@pytest.mark.parametrize("unit", [None, UNITS])
def test_label_swap_is_the_exact_test(name, unit):
    def value(y_pred):
        if name == "cohen_kappa":
            return cohen_kappa_score(Y_TRUE, y_pred)
        return f1_score(Y_TRUE, y_pred, average="macro")

    units = np.arange(12) if unit is None else unit
    swaps = exchanges(units, np.unique(units[FIRST != SECOND]))
    permuted = [value(np.where(s, FIRST, SECOND)) - value(np.where(s, SECOND, FIRST)) for s in swaps]
    exact = np.mean(np.abs(permuted) >= abs(value(SECOND) - value(FIRST)) - 1e-12)
    tallies = Tallies.of(Sample(Y_TRUE, FIRST, 3, unit=unit), [FIRST, SECOND])
    found = swap(tallies, seed_pairs([1, 1]), Scorer([METRICS.get(name)]), Plan(0, 9999), stream="t")
    assert found.observed[0, 0] == pytest.approx(value(SECOND) - value(FIRST))
    assert found.p_value[0, 0] == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("unit", [None, UNITS])
def test_worst_group_is_exact_too(unit):
    """Groups of 6, 3 and 3 images; whole units are exchanged, also across groups."""
    codes = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 2, 2])

    def value(y_pred):
        return np.min([np.mean((y_pred == Y_TRUE)[codes == g]) for g in range(3)])

    units = np.arange(12) if unit is None else unit
    swaps = exchanges(units, np.unique(units[FIRST != SECOND]))
    permuted = [value(np.where(s, FIRST, SECOND)) - value(np.where(s, SECOND, FIRST)) for s in swaps]
    exact = np.mean(np.abs(permuted) >= abs(value(SECOND) - value(FIRST)) - 1e-12)
    tallies, scorer = Tallies.of(Sample(Y_TRUE, FIRST, 3, unit=unit), [FIRST, SECOND], codes), Scorer([ACCURACY])
    found = swap(tallies, seed_pairs([1, 1]), scorer, Plan(0, 9999), stream="t", reduce=lambda v: v.min(axis=1))
    assert found.p_value[0, 0] == pytest.approx(exact, abs=0.015)


def test_an_undefined_difference_has_no_p_value():
    """Kappa is undefined where all images are of one class and answered alike."""
    alike = np.zeros(6, dtype=np.intp)
    tallies = Tallies.of(Sample(alike, alike, 2), [alike, alike])
    found = swap(tallies, seed_pairs([1, 1]), Scorer([METRICS.get("cohen_kappa")]), Plan(0, 99), stream="t")
    assert np.isnan(found.p_value).all()


def test_seeds_are_swapped_as_one_model():
    """Two seeds against two: the average of the scores under the exchange of both at once."""
    rng = np.random.default_rng(3)
    answers = [np.where(rng.random(12) < 0.7, Y_TRUE, rng.integers(0, 3, 12)) for _ in range(4)]
    swaps = exchanges(UNITS, np.arange(9))

    def apart(s):
        first = [f1(np.where(s, answers[i + 2], answers[i])) for i in range(2)]
        second = [f1(np.where(s, answers[i], answers[i + 2])) for i in range(2)]
        return np.mean(second) - np.mean(first)

    def f1(y_pred):  # scikit-learn's value is checked elsewhere and takes a hundred times as long
        return float(METRICS.get("macro_f1").score(tally(Y_TRUE, y_pred, 3)))

    exact = np.mean(np.abs([apart(s) for s in swaps]) >= abs(apart(np.zeros(12, dtype=bool))) - 1e-12)
    tallies, scorer = (
        Tallies.of(Sample(Y_TRUE, answers[0], 3, unit=UNITS), answers),
        Scorer([METRICS.get("macro_f1")]),
    )
    found = swap(tallies, seed_pairs([2, 2]), scorer, Plan(0, 9999), stream="t")
    assert found.p_value[0, 0] == pytest.approx(exact, abs=0.015)


def test_score_limits_of_the_published_example():
    """Fagerland et al. 2014, 21 children before and after transplantation, 1 and 7 changes: Tango's interval."""
    first = np.repeat([1.0, 1.0, 0.0, 0.0], [1, 7, 1, 12])
    second = np.repeat([1.0, 0.0, 1.0, 0.0], [1, 7, 1, 12])
    zeros = np.zeros(21, dtype=np.intp)
    found = paired_difference(Sample(zeros, zeros, 2), first, second).cell()
    assert found.value == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("n", [8, 20, 44])
@pytest.mark.parametrize("lost", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("both_ways", [0.0, 0.01, 0.05, 0.15])
def test_one_sided_limits_of_small_groups_are_too_high_in_at_most_7_percent(n, lost, both_ways):
    """Exactly: over all tables of n images, where the second model loses ``lost``."""
    gained_lost = [(i, j) for i in range(n + 1) for j in range(n + 1 - i)]
    chances = multinomial([1 - lost - 2 * both_ways, both_ways, lost + both_ways], n)
    z = 1.6448536
    missed = [
        chances(n - i - j, i, j) for i, j in gained_lost if score_limits(i / n, j / n, n, z=z)[0] > -lost + 1e-9
    ]
    assert sum(missed) <= 0.07


def multinomial(probabilities, n):
    """Return the probability of a table as a function of its counts."""

    def of(*counts):
        pairs = list(zip(counts, probabilities, strict=True))
        if any(k and not p for k, p in pairs):
            return 0.0
        logs = [k * np.log(p) - gammaln(k + 1) for k, p in pairs if k]
        return float(np.exp(gammaln(n + 1) + sum(logs)))

    return of


def test_models_that_answer_alike_have_an_interval_that_shrinks_with_n():
    widths = []
    for n in (10, 100, 1000):
        zeros, hits = np.zeros(n, dtype=np.intp), np.ones(n)
        found = paired_difference(Sample(zeros, zeros, 2), hits, hits).cell()
        assert found.value == 0
        widths.append(found.high - found.low)
    assert widths[0] > 0.4
    assert widths[0] > widths[1] > widths[2] > 0


def test_clusters_of_equal_images_count_once():
    rng = np.random.default_rng(0)
    once = rng.integers(0, 2, (2, 200)).astype(float)
    zeros = np.zeros(200, dtype=np.intp)
    plain = paired_difference(Sample(zeros, zeros, 2), *once).cell()
    four = np.repeat(zeros, 4)
    units = np.repeat(np.arange(200), 4)
    clustered = paired_difference(Sample(four, four, 2, unit=units), *np.repeat(once, 4, axis=1)).cell()
    assert clustered.low == pytest.approx(plain.low, abs=0.01)
    assert clustered.high == pytest.approx(plain.high, abs=0.01)
    naive = paired_difference(Sample(four, four, 2), *np.repeat(once, 4, axis=1)).cell()
    assert naive.high - naive.low < 0.6 * (plain.high - plain.low)


def test_one_unit_has_no_interval():
    zeros = np.zeros(4, dtype=np.intp)
    found = paired_difference(Sample(zeros, zeros, 2, unit=zeros), np.ones(4), np.array([1.0, 0, 0, 1]))
    assert found.cell().low is None
    assert "one independent unit" in found.cell().reason


def test_no_interval_without_width():
    assert paired_estimate(0.0, np.zeros(99), 0.0, n=10, n_units=10).cell().reason == NO_VARIATION


def test_group_values_and_draws_are_those_of_the_groups():
    rng = np.random.default_rng(4)
    y_true, codes = rng.integers(0, 3, 90), rng.integers(0, 2, 90)
    answers = [np.where(rng.random(90) < 0.7, y_true, rng.integers(0, 3, 90)) for _ in range(3)]
    tallies = Tallies.of(Sample(y_true, answers[0], 3), answers, codes)
    scorer = Scorer([METRICS.get("macro_f1")])
    units = np.bincount(codes)
    found = GroupScores.of(tallies, [2, 1], scorer, Plan(0, 199), n_units=units, stream="t", total=True)
    for g in range(2):
        each = [f1_score(y_true[codes == g], a[codes == g], average="macro") for a in answers]
        assert found.observed[0, g, 0] == pytest.approx(np.mean(each[:2]))
        assert found.observed[1, g, 0] == pytest.approx(each[2])
    assert found.observed[1, 2, 0] == pytest.approx(f1_score(y_true, answers[2], average="macro"))
    assert found.replicates.shape == (199, 2, 3, 1)
    assert found.replicates[:, 1, 0, 0].mean() == pytest.approx(found.observed[1, 0, 0], abs=0.03)
