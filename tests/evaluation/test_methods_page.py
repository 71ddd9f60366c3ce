"""Every simulation result that the methods page quotes is a row of one of the simulations' tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE, RESULTS = ROOT / "docs" / "methods.md", ROOT / "benchmarks" / "results"
TABLES = [RESULTS / "simulation.csv", RESULTS / "simulation_intervals.csv"]
pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (PAGE, *TABLES)), reason="docs/ or benchmarks/ are not here"
)
LINE = re.compile(
    r"^\| (?P<check>[^|]+) \| (?P<setting>[^|]+) \| (?P<result>[\d.]+)(?: ± [\d.]+)? \|$", re.MULTILINE
)
MOST_WORDS = 3000


def page():
    return PAGE.read_text(encoding="utf-8")


def quoted():
    return [match.groupdict() for match in LINE.finditer(page())]


def stored():
    rows = []
    for path in TABLES:
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def test_quoted_results_are_those_of_the_tables():
    made = {(row["check"], row["setting"]): float(row["result"]) for row in stored()}
    assert len(quoted()) > 80
    for row in quoted():
        assert float(row["result"]) == pytest.approx(made[row["check"], row["setting"]], abs=5.1e-4), row


def test_every_miss_of_a_bound_is_on_the_page():
    missed = {(row["check"], row["setting"]) for row in stored() if row["met"] == "NO"}
    assert missed <= {(row["check"], row["setting"]) for row in quoted()}


def test_the_grid_of_coverage_is_that_of_the_simulation():
    made = (RESULTS / "simulation_intervals.md").read_text(encoding="utf-8").splitlines()
    grid = [line for line in page().splitlines() if line.count("|") == 9]
    assert len(grid) == 2 + 4 * 3 * 2
    assert [line for line in grid if line not in made] == []


def test_the_page_is_short_enough_to_be_read():
    prose = [line for line in page().splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) <= MOST_WORDS
