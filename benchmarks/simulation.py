"""Check gaps, limits and verdicts on populations with a known within-class truth.

    OMP_NUM_THREADS=1 python benchmarks/simulation.py --sets 400 --whole 200 --out benchmarks/results/simulation

Every population of ``populations.py`` is drawn ``--sets`` times, and accuracy between groups is evaluated as the
primary question. In the first ``--whole`` test sets, every applicable metric is evaluated in two ways: as the
primary question, and in the rows of a report in which all metrics but accuracy are secondary. Set k of a
population is seeded by its name and k, so the same command gives the same table for any number of ``--jobs``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import pickle
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
from dermbench.artifacts.report import Disparity
from dermbench.evaluation.core.group_tables import GroupTable
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.core.scoring import applicable
from dermbench.evaluation.disparity import rows as engine
from dermbench.evaluation.disparity.rows import Questions, disparity_rows
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.disparity.gap_test import GapTest

sys.path.insert(0, str(Path(__file__).parent))
from populations import POPULATIONS, Draw, Pairs, Population, pair_differences
from rates import AT_LEAST, AT_MOST, Row, rate, rng_of, write_rows

N_PERMUTATIONS = 399
CHUNK = 50
"""Number of test sets that are simulated together; ``--sets`` is a multiple of it."""
FEWEST = 20
"""Number of test sets that a rate needs to be compared with its bound."""
SLACK = 1e-9
FEATURE = "fst"
REPORTS = ("null_mild", "null_3_classes", "null_tiny_groups", "probabilities", "clustered", "sites")
"""Populations that whole reports with four features are simulated on."""
NO_ESTIMATE = SimpleNamespace(se=float("nan"))


@dataclass(frozen=True)
class Primary:
    """Primary row of one test set; NaN where there is no number.

    Attributes
    ----------
    drawn
        True gap at the class counts of this test set.
    p_value, low, high, disparity
        Values of the row.
    covered, covered_drawn
        Whether the interval of the row's contrast covers its truth, at the expected and at the drawn counts.
    """

    drawn: float
    p_value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    disparity: float = float("nan")
    covered: float = float("nan")
    covered_drawn: float = float("nan")


@dataclass(frozen=True)
class Whole:
    """Results of all metrics on one test set; NaN where there is no number.

    Attributes
    ----------
    secondary
        Whether any secondary p <= .05.
    by_metric
        For each metric, whether p <= .05 when it is the primary question.
    brier_low, brier_high
        Limits of the Brier score's gap.
    """

    secondary: float
    by_metric: dict[str, bool]
    brier_low: float = float("nan")
    brier_high: float = float("nan")


def as_sample(population: Population, draw: Draw) -> tuple[Sample, Grouping]:
    """Return a test set as the evaluation takes it."""
    names = tuple(f"c{k}" for k in range(population.n_classes))
    sample = Sample(draw.y_true, draw.y_pred, len(names), unit=draw.unit, y_prob=draw.y_prob, classes=names)
    return sample, Grouping(FEATURE, draw.group, population.names, ordered=population.ordered)


def rows_of(
    sample: Sample, grouping: Grouping, plan: Plan, metrics: Sequence[Metric], *, n_features: int = 1
) -> tuple[dict[str, GapTest], dict[str, Disparity]]:
    """Return tests and rows of metrics, with accuracy by skin type as the primary question.

    Group values and the spread between groups are left out, because no p-value or limit depends on them.
    """
    tests = engine.gap_tests(sample, grouping, metrics, plan)
    known = grouping.known()
    nothing = np.full((len(known.names), len(metrics)), np.nan)
    table = GroupTable(grouping.feature, known, tuple(m.name for m in metrics), nothing)
    asked = Questions(("accuracy", FEATURE), None, n_features)
    with mock.patch.object(engine, "gap_tests", return_value=tests):  # use these tests
        made = disparity_rows(sample, grouping, metrics, table, defaultdict(lambda: NO_ESTIMATE), plan, asked)
    return (
        {name: test for name, test in tests.items() if not isinstance(test, str)},
        {name: row for name, row in made.items() if isinstance(row, Disparity)},
    )


def primary(population: Population, index: int, *, n_permutations: int = N_PERMUTATIONS) -> Primary:
    """Draw test set ``index`` of a population and judge accuracy between its groups."""
    draw = population.draw(rng_of(population.name, index))
    pairs = drawn_pairs(population, draw)
    gap = max(map(abs, pairs.values()), default=float("nan"))
    accuracy = METRICS.get("accuracy")
    row = rows_of(*as_sample(population, draw), Plan(index, n_permutations), [accuracy])[1].get("accuracy")
    if row is None:
        return Primary(gap)
    assert row.p_value is not None
    assert row.low is not None
    assert row.verdict is not None
    return Primary(
        gap,
        row.p_value,
        row.low,
        float("nan") if row.high is None else row.high,
        float(row.verdict.kind == "disparity"),
        covers(population, row, population.pair_gaps),
        covers(population, row, pairs),
    )


def whole(population: Population, index: int, *, n_permutations: int = N_PERMUTATIONS) -> Whole:
    """Draw test set ``index`` of a population and judge all metrics."""
    sample, grouping = as_sample(population, population.draw(rng_of(population.name, index)))
    tests, made = rows_of(sample, grouping, Plan(index, n_permutations), applicable(sample))
    others = [r.p_value for name, r in made.items() if name != "accuracy" and r.p_value is not None]
    by_metric = {
        name: engine.p_value(float(test.statistics.max(initial=0.0)), test.permuted) <= 0.05
        for name, test in tests.items()
        if test.untested is None
    }
    secondary = float(min(others) <= 0.05) if others else float("nan")
    brier = made.get("brier")
    if brier is None or brier.low is None:
        return Whole(secondary, by_metric)
    return Whole(secondary, by_metric, brier.low, float("nan") if brier.high is None else brier.high)


def drawn_pairs(population: Population, draw: Draw) -> Pairs:
    """Return the true differences of pairs at the class counts of one test set."""
    counts = np.zeros((population.n_groups, population.n_classes))
    known = draw.group >= 0
    np.add.at(counts, (draw.group[known], draw.y_true[known]), 1)
    return pair_differences(np.nan_to_num(population.recall), counts)


def covers(population: Population, row: Disparity, pairs: Pairs) -> float:
    """Return whether the interval of a row's contrast covers its truth, NaN if that is unknown."""
    contrast = row.contrast
    if contrast is None or contrast.low is None or contrast.high is None:
        return float("nan")
    if population.accuracy_null:
        truth = 0.0
    elif contrast.kind == "pair":
        first, second = (population.names.index(side[0]) for side in (contrast.first, contrast.second))
        sign, pair = (1, (first, second)) if first < second else (-1, (second, first))
        if pair not in pairs:
            return float("nan")
        truth = sign * pairs[pair]
    else:
        return float("nan")
    return float(contrast.low - SLACK <= truth <= contrast.high + SLACK)


