"""Every simulation result that the methods page quotes is a row of one of the simulations' tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE, RESULTS = ROOT / "docs" / "concepts" / "methods.md", ROOT / "benchmarks" / "results"
GAPS, INTERVALS = RESULTS / "simulation.csv", RESULTS / "simulation_intervals.csv"
pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (PAGE, GAPS, INTERVALS)), reason="docs/ or benchmarks/ are not here"
)
LINE = re.compile(
    r"^\| (?P<check>[^|]+) \| (?P<setting>[^|]+) \| (?P<result>[\d.]+)(?: ± [\d.]+)? \|$", re.MULTILINE
)
HOLDS = "### What holds up"
MOST_WORDS = 3000


def page():
    return PAGE.read_text(encoding="utf-8")


def quoted():
    """Return the quoted results of intervals; the tables of gaps are compared line by line."""
    text = page().replace("\n".join(section(HOLDS)), "")
    return [match.groupdict() for match in LINE.finditer(text)]


def stored(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def section(title):
    """Return the lines of a section of the page, up to the next title of its level or above."""
    level, lines = title.split()[0], page().splitlines()
    start = lines.index(title) + 1
    end = next((k for k in range(start, len(lines)) if re.match(rf"#{{1,{len(level)}}} ", lines[k])), len(lines))
    return lines[start:end]


def test_quoted_results_are_those_of_the_table():
    made = {(row["check"], row["setting"]): float(row["result"]) for row in stored(INTERVALS)}
    assert len(quoted()) > 20
    for row in quoted():
        assert float(row["result"]) == pytest.approx(made[row["check"], row["setting"]], abs=5.1e-4), row


def test_the_tables_of_gaps_are_those_of_the_simulation():
    made = GAPS.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    lines = [line for line in section(HOLDS) if line.startswith("|")]
    assert len(lines) > 50
    assert [line for line in lines if line not in made] == []


def test_every_miss_of_a_bound_is_on_the_page():
    missed = [row for path in (GAPS, INTERVALS) for row in stored(path) if row["met"] == "NO"]
    text = page()
    assert [row for row in missed if f"| {row['check']} | {row['setting']} |" not in text] == []


def test_the_grid_of_coverage_is_that_of_the_simulation():
    made = (RESULTS / "simulation_intervals.md").read_text(encoding="utf-8").splitlines()
    grid = [line for line in page().splitlines() if line.count("|") == 9]
    assert len(grid) == 2 + 4 * 3 * 2
    assert [line for line in grid if line not in made] == []


def test_the_page_is_short_enough_to_be_read():
    prose = [line for line in page().splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) <= MOST_WORDS
