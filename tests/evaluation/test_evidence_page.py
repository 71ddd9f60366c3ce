"""Every simulation result that the concepts and decisions quote is in the simulations' tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOCS, RESULTS = ROOT / "docs", ROOT / "benchmarks" / "results"
METHODS, EVIDENCE = DOCS / "concepts" / "methods.md", DOCS / "concepts" / "evidence.md"
GAPS, INTERVALS = RESULTS / "simulation.csv", RESULTS / "simulation_intervals.csv"
pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (EVIDENCE, GAPS, INTERVALS)), reason="docs/ or benchmarks/ are not here"
)
MINUS = "\N{MINUS SIGN}"
LINE = re.compile(
    r"^\| (?P<check>[^|]+) \| (?P<setting>[^|]+) \| (?P<result>[\d.]+)(?: ± [\d.]+)? \|$", re.MULTILINE
)
MOST_WORDS = {METHODS: 2600, EVIDENCE: 1000}


def page():
    return EVIDENCE.read_text(encoding="utf-8")


def says(sentence):
    """Return whether the page holds the sentence, wherever its lines break."""
    return " ".join(sentence.split()) in " ".join(page().split())


def stored(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def results(check, path=GAPS):
    """Return {setting: result} of the bounded rows of a check."""
    return {row["setting"]: float(row["result"]) for row in stored(path) if row["check"] == check and row["bound"]}


def short(value, digits=3):
    return f"{value:.{digits}f}".lstrip("0")


def test_quoted_results_of_intervals_are_those_of_the_table():
    made = {(row["check"], row["setting"]): float(row["result"]) for row in stored(INTERVALS)}
    pages = [*sorted((DOCS / "concepts").glob("*.md")), *sorted((DOCS / "decisions").glob("*.md"))]
    quoted = [match.groupdict() for page in pages for match in LINE.finditer(page.read_text(encoding="utf-8"))]
    assert len(quoted) > 25
    for row in quoted:
        assert float(row["result"]) == pytest.approx(made[row["check"], row["setting"]], abs=5.1e-4), row


def test_the_tables_of_gaps_are_those_of_the_simulation():
    made = GAPS.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    lines = [line for line in page().splitlines() if line.count("|") > 4]
    assert len(lines) > 20
    assert [line for line in lines if line not in made] == []


def test_every_miss_of_a_bound_is_on_the_page():
    missed = [row for path in (GAPS, INTERVALS) for row in stored(path) if row["met"] == "NO"]
    text = page()
    assert missed
    assert [row for row in missed if f"| {row['check']} | {row['setting']} |" not in text] == []


def test_how_many_rates_keep_their_bound():
    met = [row["met"] for row in stored(GAPS) if row["bound"]]
    kept, nearly, missed = (met.count(kind) for kind in ("yes", "within error", "NO"))
    assert says(
        f"Of {len(met):,} rates with a bound, {kept:,} keep it, {nearly} miss it by less than two Monte-Carlo "
        f"errors, and {missed} miss it by more."
    )
    assert says(f"verdicts on {len({row['setting'] for row in stored(GAPS)})} populations")


def test_the_populations_with_most_false_alarms():
    rates = results("primary p <= .05")
    assert max(rates, key=rates.get) == "many_images_dark_strong"
    assert says(f"It reaches {short(rates['many_images_dark_strong'])}")
    assert says(f"It is {short(rates['one_patient_dark'])} where all images of type VI are of one patient")


def test_whole_reports_without_a_difference():
    primary, secondary = (
        list(results(f"report: {name} p <= .05").values()) for name in ("primary", "any secondary")
    )
    assert len(primary) == 6
    assert says(
        f"p ≤ .05 in {short(np.mean(primary))} of the sets on average, any secondary row in "
        f"{short(np.mean(secondary))}. The largest values were {short(max(primary))} and {short(max(secondary))}."
    )
    note = (DOCS / "decisions" / "one-primary-question.md").read_text(encoding="utf-8")
    shown = f"in about {100 * np.mean(primary):.0f} % of test sets, and all secondary rows together in about "
    assert f"{shown}{100 * np.mean(secondary):.0f} %" in " ".join(note.split())


def test_limits_hold_at_the_drawn_class_counts_where_they_miss_otherwise():
    missed = {row["setting"] for row in stored(GAPS) if row["met"] == "NO"}
    rows = [row for row in stored(GAPS) if row["setting"] in missed and "drawn counts" in row["check"]]
    assert rows
    assert all(row["met"] == "yes" for row in rows)


def test_how_often_gaps_are_found():
    rows = [line.split(" | ") for line in (RESULTS / "power.md").read_text(encoding="utf-8").splitlines()]
    found = {row[0].strip("| "): row for row in rows if len(row) == 9}

    def at(name, column):
        return short(float(found[name][column]), 2)

    assert says(
        f"is declared a disparity in {at('VI_25', 5)} of the test sets, and a drop of .15 in {at('VI_15', 5)}."
    )
    assert says(f"the gap ({at('one_class', 5)}) nor by the recalls of the class ({at('one_class', 7)})")
    assert says(f"is found in {at('trend_15', 5)}, less often than by version 1 ({at('trend_15', 3)})")


def test_coverage_of_intervals_of_at_least_30_images():
    bounded = [row for row in stored(INTERVALS) if row["check"] == "coverage" and row["bound"]]
    assert all(row["met"] in ("yes", "within error") for row in bounded)
    grid = (RESULTS / "simulation_intervals.md").read_text(encoding="utf-8").splitlines()
    wide = [line for line in grid if line.startswith("| macro_f1 | 21 |")]
    assert len(wide) == 2
    assert all(line.count("none shown (100% suppressed)") == 5 for line in wide)


def test_disparities_on_drawn_images():
    rows = stored(RESULTS / "planted.csv")
    equal, faded = ([row for row in rows if row["fade"] == fade] for fade in ("0.0", "0.6"))
    declared = [sum(row["fst accuracy declared"] == "True" for row in part) for part in (equal, faded)]
    gap = np.mean([float(row["fst accuracy gap"]) for row in equal])
    assert declared[0] == 0
    assert says(f"was declared to differ in none of {len(equal)} datasets.")
    assert says(f"the gap was {short(gap, 2)} on average.")
    assert says(f"it was declared in {declared[1]} of {len(faded)}.")


@pytest.mark.parametrize("path", MOST_WORDS)
def test_the_pages_are_short_enough_to_be_read(path):
    prose = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) <= MOST_WORDS[path]


def concept(name):
    return (DOCS / "concepts" / f"{name}.md").read_text(encoding="utf-8")


def table_rows(text):
    """Return the rows of all tables of a page as cells of text."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(text):
    return float(text.split(" ")[0].replace(MINUS, "-"))