def any_secondary(population: Population, index: int) -> tuple[bool, bool]:
    """Return whether a report with four features has a primary p <= .05, and any secondary p <= .05.

    The features are skin type and three random ones with two, three and eight groups, which are drawn for each
    unit.
    """
    draw = population.draw(rng_of(f"report {population.name}", index))
    sample, grouping = as_sample(population, draw)
    rng = rng_of(f"features {population.name}", index)
    features = [grouping]
    for size in (2, 3, 8):
        codes = rng.integers(0, size, sample.n_units)[sample.units]
        features.append(Grouping(f"random {size}", codes, tuple(f"g{k}" for k in range(size))))
    first, secondary = False, []
    for each in features:
        made = rows_of(sample, each, Plan(index, N_PERMUTATIONS), applicable(sample), n_features=len(features))[1]
        for row in made.values():
            if row.p_value is not None and row.role == "primary":
                first = row.p_value <= 0.05
            elif row.p_value is not None:
                secondary.append(row.p_value)
    return first, min(secondary) <= 0.05


def primary_rates(population: Population, found: Sequence[Primary]) -> Iterator[Row]:
    """Return the rates of the primary row on one population, compared with their bounds."""
    name, answered = population.name, [f for f in found if not np.isnan(f.p_value)]
    yield rate("comparable", name, [not np.isnan(f.p_value) for f in found])
    if not answered:
        return
    truth = float("nan") if population.gap is None else population.gap
    null = AT_MOST if population.accuracy_null else ""
    yield judged("primary p <= .05", name, [f.p_value <= 0.05 for f in answered], null)
    yield rate("disparity declared", name, [f.disparity for f in answered])
    yield from limit_rates("", name, [(f.low, f.high, truth) for f in answered])
    yield from limit_rates(" at the drawn counts", name, [(f.low, f.high, f.drawn) for f in answered])
    for what, covered in (
        ("", [f.covered for f in answered]),
        (" at the drawn counts", [f.covered_drawn for f in answered]),
    ):
        known = [each for each in covered if not np.isnan(each)]
        if known:
            yield judged(f"contrast interval covers{what}", name, known, AT_LEAST)
    yield middle("median at least", name, [f.low for f in answered])
    yield middle("median at most", name, [f.high for f in answered if not np.isnan(f.high)])


