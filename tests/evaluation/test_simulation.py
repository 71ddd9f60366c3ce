"""The short form of the simulations in benchmarks/: fixed seeds, bounds within three Monte-Carlo errors."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("simulation", "simulation_intervals", "populations", "rates", "worlds", "check_rows")
SETS, PERMUTATIONS = 60, 99
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is not part of this tree")


@pytest.fixture(scope="module")
def scripts():
    """Import a script of benchmarks/ by its name."""
    path = list(sys.path)
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module
    sys.path[:] = path
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def simulation(scripts):
    return scripts("simulation")


@pytest.fixture(scope="module")
def intervals(scripts):
    return scripts("simulation_intervals")


def slack(rate, n):
    return 3 * np.sqrt(rate * (1 - rate) / n)


def primary_rows(simulation, name, sets=SETS):
    population = simulation.POPULATIONS[name]
    return [simulation.primary(population, k, n_permutations=PERMUTATIONS) for k in range(sets)]


@pytest.mark.parametrize("name", ["null_mild", "null_three_of_12", "null_high_400_12", "sites"])
def test_equal_groups_are_rarely_accused(simulation, name):
    found = primary_rows(simulation, name)
    assert np.mean([f.p_value <= 0.05 for f in found]) <= 0.05 + slack(0.05, len(found))
    assert np.mean([f.high < 0 for f in found]) == 0


def test_a_classifier_that_ignores_the_image_is_rarely_accused(simulation):
    found = primary_rows(simulation, "input_blind")
    assert np.mean([f.p_value <= 0.05 for f in found]) <= 0.065 + slack(0.065, len(found))


@pytest.mark.parametrize(
    "name", ["constant_frequent", "constant_rare_clustered", "relabelled", "perfect_clustered"]
)
def test_a_fixed_answer_to_each_class_has_no_gap(simulation, name):
    population = simulation.POPULATIONS[name]
    for k in range(3):
        sample, grouping = simulation.as_sample(population, population.draw(simulation.rng_of(name, k)))
        plan, metrics = simulation.Plan(k, PERMUTATIONS), [simulation.METRICS.get("accuracy")]
        row = simulation.rows_of(sample, grouping, plan, metrics)[1]["accuracy"]
        assert (row.gap, row.low, row.p_value) == (pytest.approx(0, abs=1e-9), 0, 1)


@pytest.mark.parametrize("name", ["VI_25", "high_400_12_20", "pairs_effect"])
def test_limits_hold_the_true_gap(simulation, name):
    found = [f for f in primary_rows(simulation, name) if not np.isnan(f.p_value)]
    allowed = 0.065 + slack(0.065, len(found))
    assert np.mean([f.low > f.drawn + 1e-9 for f in found]) <= allowed
    assert np.mean([f.high < f.drawn - 1e-9 for f in found]) <= allowed
    covered = [f.covered_drawn for f in found if not np.isnan(f.covered_drawn)]
    assert np.mean(covered) >= 0.93 - slack(0.93, len(covered))


def test_at_least_is_positive_only_where_the_test_rejects(simulation):
    for name in ("VI_25", "two_classes_tiny_60", "one_per_cell_25"):
        for f in primary_rows(simulation, name, 20):
            assert f.low == 0 or f.p_value <= 0.05


def test_a_planted_drop_is_found_more_often_than_not(simulation):
    assert np.mean([f.disparity for f in primary_rows(simulation, "VI_25", 40)]) > 0.5


def test_secondary_rows_are_corrected_together(simulation):
    population = simulation.POPULATIONS["null_two_groups"]
    found = [simulation.whole(population, k, n_permutations=PERMUTATIONS).secondary for k in range(SETS)]
    assert np.nanmean(found) <= 0.05 + slack(0.05, SETS)


def test_a_bound_is_judged_within_two_errors(scripts):
    judge = scripts("rates").judge
    assert judge(0.06, 0.01, "<= 0.065") == "yes"
    assert judge(0.08, 0.01, "<= 0.065") == "within error"
    assert judge(0.09, 0.01, "<= 0.065") == "NO"
    assert judge(0.90, 0.01, ">= 0.93") == "NO"


def test_a_miss_is_named_in_the_page(simulation):
    row = simulation.rate("primary p <= .05", "null_mild", np.arange(100) < 20, simulation.AT_MOST)
    page = simulation.table([simulation.replace(row, scenario="null")], "a command", 100, 50)
    assert "Made by `a command`" in page
    assert "**0.200 NO**" in page
    assert "| primary p <= .05 | null_mild | 100 | 0.200 ± 0.040 | <= 0.065 |" in page


def test_intervals_cover(intervals):
    world = intervals.make_world(3, (60, 150), seed=1)
    metrics = ["accuracy", "balanced_accuracy", "cohen_kappa"]
    for key, hits in intervals.group_coverage(world, metrics, 60, "short coverage", present=True).items():
        assert hits.mean() >= 0.95 - slack(0.95, len(hits)), key


def test_clustered_intervals_cover_where_naive_ones_do_not(intervals):
    world = intervals.make_world(3, (150,), rho=0.6, per_unit=(8,))
    honest = intervals.group_coverage(world, ["accuracy"], 100, "short clustered")["accuracy", 0]
    assert honest.mean() >= 0.95 - slack(0.95, 100)
    assert intervals.naive_coverage(world, 100)[0].mean() < honest.mean() - 0.05


def test_a_draw_has_the_rates_of_its_world(intervals):
    world = intervals.make_world(3, (20_000, 20_000), drop={1: 0.2}, rho=0.3, per_unit=(3, 3))
    sample, groups = world.draw(np.random.default_rng(0))
    truth = world.values(intervals.METRICS.get("accuracy"))
    for g in range(2):
        assert sample.hit[groups.codes == g].mean() == pytest.approx(truth[g], abs=0.015)


def test_the_table_of_intervals_says_how_it_was_made(intervals):
    text = intervals.table(list(intervals.wilson_exact(0)), "a command")
    assert "Made by `a command`" in text
    assert text.count("| yes |") == 4


ROW = {
    "gap": 0.2,
    "low": 0.05,
    "high": 0.3,
    "chance": 0.1,
    "p_value": 0.01,
    "role": "primary",
    "overlap": 0.9,
    "raw": {"difference": 0.2},
    "contrast": {"first": ["I"], "second": ["VI"], "kind": "pair", "value": 0.2, "low": 0.05, "high": 0.35},
    "verdict": {"kind": "disparity", "margin": None, "text": "a difference of at least .05"},
}


def test_a_row_that_fits_together_is_not_accused(scripts):
    assert list(scripts("check_rows").contradictions(ROW)) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"p_value": 0.2}, "at least above 0 with p > .05"),
        ({"low": 0.25}, "at least above the gap"),
        ({"high": 0.1}, "at most below the gap"),
        ({"low": 0}, "a verdict that does not follow from the numbers"),
        ({"contrast": ROW["contrast"] | {"low": -0.1}}, "a contrast interval with 0 and at least above 0"),
        ({"p_value": 0.2, "low": 0}, "a contrast interval without 0 and p > .05"),
        ({"contrast": ROW["contrast"] | {"value": 0.4}}, "a contrast larger than the gap"),
        ({"verdict": ROW["verdict"] | {"text": "a fair model"}}, "a verdict in forbidden words"),
        ({"verdict": ROW["verdict"] | {"text": "a difference of at least .15"}}, "a number in the words"),
        ({"raw": None}, "no raw and no reason"),
    ],
)
def test_a_row_that_contradicts_itself_is_found(scripts, change, kind):
    assert any(found.startswith(kind) for found in scripts("check_rows").contradictions(ROW | change))
