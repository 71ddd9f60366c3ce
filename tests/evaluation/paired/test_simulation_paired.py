"""The short form of benchmarks/simulation_paired.py: fixed seeds, bounds within three Monte-Carlo errors."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="benchmarks/ is not part of this tree")
REPETITIONS = 60


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location(
        "simulation_paired", ROOT / "benchmarks" / "simulation_paired.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulation_paired"] = module
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("simulation_paired", None)


@pytest.mark.parametrize("clustered", [True, pytest.param(False, marks=pytest.mark.long)])
def test_models_that_differ_by_chance_are_rarely_told_apart(simulation, clustered):
    rates = simulation.rejections(simulation.World(clustered=clustered), REPETITIONS, 99)
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPETITIONS)
    paired = {name: rate for name, rate in rates.items() if not name.startswith("unpaired")}
    assert len(paired) == 12
    assert max(paired.values()) <= limit, paired


def test_paired_tests_see_what_unpaired_ones_miss(simulation):
    rates = simulation.rejections(simulation.World((1.5, 1.7)), 30, 99)
    paired = np.mean([rate for name, rate in rates.items() if name.startswith(("macro_f1, ", "cohen", "log"))])
    unpaired = np.mean([rates[f"unpaired {name}"] for name in ("macro_f1", "cohen_kappa", "log_loss")])
    assert paired > unpaired + 0.1


@pytest.mark.parametrize(
    "name", ["accuracy .95 against .65, no gap", "class mixes and class difficulties differ, no gap"]
)
def test_models_that_differ_alike_in_all_groups_have_no_change_of_the_gap(simulation, name):
    made = simulation.gap_change(simulation.GAPS[name], REPETITIONS, 99)
    assert made["found"] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPETITIONS)
    assert made["at least > truth"] <= made["found"]


def test_a_change_of_the_gap_is_found_and_its_limits_hold(simulation):
    made = simulation.gap_change(simulation.GAPS["second loses .15 on V and VI from .80"], 30, 99)
    assert made["found"] >= 0.5
    assert made["at least > truth"] <= 0.1
    assert made["at most < truth"] <= 0.1
