"""The short form of benchmarks/simulation.py: fixed seeds, bounds within three Monte-Carlo errors."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="benchmarks/ is not part of this tree")


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location("simulation", ROOT / "benchmarks" / "simulation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulation"] = module
    path = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path
    for name in ("simulation", "worlds"):
        sys.modules.pop(name, None)


def slack(rate, n):
    return 3 * np.sqrt(rate * (1 - rate) / n)


def test_equal_groups_are_rarely_accused(simulation):
    world = simulation.make_world(3, spread=0.2)
    found = simulation.verdicts(world, ["accuracy", "macro_f1"], 120, "short null")
    for hits in found.values():
        assert hits.mean() <= 0.05 + slack(0.05, len(hits))


def test_clustered_equal_groups_are_rarely_accused(simulation):
    world = simulation.make_world(3, spread=0.2, **simulation.CLUSTERED)
    hits = simulation.verdicts(world, ["accuracy"], 120, "short clustered null")["accuracy"]
    assert hits.mean() <= 0.05 + slack(0.05, len(hits))


def test_a_planted_drop_is_found_more_often_than_not(simulation):
    world = simulation.make_world(21, drop={4: 0.3, 5: 0.3})
    assert simulation.verdicts(world, ["accuracy"], 40, "short power")["accuracy"].mean() > 0.9


def test_intervals_cover(simulation):
    world = simulation.make_world(3, (60, 150), seed=1)
    metrics = ["accuracy", "balanced_accuracy", "cohen_kappa"]
    for key, hits in simulation.group_coverage(world, metrics, 150, "short coverage", present=True).items():
        assert hits.mean() >= 0.95 - slack(0.95, len(hits)), key


def test_clustered_intervals_cover_where_naive_ones_do_not(simulation):
    world = simulation.make_world(3, (150,), rho=0.6, per_unit=(8,))
    honest = simulation.group_coverage(world, ["accuracy"], 200, "short clustered")["accuracy", 0]
    assert honest.mean() >= 0.95 - slack(0.95, 200)
    assert simulation.naive_coverage(world, 200)[0].mean() < honest.mean() - 0.05


def test_a_draw_has_the_rates_of_its_world(simulation):
    world = simulation.make_world(3, (20_000, 20_000), drop={1: 0.2}, rho=0.3, per_unit=(3, 3))
    sample, groups = world.draw(np.random.default_rng(0))
    truth = world.values(simulation.METRICS.get("accuracy"))
    for g in range(2):
        assert sample.hit[groups.codes == g].mean() == pytest.approx(truth[g], abs=0.015)


def test_the_table_says_how_it_was_made(simulation):
    text = simulation.table(list(simulation.wilson_exact(0)), "a command")
    assert "Made by `a command`" in text
    assert text.count("| yes |") == 4