@pytest.mark.parametrize(
    ("name", "first", "second", "n_rows"),
    [
        ("adjustment", "raw", "class, site, age, quality", 4),
        ("skin-type-error", "V-VI minus I-IV, as labelled", "V-VI minus I-IV, corrected", 6),
    ],
)
def test_confounders_are_those_of_the_simulation(name, first, second, n_rows):
    rows = table_rows((RESULTS / f"{name}.md").read_text(encoding="utf-8"))
    made = {(row[0], row[2]): row for row in rows if len(row) == 9}
    shown = [row for row in table_rows(concept("confounders")) if (row[0], second) in made]
    assert len(shown) == n_rows
    for population, _, truth, before, after, coverage in shown:
        uncorrected, corrected = made[population, first], made[population, second]
        assert number(truth) == number(corrected[3])
        assert number(before) == pytest.approx(number(uncorrected[3]) + number(uncorrected[5]), abs=1.1e-3)
        assert number(after) == pytest.approx(number(corrected[3]) + number(corrected[5]), abs=1.1e-3)
        assert number(coverage) == number(corrected[6])


def tables_by_section(path):
    """Return {title of the section: rows of its tables without the heading and the rule}."""
    parts = re.split(r"^## (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {title: table_rows(text)[1:] for title, text in zip(parts[::2], parts[1::2], strict=True)}


def percent(*ends):
    return " to ".join(f"{100 * end:.1f}" for end in ends) + " %"


def test_comparisons_are_those_of_the_simulation():
    page = " ".join(concept("compare").split())
    chance, covered, _, limits, change = tables_by_section(RESULTS / "simulation_paired.md").values()
    paired = [float(v) for row in chance for v in row[1:3] if v and not row[0].startswith("unpaired")]
    assert f"told apart in at most {percent(max(paired))} by any paired test" in page
    assert (
        f"Paired intervals cover in at least {percent(min(float(v) for row in covered for v in row[1:]))}" in page
    )
    for name, *worst in limits:
        assert percent(max(map(float, worst))) in page, name
    null = [float(row[2]) for row in change if "no gap" in row[0] or row[0].startswith("both lose")]
    assert f"are told apart in {percent(min(null), max(null))}" in page
    exchanged = [float(row[6]) for row in change if row[0].startswith("accuracy .95 against .65")]
    assert f"apart in {percent(*exchanged)}" in page
    found = [row for row in change if row[0].startswith("second loses .15") and row[1] == "1"]
    power, before = ([float(row[column]) for row in found] for column in (2, 6))
    assert f"is found in {percent(*power)} on 1,191 images (version 1: {percent(*before)})" in page
