"""Rank bands and letters: against exact answers, brute force, and their own definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import f1_score

from dermbench.artifacts import Predictions
from dermbench.errors import RegistryError, UsageError
from dermbench.evaluation import METRICS, rank_bands
from dermbench.evaluation.core.metric import tally
from dermbench.evaluation.core.sample import Sample, join
from dermbench.evaluation.intervals.delong import auroc_influence
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.ranks import Ranking, all_pairs
from dermbench.evaluation.paired.swaps import seed_pairs
from dermbench.evaluation.paired.tallies import Tallies
from dermbench.evaluation.resampling.plan import Plan


def ranking(n, *apart):
    p = np.ones((n, n))
    for i, j in apart:
        p[i, j] = p[j, i] = 0.001
    return Ranking(tuple(f"m{k}" for k in range(n)), np.arange(n)[::-1] / 10, p, p, "test")


def test_bands_count_the_models_that_are_better_and_worse():
    found = ranking(4, (0, 2), (0, 3), (1, 3))
    assert found.bands() == {"m0": (1, 2), "m1": (1, 3), "m2": (2, 4), "m3": (3, 4)}


def test_letters_are_shared_by_those_that_cannot_be_told_apart_and_only_by_these():
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        pairs_ = [pair for pair in itertools.combinations(range(n), 2) if rng.random() < 0.5]
        letters = ranking(n, *pairs_).letters()
        for i, j in itertools.combinations(range(n), 2):
            assert (not set(letters[f"m{i}"]) & set(letters[f"m{j}"])) == ((i, j) in pairs_)
        assert all(letters.values())


def test_letters_give_up_where_there_would_be_too_many():
    """Thirty models in fifteen pairs that are told apart: 2^15 sets."""
    found = ranking(30, *[(2 * k, 2 * k + 1) for k in range(15)])
    assert found.letters() == {}
    assert found.bands()["m0"] == (1, 29)


@pytest.mark.parametrize(
    "metric", ["accuracy", "macro_f1", "balanced_accuracy", "cohen_kappa", "log_loss", "auroc_ovr"]
)
def test_a_far_better_model_is_first_and_equal_ones_share_a_band(models, metric):
    predictions, truth = models(300, gains=(0.0, 0.05, 2.0))
    found = rank_bands(predictions, truth, metric=metric, n_resamples=499)
    assert found["m2"] == (1, 1)
    assert found["m0"] == found["m1"] == (2, 3)


def test_one_model_and_the_same_model_twice(models):
    predictions, truth = models(50)
    assert rank_bands({"x": predictions["m0"]}, truth) == {"x": (1, 1)}
    assert rank_bands({"y": predictions["m0"], "x": predictions["m0"]}, truth, n_resamples=99) == {
        "x": (1, 2),
        "y": (1, 2),
    }


def test_refusals_and_models_without_a_value(models):
    predictions, truth = models(50)
    with pytest.raises(UsageError, match="no paired test"):
        rank_bands(predictions, truth, metric="average_precision")
    with pytest.raises(RegistryError):
        rank_bands(predictions, truth, metric="macro_f11")
    labels = Predictions(truth.image_id, truth.classes, predictions["m1"].y_pred)
    assert rank_bands(predictions | {"labels": labels}, truth, metric="log_loss", n_resamples=99).keys() == {
        "m0",
        "m1",
    }


@pytest.mark.parametrize("unit", [None, np.array([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8])])
def test_all_pairs_of_macro_f1_are_the_exact_test(unit):
    """All ways to exchange the answers of each unit, scored by scikit-learn."""
    y_true = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    answers = [
        np.array([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 0]),
        np.array([0, 1, 1, 1, 1, 0, 0, 1, 2, 1, 2, 0]),
        np.array([0, 0, 2, 2, 1, 1, 1, 0, 2, 2, 2, 2]),
    ]
    units = np.arange(12) if unit is None else unit

    def value(y_pred):
        return f1_score(y_true, y_pred, average="macro")

    exact = []
    for first, second in itertools.combinations(answers, 2):
        moving = np.unique(units[first != second])  # exchanging equal answers changes nothing
        swaps = np.zeros((2 ** len(moving), units.max() + 1), dtype=bool)
        swaps[:, moving] = list(itertools.product([False, True], repeat=len(moving)))
        swaps = swaps[:, units]
        told = [value(np.where(s, first, second)) - value(np.where(s, second, first)) for s in swaps]
        exact.append(np.mean(np.abs(told) >= abs(value(second) - value(first)) - 1e-12))
    sample = Sample(y_true, answers[0], 3, unit=unit)
    made, test = pairs.count_tests(
        sample, [[a] for a in answers], METRICS.get("macro_f1"), Plan(0, 9999), stream="t"
    )
    assert test == pairs.LABEL_SWAP
    assert made == pytest.approx(exact, abs=0.015)


def test_sign_flips_of_all_pairs_are_the_exact_test():
    unit = np.array([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8])
    values = np.random.default_rng(3).integers(0, 2, (3, 12)).astype(float)
    sample = Sample(np.zeros(12, dtype=np.intp), np.zeros(12, dtype=np.intp), 2, unit=unit)
    made, test = pairs.sum_tests(sample, values, Plan(0, 9999), stream="t")
    assert test == pairs.SIGN_FLIP
    for p, (a, b) in zip(made, itertools.combinations(values, 2), strict=True):
        apart = np.bincount(unit, weights=b - a)
        flips = np.array(list(itertools.product([-1, 1], repeat=len(apart)))) @ apart
        assert p == pytest.approx(np.mean(np.abs(flips) >= abs(apart.sum()) - 1e-9), abs=0.015)


def test_delong_of_a_pair_is_the_textbook_one():
    rng = np.random.default_rng(5)
    y_true = rng.integers(0, 2, 80)
    first = y_true + rng.normal(size=80)
    second = 0.5 * y_true + 0.5 * first + rng.normal(size=80)
    prob = [np.column_stack([-s, s]) for s in (first, second)]
    made, _ = pairs.auroc_tests(Sample(y_true, y_true, 2), [[p] for p in prob])
    (one, d_one), (two, d_two) = (auroc_influence(y_true == 1, s) for s in (first, second))
    se = np.sqrt(np.sum((d_two - d_one) ** 2))
    assert made[0] == pytest.approx(2 * norm.sf(abs(two - one) / se))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "kappa_quadratic"])
def test_a_swap_is_an_exchange_of_predictions(name):
    rng = np.random.default_rng(7)
    y_true, unit = rng.integers(0, 3, 40), rng.integers(0, 15, 40)
    answers = [rng.integers(0, 3, 40) for _ in range(2)]
    metric, sample = METRICS.get(name), Sample(y_true, answers[0], 4, unit=unit)
    tallies = Tallies.of(sample, answers, steps=metric.needs_order)
    inside = tallies.swapped(np.random.default_rng(1), 8)
    moved = tallies.answers[0][..., None] + inside[1] - inside[0]
    told = metric.score(tallies.tally(moved))[:, 0]
    swaps = np.random.default_rng(1).integers(0, 2, (sample.n_units, 8), dtype=np.int8).astype(bool)
    exchanged = np.where(swaps[sample.units].T, answers[1], answers[0])
    assert told == pytest.approx([float(metric.score(tally(y_true, e, 4))) for e in exchanged], abs=1e-6)


def test_many_models_need_more_than_the_smallest_p_value_of_the_swaps():
    """With 99 swaps no p value is below .01, and 45 pairs would make .45 of it."""
    beyond, n = np.array([0, 0, 3]), 99
    p = pairs.tail_p(np.array([1.0, 0.1, 1.0]), beyond, np.array([0.01, 0.01, 0.01]), n)
    assert p[0] == pytest.approx(2 * np.exp(-50))
    assert p[1] == pytest.approx(0.01)
    assert p[2] == pytest.approx(0.04)


def test_seeds_are_exchanged_equally_often():
    (a, b), *_ = seed_pairs([2, 3])
    assert sorted(zip(a, b, strict=True)) == [(i, j) for i in (0, 1) for j in (2, 3, 4)]
    (a, b), *_ = seed_pairs([3, 3])
    assert list(zip(a, b, strict=True)) == [(0, 3), (1, 4), (2, 5)]


def test_seeds_of_one_model_are_averaged(models):
    predictions, truth = models(200, gains=(0.0, 0.0, 0.8, 0.8))
    joined = {name: join(item, truth) for name, item in predictions.items()}
    found = all_pairs(
        {"weak": [joined["m0"], joined["m1"]], "strong": [joined["m2"], joined["m3"]]},
        METRICS.get("macro_f1"),
        Plan(0, 999),
    )
    assert found.names == ("strong", "weak")
    assert found.p_value[0, 1] < 0.01
    assert found.values[1] == pytest.approx(
        np.mean([f1_score(truth.y_true, predictions[m].y_pred, average="macro") for m in ("m0", "m1")])
    )


def test_same_bands_for_the_same_seed_whatever_the_order_of_the_models(models):
    predictions, truth = models(100, gains=(0.0, 0.2, 0.4, 0.6))
    first = rank_bands(predictions, truth, n_resamples=199)
    assert rank_bands(dict(reversed(predictions.items())), truth, n_resamples=199) == first
