"""The made-up populations are what they say: their truth is that of what they draw."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.scripts

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "populations.py"
SPEC = importlib.util.spec_from_file_location("populations", SCRIPT)
populations = importlib.util.module_from_spec(SPEC)
sys.modules["populations"] = populations  # dataclasses look their module up
SPEC.loader.exec_module(populations)
POPULATIONS = populations.POPULATIONS
TAGS = {"null", "effect", "clustered", "probabilities", "tiny", "constant", "mixed-units"}
every = pytest.mark.parametrize("name", POPULATIONS)


def drawn(name, seed=1):
    return POPULATIONS[name].draw(np.random.default_rng(seed))


@every
def test_a_draw_has_the_shapes_and_codes_it_says(name):
    p, d = POPULATIONS[name], drawn(name)
    n = len(d.group)
    for codes, least, n_codes in (
        (d.group, -1, p.n_groups),
        (d.y_true, 0, p.n_classes),
        (d.y_pred, 0, p.n_classes),
    ):
        assert codes.shape == (n,)
        assert codes.dtype == np.int64
        assert least <= codes.min() <= codes.max() < n_codes
    assert tuple(np.bincount(d.group[d.group >= 0], minlength=p.n_groups)) == p.sizes
    assert (d.unit is not None) == ("clustered" in p.tags)
    if d.unit is not None:
        assert d.unit.shape == (n,)
        assert d.unit.dtype == np.int64
        assert len(set(d.unit.tolist())) == d.unit.max() + 1 < n
    assert (d.y_prob is not None) == ("probabilities" in p.tags)
    if d.y_prob is not None:
        assert d.y_prob.shape == (n, p.n_classes)
        assert d.y_prob.min() > 0
        assert np.allclose(d.y_prob.sum(axis=1), 1)
        assert (d.y_prob.argmax(axis=1) == d.y_pred).all()
    seen = np.zeros((p.n_groups, p.n_classes))
    np.add.at(seen, (d.group[d.group >= 0], d.y_true[d.group >= 0]), 1)
    assert not (seen[p.expected == 0]).any()
    right = (d.y_true == d.y_pred)[d.group >= 0]
    recall = p.recall[d.group, d.y_true][d.group >= 0]
    assert right[recall == 1].all()
    assert not right[recall == 0].any()


@every
def test_a_population_agrees_with_itself(name):
    p = POPULATIONS[name]
    assert p.name == name
    assert p.what.endswith(".")
    assert p.tags <= TAGS
    assert ("null" in p.tags) == p.null
    assert ("effect" in p.tags) == bool(p.gap)
    assert p.gap == max((abs(d) for d in p.pair_gaps.values()), default=None)
    assert all(g < h for g, h in p.pair_gaps)
    assert len(p.names) == len(p.sizes) == p.n_groups
    assert (p.loss_gap is not None) == ("probabilities" in p.tags)
    if p.null:
        assert not p.gap
        for recall in p.recall.T:
            known = recall[~np.isnan(recall)]
            assert np.allclose(known, known[:1], rtol=0, atol=1e-9)


@every
def test_the_same_seed_draws_the_same(name):
    one, same, other = drawn(name), drawn(name), drawn(name, seed=2)
    for field in ("group", "y_true", "y_pred", "unit", "y_prob"):
        a, b = getattr(one, field), getattr(same, field)
        assert (a is None and b is None) or (a == b).all()
    assert (one.group != other.group).any() or (one.y_true != other.y_true).any()


def test_those_to_begin_with_exist():
    assert len(set(populations.CORE)) == len(populations.CORE)
    assert set(populations.CORE) <= set(POPULATIONS)


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        ("VI_25", 0.25),
        ("VI_15", 0.15),
        ("V_VI_15", 0.15),
        ("trend_15", 0.15),
        ("swap_V_VI", 0.25),
        ("II_8", 0.08),
        ("high_400_12_20", 0.2),
        ("high_VI_10", 0.1),
        ("crossed_20", 0.2),
        ("one_shared_class_50", 0.5),
        ("chain_30", 0.3),
        ("right_against_wrong", 1.0),
        ("averages_out", 0.0),
        ("averages_out_12", 0.0),
        ("other_errors", 0.0),
        ("dark_correlated", 0.0),
        ("disjoint", None),
    ],
)
def test_gaps_are_what_was_asked_for(name, gap):
    assert POPULATIONS[name].gap == (gap if gap is None else pytest.approx(gap, abs=1e-12))


def test_a_gap_is_the_weighted_mean_of_the_differences_of_recall():
    p = POPULATIONS["one_class"]
    shares, sizes = p.expected / p.expected.sum(axis=1, keepdims=True), p.sizes
    weights = [
        sizes[0] * a * sizes[4] * b / (sizes[0] * a + sizes[4] * b) for a, b in zip(*shares[[0, 4]], strict=True)
    ]
    assert shares[:, 3] == pytest.approx(0.08)
    assert p.pair_gaps[0, 4] == pytest.approx(0.35 * weights[3] / sum(weights))
    assert p.pair_gaps[0, 1] == p.pair_gaps[4, 5] == 0


@pytest.mark.parametrize("name", [n for n in POPULATIONS if n.startswith("third_")])
def test_the_first_two_are_alike_where_a_third_differs(name):
    p = POPULATIONS[name]
    assert p.pair_gaps[0, 1] == 0
    assert min(abs(p.pair_gaps[0, 2]), abs(p.pair_gaps[1, 2])) > 0.02
    mix = p.expected / p.expected.sum(axis=1, keepdims=True)
    assert np.abs(mix[0] - mix[1]).sum() > 0.5


def test_groups_that_share_no_class_are_not_compared():
    assert set(POPULATIONS["chain"].pair_gaps) == {(0, 1), (1, 2)}
    assert set(POPULATIONS["disjoint_third"].pair_gaps) == {(0, 1)}
    assert set(POPULATIONS["empty_group"].pair_gaps) == {(0, 2)}


@pytest.mark.parametrize("key", ["brier", "log", "losses"])
def test_spreads_differ_where_mean_losses_do_not(key):
    p = POPULATIONS[f"{key}_wide_44"]
    gaps = {"brier": [p.loss_gap], "log": [p.log_gap], "losses": [p.loss_gap, p.log_gap]}[key]
    assert gaps == [0.0] * len(gaps)
    assert p.gap == 0
    loss = populations.brier_of_answers(9) if key == "brier" else populations.log_loss_of_answers()
    law = p.model.answers
    variance = law @ loss**2 - (law @ loss) ** 2
    assert variance[5] @ p.expected[5] > 1.5 * variance[0] @ p.expected[5]


def test_a_recall_out_of_range_is_refused():
    plan = populations.images((5, 5), np.full((2, 2), 0.5))
    model = populations.answering(np.array([[1.1, 0.5], [0.5, 0.5]]), plan)
    with pytest.raises(ValueError, match="out of range"):
        populations.population("effect", "x", "x", plan, model, null=False)


def test_a_null_with_unlike_recalls_is_refused():
    plan = populations.images((5, 5), np.full((2, 2), 0.5))
    model = populations.answering(np.array([[0.6, 0.5], [0.5, 0.5]]), plan)
    with pytest.raises(ValueError, match="no null"):
        populations.population("null", "x", "x", plan, model, null=True)


SIMULATED = [
    "null_three_of_12",
    "sites_effect",
    "pairs_opposed",
    "patient_size_effect",
    "clustered_same_class",
    "averages_out",
    "third_by_class",
    "one_shared_class_50",
    "unknown_group",
    "probabilities_effect",
    "losses_wide_12",
]


@pytest.mark.parametrize("name", SIMULATED)
def test_the_truth_is_that_of_what_is_drawn(name):
    p, rng = POPULATIONS[name], np.random.default_rng(5)
    n_draws = 100
    shape = (n_draws, p.n_groups, p.n_classes)
    counts, right, losses = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for i in range(n_draws):
        d = p.draw(rng)
        known = d.group >= 0
        cell = d.group[known], d.y_true[known]
        np.add.at(counts[i], cell, 1)
        np.add.at(right[i], cell, (d.y_true == d.y_pred)[known])
        if d.y_prob is not None:
            np.add.at(losses[i], cell, ((d.y_prob - np.eye(p.n_classes)[d.y_true]) ** 2).sum(axis=1)[known])
    assert counts.sum(axis=2) == pytest.approx(np.tile(p.expected.sum(axis=1), (n_draws, 1)))
    assert far(counts, p.expected) < 4.5
    assert far((right - counts * np.nan_to_num(p.recall)).sum(axis=2), 0) < 4.5
    total = counts.sum(axis=0)
    pooled = np.divide(right.sum(axis=0), total, out=np.zeros(shape[1:]), where=total > 0)
    for pair, found in populations.pair_differences(pooled, p.expected).items():
        assert found == pytest.approx(p.pair_gaps[pair], abs=0.06)
    if p.loss_gap is not None:
        mean = losses.sum(axis=0) / total
        for pair, found in populations.pair_differences(mean, p.expected).items():
            assert found == pytest.approx(p.loss_pair_gaps[pair], abs=0.06)


def far(drawn_values, truth):
    """Largest distance of a mean over draws from the truth, in standard errors."""
    spread = drawn_values.std(axis=0) / len(drawn_values) ** 0.5
    return np.abs((drawn_values.mean(axis=0) - truth) / np.maximum(spread, 1e-3)).max()