def whole_rates(population: Population, found: Sequence[Whole]) -> Iterator[Row]:
    """Return the rates of all other metrics on one population, compared with their bounds."""
    name, nothing_differs = population.name, population.null and population.probabilities_null is not False
    secondary = [f.secondary for f in found if not np.isnan(f.secondary)]
    if secondary:
        yield judged("any secondary p <= .05", name, secondary, AT_MOST if nothing_differs else "")
    for metric in sorted({m for f in found for m in f.by_metric} - {"accuracy", "micro_f1"}):
        null = population.null if not METRICS.get(metric).needs_probabilities else nothing_differs
        bound = AT_MOST if null or (metric == "brier" and population.loss_gap == 0) else ""
        hits = [f.by_metric[metric] for f in found if metric in f.by_metric]
        yield judged(f"{metric} p <= .05", name, hits, bound)
    brier = [(f.brier_low, f.brier_high) for f in found if not np.isnan(f.brier_low)]
    if brier and population.loss_gap is not None:
        yield from limit_rates(" (brier)", name, [(low, high, population.loss_gap) for low, high in brier])


def limit_rates(what: str, name: str, limits: Sequence[tuple[float, float, float]]) -> Iterator[Row]:
    """Return how often *at least* is above the truth and *at most* below it."""
    values = np.array([each for each in limits if not np.isnan(each[2])]).reshape(-1, 3)
    low, high, truth = values.T
    if len(values):
        yield judged(f"at least > truth{what}", name, low > truth + SLACK, AT_MOST)
    limited = ~np.isnan(high)
    if limited.any():
        yield judged(f"at most < truth{what}", name, high[limited] < truth[limited] - SLACK, AT_MOST)


def judged(check: str, name: str, hits: Sequence[float] | np.ndarray, bound: str) -> Row:
    """Return a rate, compared with its bound if enough test sets have one."""
    return rate(check, name, np.asarray(hits, dtype=np.float64), bound if len(hits) >= FEWEST else "")


def middle(check: str, name: str, values: Sequence[float]) -> Row:
    """Return a median over test sets."""
    return Row(check, name, len(values), float(np.median(values)) if values else float("nan"), 0.0, "", "")


WORK = {"primary": primary, "whole": whole, "report": any_secondary}
"""Simulations by name: functions of a population and the index of a test set."""


def work(task: tuple[str, str, int], kept: Path | None) -> list:
    """Simulate test sets of one population from a start index, or read them from the folder of finished ones."""
    kind, name, start = task
    file = None if kept is None else kept / f"{kind}-{name}-{start}.pickle"
    if file is not None and file.exists():
        return pickle.loads(file.read_bytes())
    found = [WORK[kind](POPULATIONS[name], index) for index in range(start, start + CHUNK)]
    if file is not None:
        file.with_suffix(".part").write_bytes(pickle.dumps(found))
        file.with_suffix(".part").replace(file)
    return found


def simulate(chosen: Sequence[tuple[str, str, int]], jobs: int, kept: Path | None) -> list[Row]:
    """Return the rates for each (kind, population, number of test sets)."""
    longest = max(sets for _, _, sets in chosen)
    tasks = [
        (kind, name, start) for start in range(0, longest, CHUNK) for kind, name, sets in chosen if start < sets
    ]
    found: dict[tuple[str, str], list] = defaultdict(list)
    began = time.perf_counter()
    with ProcessPoolExecutor(jobs) as pool:
        for (kind, name, start), part in zip(tasks, pool.map(partial(work, kept=kept), tasks), strict=True):
            found[kind, name] += part
            seconds = time.perf_counter() - began
            print(f"{seconds:6.0f} s  {kind} {name} {start + len(part)}", file=sys.stderr, flush=True)
    return [row for kind, name, _ in chosen for row in finished(kind, name, found[kind, name])]


