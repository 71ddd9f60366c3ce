"""Every simulation result that the methods page quotes is a row of the simulation's table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE, TABLE = ROOT / "docs" / "methods.md", ROOT / "benchmarks" / "results" / "simulation.csv"
pytestmark = pytest.mark.skipif(not (PAGE.exists() and TABLE.exists()), reason="docs/ or benchmarks/ are not here")
LINE = re.compile(
    r"^\| (?P<check>[^|]+) \| (?P<setting>[^|]+) \| (?P<result>[\d.]+)(?: ± [\d.]+)? \|$", re.MULTILINE
)


def quoted():
    return [match.groupdict() for match in LINE.finditer(PAGE.read_text(encoding="utf-8"))]


def test_quoted_results_are_those_of_the_table():
    with TABLE.open(encoding="utf-8", newline="") as file:
        made = {(row["check"], row["setting"]): float(row["result"]) for row in csv.DictReader(file)}
    assert len(quoted()) > 20
    for row in quoted():
        assert float(row["result"]) == pytest.approx(made[row["check"], row["setting"]], abs=5.1e-4), row


def test_every_miss_of_a_bound_is_on_the_page():
    with TABLE.open(encoding="utf-8", newline="") as file:
        missed = {(row["check"], row["setting"]) for row in csv.DictReader(file) if row["met"] == "NO"}
    assert missed <= {(row["check"], row["setting"]) for row in quoted()}


def test_the_grid_of_coverage_is_that_of_the_simulation():
    made = TABLE.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    grid = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.count("|") == 9]
    assert len(grid) == 2 + 4 * 3 * 2
    assert [line for line in grid if line not in made] == []