def finished(kind: str, name: str, found: list) -> Iterator[Row]:
    """Return the rows of one population, or of reports on it."""
    population = POPULATIONS[name]
    if kind == "report":
        first, secondary = np.array(found, dtype=bool).T
        yield replace(rate("report: primary p <= .05", name, first, AT_MOST), scenario="report")
        yield replace(rate("report: any secondary p <= .05", name, secondary, AT_MOST), scenario="report")
        return
    for row in (primary_rates if kind == "primary" else whole_rates)(population, found):
        yield replace(row, scenario=population.kind)


COLUMNS = (
    ("answered", "comparable"),
    ("p ≤ .05", "primary p <= .05"),
    ("disparity", "disparity declared"),
    ("any secondary", "any secondary p <= .05"),
    ("at least > truth", "at least > truth"),
    ("(drawn)", "at least > truth at the drawn counts"),
    ("at most < truth", "at most < truth"),
    ("(drawn)", "at most < truth at the drawn counts"),
    ("covers", "contrast interval covers"),
    ("(drawn)", "contrast interval covers at the drawn counts"),
    ("at least", "median at least"),
    ("at most", "median at most"),
)
HEAD = """\
# Simulation of gaps

Made by `{command}`. Populations: [populations.py](../populations.py);
{permutations} permutations. Shares of {sets} test sets, of {whole} for *any secondary* and other metrics; one
Monte-Carlo error at .05 is {error:.3f}. The last table has the bounds that are missed.

*answered*: share of the test sets with a primary row (accuracy by group); the other columns are shares of these.
*true gap*: within class, at the expected class counts. Columns named *(drawn)* take the truth at the class counts
of each test set, which the limits are made for. *any secondary*: all other metrics of the feature together.
*covers*: the interval of the printed contrast, where its truth is known. *at least*, *at most*: medians.
Bounds: *p ≤ .05* where there is nothing to find, *any secondary* where nothing differs, *at least > truth* and
*at most < truth* ≤ .065; *covers* ≥ .93. `~`: missed by less than two Monte-Carlo errors; **NO**: missed by more.
"""


def table(rows: Sequence[Row], command: str, sets: int, n_whole: int) -> str:
    """Return the page."""
    error = float(np.sqrt(0.05 * 0.95 / sets))
    lines = [HEAD.format(command=command, permutations=N_PERMUTATIONS, sets=sets, whole=n_whole, error=error)]
    by_name: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        by_name[row.setting][row.check] = row
    kinds = dict.fromkeys(r.scenario for r in rows if r.scenario != "report")
    for kind in kinds:
        lines += [f"## {kind.capitalize()}", ""]
        lines.append("| population | images | true gap | " + " | ".join(title for title, _ in COLUMNS) + " |")
        lines.append("|---|---:|---:|" + "---:|" * len(COLUMNS))
        for name in dict.fromkeys(r.setting for r in rows if r.scenario == kind):
            population = POPULATIONS[name]
            gap = "none" if population.gap is None else f"{population.gap:.3f}"
            cells = " | ".join(cell(by_name[name].get(check)) for _, check in COLUMNS)
            lines.append(f"| {name} | {sum(population.sizes):,} | {gap} | {cells} |")
        lines.append("")
    return "\n".join([*lines, *means(rows), *other_metrics(rows), *whole_reports(rows), *misses(rows)]) + "\n"


def cell(row: Row | None) -> str:
    """Return a rate as a cell of a table."""
    if row is None or np.isnan(row.result):
        return ""
    text = f"{row.result:.3f}"
    return f"**{text} NO**" if row.met == "NO" else text + " ~" * (row.met == "within error")


MEANS = (
    ("p ≤ .05", "primary p <= .05"),
    ("any secondary", "any secondary p <= .05"),
    ("at least > truth (drawn)", "at least > truth at the drawn counts"),
    ("at most < truth (drawn)", "at most < truth at the drawn counts"),
    ("covers (drawn)", "contrast interval covers at the drawn counts"),
)


def means(rows: Sequence[Row]) -> list[str]:
    """Return the mean of each bounded rate over the populations of a kind, and their number."""
    lines = [
        "## Means over populations",
        "",
        "Means of the bounded rates; in brackets the number of populations.",
        "",
        "| populations | " + " | ".join(title for title, _ in MEANS) + " |",
        "|---|" + "---:|" * len(MEANS),
    ]
    bounded = [r for r in rows if r.bound and r.scenario != "report"]
    for kind in [*dict.fromkeys(r.scenario for r in bounded), "all"]:
        cells = []
        for _, check in MEANS:
            found = [r.result for r in bounded if r.check == check and kind in {r.scenario, "all"}]
            cells.append(f"{np.mean(found):.3f} ({len(found)})" if found else "")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return [*lines, ""]


def other_metrics(rows: Sequence[Row]) -> list[str]:
    """Return how often other metrics, as the primary question, have p <= .05 when nothing differs."""
    ending = " p <= .05"
    bounded = [r for r in rows if r.bound and r.check.endswith(ending) and r.check.split()[0] in METRICS.names()]
    lines = [
        "## Other metrics as the primary question, where nothing differs",
        "",
        "| metric | populations | mean share with p ≤ .05 | largest | in | within error | missed |",
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for check in dict.fromkeys(sorted(r.check for r in bounded)):
        mine = [r for r in bounded if r.check == check]
        largest = max(mine, key=lambda r: r.result)
        counts = [sum(r.met == met for r in mine) for met in ("within error", "NO")]
        lines.append(
            f"| {check.removesuffix(ending)} | {len(mine)} | {np.mean([r.result for r in mine]):.3f} | "
            f"{largest.result:.3f} | {largest.setting} | {counts[0]} | {counts[1]} |"
        )
    return [*lines, ""]


def whole_reports(rows: Sequence[Row]) -> list[str]:
    """Return the rates of whole reports."""
    mine = [r for r in rows if r.scenario == "report"]
    if not mine:
        return []
    lines = [
        "## Whole reports without any difference",
        "",
        "Skin type and three features drawn at random (2, 3 and 8 groups), all metrics.",
        "",
        "| population | primary p ≤ .05 | any secondary p ≤ .05 |",
        "|---|---:|---:|",
    ]
    for name in dict.fromkeys(r.setting for r in mine):
        primary, secondary = (r for r in mine if r.setting == name)
        lines.append(f"| {name} | {cell(primary)} | {cell(secondary)} |")
    return [*lines, ""]


def misses(rows: Sequence[Row]) -> list[str]:
    """Return the bounds that are missed by more than two Monte-Carlo errors."""
    bounded = [r for r in rows if r.bound]
    counts = {met: sum(r.met == met for r in bounded) for met in ("yes", "within error", "NO")}
    lines = [
        "## Bounds that are missed",
        "",
        f"Of {len(bounded):,} bounded rates {counts['yes']:,} keep their bound, {counts['within error']} miss it",
        f"by less than two Monte-Carlo errors, {counts['NO']} by more:",
        "",
        "| check | population | sets | result | bound |",
        "|---|---|---:|---:|---|",
    ]
    lines += [
        f"| {r.check} | {r.setting} | {r.sets} | {r.result:.3f} ± {r.error:.3f} | {r.bound} |"
        for r in bounded
        if r.met == "NO"
    ]
    return lines


def main() -> None:
    """Print the page, and save it with all its rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=400, help="test sets of a population")
    parser.add_argument("--whole", type=int, default=200, help="test sets in which all metrics are evaluated")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", nargs="*", choices=[*POPULATIONS, "reports"], metavar="POPULATION")
    parser.add_argument("--kept", type=Path, help="folder of finished test sets, so that more can be added")
    parser.add_argument("--out", type=Path, help="writes OUT.md and OUT.csv")
    chosen = parser.parse_args()
    if chosen.sets % CHUNK or chosen.whole % CHUNK:
        parser.error(f"--sets and --whole are multiples of {CHUNK}")
    if chosen.kept:
        chosen.kept.mkdir(parents=True, exist_ok=True)
    names = [name for name in POPULATIONS if not chosen.only or name in chosen.only]
    reports = REPORTS if not chosen.only or "reports" in chosen.only else ()
    tasks = [("primary", name, chosen.sets) for name in names]
    tasks += [("whole", name, chosen.whole) for name in names] + [
        ("report", name, chosen.whole) for name in reports
    ]
    rows = simulate(tasks, chosen.jobs, chosen.kept)
    command = f"OMP_NUM_THREADS=1 python benchmarks/simulation.py --sets {chosen.sets} --whole {chosen.whole}"
    command += f" --only {' '.join(chosen.only)}" if chosen.only else ""
    text = table(rows, command, chosen.sets, chosen.whole)
    print(text)
    if chosen.out:
        chosen.out.with_suffix(".md").write_text(text, encoding="utf-8")
        write_rows(chosen.out.with_suffix(".csv"), rows)


if __name__ == "__main__":
    main()
