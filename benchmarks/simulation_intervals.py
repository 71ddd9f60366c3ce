"""Check intervals of single values, calibration and the spread between groups on known populations.

    OMP_NUM_THREADS=1 python benchmarks/simulation_intervals.py --sets 600 \\
        --out benchmarks/results/simulation_intervals

Every scenario is seeded by its name, so the same --sets gives exactly the same table. ``simulation.py`` checks
gaps between groups.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
from dermbench.evaluation.core.groups import Grouping, group_tally
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample, eligible_classes
from dermbench.evaluation.disparity.class_mix import standardised
from dermbench.evaluation.disparity.group_sums import permuted_tallies
from dermbench.evaluation.disparity.spread import between_group_sd
from dermbench.evaluation.intervals.bca import bca_limits
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.intervals.proportions import wilson
from dermbench.evaluation.resampling.bootstrap import bootstrap_sums
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.resample import as_tally, replicate, sum_cells, tally_cells
from dermbench.evaluation.resampling.strata import elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dermbench.artifacts.report import Cell

sys.path.insert(0, str(Path(__file__).parent))
from rates import AT_LEAST, AT_MOST, Row, rate, read_rows, rng_of, write_rows
from worlds import AJL, World, make_world, pick

N_RESAMPLES = 499
CLUSTERED = {"rho": 0.4, "per_unit": (6,) * 6}


def wilson_exact(_sets: int) -> Iterator[Row]:
    """Exact coverage, averaged over true proportions .3 to .95."""
    rates = np.linspace(0.3, 0.95, 66)
    for n in (12, 30, 60, 150):
        k = np.arange(n + 1)
        low, high = np.array([wilson(x / n, n) for x in k]).T
        inside = (low[:, None] <= rates) & (rates <= high[:, None])
        coverage = (stats.binom.pmf(k[:, None], n, rates) * inside).sum(axis=0)
        mean = float(coverage.mean())
        yield Row(
            "coverage", f"accuracy, Wilson (exact); n={n}", 0, mean, 0.0, AT_LEAST, "yes" if mean >= 0.93 else "NO"
        )


def group_coverage(
    world: World, metrics: list[str], sets: int, name: str, *, present: bool = False
) -> dict[tuple[str, int], np.ndarray]:
    """Return whether each interval of each group covers; balanced accuracy averages the classes that occur."""
    rng, found = rng_of(name), {(m, g): [] for m in metrics for g in range(len(world.sizes))}
    objects = [METRICS.get(m) for m in metrics]
    truth = {m.name: world.values(m) for m in objects}
    recall = np.einsum("gcc->gc", world.confusion)
    for seed in range(sets):
        sample, groups = world.draw(rng)
        made = estimates(sample, objects, groups, Plan(seed, N_RESAMPLES))
        for g, group in enumerate(groups.names):
            there = np.bincount(sample.y_true[groups.codes == g], minlength=world.n_classes) > 0
            for m in metrics:
                item = made[group, m].cell()
                true = recall[g, there].mean() if present and m == "balanced_accuracy" else truth[m][g]
                if item.low is not None:
                    found[m, g].append(item.low <= true <= item.high)
    return {key: np.array(v) for key, v in found.items()}


def coverage(sets: int) -> Iterator[Row]:
    metrics = ["accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "mcc"]
    sizes = (12, 30, 60, 150, 400)
    for c in (3, 9, 21):
        world = make_world(c, sizes, seed=c)
        found = group_coverage(world, metrics, sets, f"coverage {c}", present=True)
        for (m, g), hits in found.items():
            yield from _shown(f"{m}; {c} classes, n={sizes[g]}", hits, sets, binding=sizes[g] >= 30)


def _shown(setting: str, hits: np.ndarray, sets: int, *, binding: bool = True) -> Iterator[Row]:
    """Yield how often an interval is suppressed, and its coverage if it is shown often enough."""
    if len(hits) < sets:
        yield rate("interval suppressed", setting, np.arange(sets) >= len(hits))
    if len(hits) >= min(100, sets):
        yield rate("coverage", setting, hits, AT_LEAST if binding else "")


def clustered_coverage(sets: int) -> Iterator[Row]:
    metrics = ["accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa"]
    sizes = (12, 30, 60, 150, 400)
    for c in (3, 9, 21):
        world = make_world(c, sizes, spread=0.15, rho=0.4, per_unit=(6,) * 5)
        found = group_coverage(world, metrics, sets, f"clustered {c}", present=True)
        for (m, g), hits in found.items():
            units = f"n={sizes[g]} in about {sizes[g] / 3.5:.0f} units"
            yield from _shown(f"{m}; {c} classes, clustered, {units}", hits, sets, binding=sizes[g] >= 30)
    world = make_world(3, sizes, spread=0.15, rho=0.4, per_unit=(6,) * 5)
    naive = naive_coverage(world, sets)
    for g, hits in enumerate(naive):
        yield rate("coverage when units are ignored", f"accuracy; clustered, n={sizes[g]}", hits)


def standardised_coverage(sets: int) -> Iterator[Row]:
    """Class-mix standardised values, with the mix and the eligible classes of each sample."""
    cases = {
        "3 classes": make_world(3, (60, 150, 400), spread=0.2),
        "3 classes, nearly all right": make_world(3, (60, 150, 400), recall=0.93, spread=0.03),
        "9 classes": make_world(9, (200, 400), seed=9, tilt=0.5),
        "21 classes": make_world(21, (500, 900), seed=21, tilt=0.5),
        "3 classes, clustered": make_world(3, (60, 150, 400), spread=0.2, rho=0.4, per_unit=(6,) * 3),
    }
    for setting, world in cases.items():
        rng, found = rng_of(f"standardised {setting}"), {}
        for _ in range(sets):
            sample, groups = world.draw(rng)
            truth = standardised_truth(world, group_tally(sample, groups).support)
            for (name, metric), item in standardised(sample, groups).items():
                hits = found.setdefault((metric, groups.names.index(name)), [])
                shown = item.cell()
                if shown.low is not None:
                    hits.append(shown.low <= truth[metric][groups.names.index(name)] <= shown.high)
        for (metric, g), hits in found.items():
            yield from _shown(f"{metric}; {setting}, n={world.sizes[g]}", np.array(hits), sets)


def standardised_truth(world: World, support: np.ndarray) -> dict[str, np.ndarray]:
    """Return the standardised values of the groups in the population, at the class mix of a sample."""
    classes = eligible_classes(support)
    mix = support[:, classes].sum(axis=0) / support[:, classes].sum()
    joint = mix[None, :, None] * world.confusion[:, classes][:, :, classes]
    right = np.einsum("gcc->gc", joint)
    f1 = (2 * right / (mix + joint.sum(axis=1))).mean(axis=1) if len(classes) else np.zeros(len(support))
    return {"standardised_accuracy": right.sum(axis=1), "standardised_macro_f1": f1}


def naive_coverage(world: World, sets: int) -> list[np.ndarray]:
    rng, truth = rng_of("naive"), world.values(METRICS.get("accuracy"))
    found = [[] for _ in world.sizes]
    for _ in range(sets):
        sample, groups = world.draw(rng)
        for g, n in enumerate(world.sizes):
            low, high = wilson(float(sample.hit[groups.codes == g].mean()), n)
            found[g].append(low <= truth[g] <= high)
    return [np.array(f) for f in found]


def accuracy_spread(sample: Sample, groups: Grouping) -> Cell:
    """Return the standard deviation of accuracy between groups."""
    metric = METRICS.get("accuracy")
    found = estimates(sample, [metric], groups, Plan(0, 99))
    made = [found[name, "accuracy"] for name in groups.names]
    return between_group_sd(np.array([e.value for e in made]), np.array([e.se for e in made])).cell()


def one_odd_group(sets: int) -> Iterator[Row]:
    """The Q-profile interval when one group differs from equal others, which violates its model."""
    for setting, how in (("independent", {}), ("clustered", CLUSTERED)):
        rng, covered = rng_of(f"odd {setting}"), []
        world = make_world(3, tilt=0.0, drop={5: 0.2}, **how)
        true = float(np.std(world.values(METRICS.get("accuracy")), ddof=1))
        for _ in range(sets):
            sd = accuracy_spread(*world.draw(rng))
            covered.append(sd.low <= true <= sd.high)
        yield rate("coverage of the between-group SD", f"accuracy; VI worse by .2, {setting}", np.array(covered))


def random_effects(sets: int) -> Iterator[Row]:
    """The Q-profile interval under its model: normally distributed group accuracies."""
    for tau in (0.0, 0.05, 0.1):
        rng, covered, estimate = rng_of(f"tau {tau}"), [], []
        for _ in range(sets):
            world = make_world(3, tilt=0.0, drop=dict(enumerate(rng.normal(0, tau, 6))))
            sd = accuracy_spread(*world.draw(rng))
            covered.append(sd.low <= tau <= sd.high)
            estimate.append(sd.value**2)
        yield rate(
            "coverage of the between-group SD",
            f"accuracy; groups drawn with SD {tau}",
            np.array(covered),
            AT_LEAST,
        )
        mean = float(np.sqrt(np.mean(estimate)))
        yield Row("root mean square of the between-group SD", f"accuracy; true SD {tau}", sets, mean, 0.0, "", "")


def probabilities(rng: np.random.Generator, n: int, c: int) -> Sample:
    """Draw calibrated predictions: the truth follows the predicted probabilities."""
    y_prob = rng.dirichlet(np.full(c, 0.5), n)
    y_true = pick(y_prob, rng)
    return Sample(y_true, y_prob.argmax(axis=1), c, y_prob=y_prob)


def mean_and_rank(sets: int) -> Iterator[Row]:
    from dermbench.evaluation.calibration.abstention import AURC
    from dermbench.evaluation.calibration.reliability import CONFIDENCE_GAP

    objects = [METRICS.get(m) for m in ("log_loss", "brier", "auroc_ovr", "average_precision")]
    objects += [CONFIDENCE_GAP, AURC]
    big = probabilities(rng_of("truth"), 200_000, 3)
    truth = {m.name: float(_value(m, big)) for m in objects}
    for n in (12, 30, 60, 150):
        rng, found = rng_of(f"mean {n}"), {m.name: [] for m in objects}
        for seed in range(sets):
            sample = probabilities(rng, n, 3)
            for (_, m), item in estimates(sample, objects, None, Plan(seed, N_RESAMPLES)).items():
                shown = item.cell()
                if shown.low is not None:
                    found[m].append(shown.low <= truth[m] <= shown.high)
        for m, hits in found.items():
            yield from _shown(f"{m}; 3 classes, n={n}", np.array(hits), sets, binding=n >= 30)


def _value(metric: object, sample: Sample) -> float:
    if metric.kind == "mean":
        return float(np.mean(metric.score(sample.y_true, sample.y_prob)))
    return float(metric.score(sample.y_true, sample.y_prob, np.ones((len(sample), 1)))[0])


def calibrated(sets: int) -> Iterator[Row]:
    """Perfectly calibrated predictions: how often the smallest group has the highest ECE, and p <= .05."""
    from dermbench.evaluation.calibration.abstention import AURC
    from dermbench.evaluation.calibration.reliability import CONFIDENCE_GAP, calibration

    rng, highest, p_ece, p_squared = rng_of("calibrated"), [], [], []
    codes = np.repeat(np.arange(6), AJL)
    groups = Grouping("fst", codes, ("I", "II", "III", "IV", "V", "VI"))
    for seed in range(sets):
        sample, plan = probabilities(rng, len(codes), 9), Plan(seed, 199)
        shared = estimates(sample, [AURC, CONFIDENCE_GAP], groups, Plan(seed, 1))
        found = calibration(sample, shared, groups, plan)
        values = [found[name].ece.value for name in groups.names]
        highest.append(int(np.argmax(values)) == 5)
        p_ece.append(found["VI"].ece.p_value <= 0.05)
        p_squared.append(found["VI"].squared_error.p_value <= 0.05)
    yield rate("smallest group has the highest ECE", "perfect calibration, 9 classes", np.array(highest))
    yield rate("null rejection", "ECE-15 of type VI beside its null", np.array(p_ece), AT_MOST)
    yield rate("null rejection", "debiased squared error of type VI", np.array(p_squared), AT_MOST)


def alternatives(sets: int) -> Iterator[Row]:
    """Rates of methods in common use, which are the reason for the methods here."""
    world = make_world(21, tilt=0.0, spread=0.0)
    rng, gaps, covered = rng_of("naive gap"), [], []
    for seed in range(sets):
        sample, groups = world.draw(rng)
        value, low, high = _bootstrapped_gap(sample, groups, seed)
        gaps.append(value)
        covered.append(low <= 0 <= high)
    setting = "accuracy .62 in all six types, n = 238/397/243/186/83/44"
    yield Row(
        "mean of max - min", setting, sets, float(np.mean(gaps)), float(np.std(gaps) / np.sqrt(sets)), "", ""
    )
    yield Row("95th percentile of max - min", setting, sets, float(np.quantile(gaps, 0.95)), 0.0, "", "")
    yield rate("percentile bootstrap of max - min covers 0", setting, np.array(covered))
    yield from _free_permutation(sets)
    yield from _other_intervals(sets)


def _bootstrapped_gap(sample: Sample, groups: Grouping, seed: int) -> tuple[float, float, float]:
    cells = tally_cells(sample, groups.codes, len(groups.names))

    def gap(sums: np.ndarray) -> np.ndarray:
        tally = as_tally(sums, sample.n_classes, steps=False)
        return np.ptp(tally.correct.sum(axis=-1) / np.maximum(tally.total, 1), axis=-1)

    drawn = replicate(cells, gap, Plan(seed, N_RESAMPLES), stream="gap")
    return float(gap(cells.totals()[:, None])[0]), *np.quantile(drawn, [0.025, 0.975])


def _free_permutation(sets: int) -> Iterator[Row]:
    """Rejections of max - min of macro-F1 by permutation across classes, and within classes."""
    world, metric = make_world(3, spread=0.25, tilt=2.0), METRICS.get("macro_f1")
    rng, found = rng_of("free"), {True: [], False: []}
    for seed in range(sets):
        sample, groups = world.draw(rng)
        observed = np.ptp(metric.score(group_tally(sample, groups)))
        for within, hits in found.items():
            parts = elements(sample, groups.codes, within_class=within)
            tallies = permuted_tallies(sample, parts, 6, Plan(seed, N_RESAMPLES), stream="x")
            null = np.concatenate([np.ptp(metric.score(tally), axis=-1) for tally in tallies])
            hits.append((np.sum(null >= observed) + 1) / (len(null) + 1) <= 0.05)
    for within, name in ((True, "within-class"), (False, "free")):
        yield rate(
            f"null rejection, {name} permutation",
            "macro-F1; 3 classes, mix differs widely",
            np.array(found[within]),
        )


def _other_intervals(sets: int) -> Iterator[Row]:
    rng = rng_of("jeffreys")
    for c, n in ((9, 60), (21, 60), (21, 150)):
        world, hits = make_world(c, (n,), seed=c), []
        recall = np.einsum("gcc->gc", world.confusion)[0]
        for _ in range(sets):
            sample, _groups = world.draw(rng)
            support = np.bincount(sample.y_true, minlength=c)
            correct = np.bincount(sample.y_true[sample.hit], minlength=c)
            there = support > 0
            k, m = correct[there], support[there]
            low, high = np.quantile(rng.beta(k + 0.5, m - k + 0.5, (2000, len(k))).mean(axis=1), [0.025, 0.975])
            hits.append(low <= recall[there].mean() <= high)
        yield rate("coverage of Jeffreys posteriors", f"balanced_accuracy; {c} classes, n={n}", np.array(hits))
    metric, hits = METRICS.get("log_loss"), []
    big = probabilities(rng_of("truth"), 200_000, 3)
    truth = float(np.mean(metric.score(big.y_true, big.y_prob)))
    for seed in range(sets):
        sample = probabilities(rng, 30, 3)
        values = metric.score(sample.y_true, sample.y_prob)
        cells = sum_cells(sample, np.zeros(30, dtype=int), 1, values[None, :])
        made = bootstrap_sums(
            cells, lambda s: (s[1] / s[0])[:, None, None], 2, Plan(seed, N_RESAMPLES), stream="x"
        )
        low, high, _ = bca_limits(values.mean(), np.sort(made[0][0, 0]), made[1][0, 0], z=1.96)
        hits.append(low <= truth <= high)
    yield rate("coverage of BCa", "log_loss; 3 classes, n=30", np.array(hits))


SCENARIOS: dict[str, Callable[[int], Iterator[Row]]] = {
    "wilson_exact": wilson_exact,
    "coverage": coverage,
    "clustered_coverage": clustered_coverage,
    "standardised_coverage": standardised_coverage,
    "one_odd_group": one_odd_group,
    "random_effects": random_effects,
    "mean_and_rank": mean_and_rank,
    "calibrated": calibrated,
    "alternatives": alternatives,
}


def run(name: str, sets: int) -> list[Row]:
    start = time.process_time()
    rows = [replace(r, scenario=name) for r in SCENARIOS[name](sets)]
    print(f"{name}: {len(rows)} rows, {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)
    return rows


def table(rows: list[Row], command: str) -> str:
    lines = [
        f"Made by `{command}`. ± is the Monte-Carlo standard error; *within error*: up to two of them off.",
        "",
        "| check | setting | sets | result | bound | met |",
        "|---|---|---:|---:|---|---|",
    ]
    for r in rows:
        result = f"{r.result:.3f}" + (f" ± {r.error:.3f}" if r.error else "")
        lines.append(f"| {r.check} | {r.setting} | {r.sets or 'exact'} | {result} | {r.bound} | {r.met} |")
    return "\n".join(lines) + "\n"


GRID_TITLE = "## Coverage by group size and number of classes"
GRID = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa")


def grid(rows: list[Row]) -> str:
    """Return coverage by metric, number of classes and group size, with the share of suppressed intervals."""
    lines = [
        "Share of the intervals that cover, and in brackets the share of the samples in which none is shown.",
        "",
        "| metric | classes | images | n=12 | n=30 | n=60 | n=150 | n=400 |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for metric in GRID:
        for classes in (3, 9, 21):
            for kind, mark in (("independent", ""), ("share units", "clustered, ")):
                start = f"{metric}; {classes} classes, {mark}n="
                cells = " | ".join(_cell(rows, f"{start}{n}") for n in (12, 30, 60, 150, 400))
                lines.append(f"| {metric} | {classes} | {kind} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(rows: list[Row], setting: str) -> str:
    found = {r.check: r for r in rows if r.setting.split(" in about")[0] == setting}
    shown, hidden = found.get("coverage"), found.get("interval suppressed")
    text = "none shown" if shown is None else f"{shown.result:.3f}" + "*" * (shown.met == "NO")
    return text if hidden is None else f"{text} ({hidden.result:.0%} suppressed)"


def kept(path: Path, names: list[str]) -> list[Row]:
    """Return the rows of other scenarios of an earlier table."""
    return [r for r in read_rows(path) if r.scenario not in names] if path.exists() else []


def commands(rows: list[Row]) -> str:
    """Return the commands for the rows, one for each number of test sets."""
    script = "OMP_NUM_THREADS=1 python benchmarks/simulation_intervals.py"
    most = {
        name: max(r.sets for r in rows if r.scenario == name) for name in dict.fromkeys(r.scenario for r in rows)
    }
    numbers = sorted({sets for sets in most.values() if sets}, reverse=True) or [0]
    made = []
    for sets in numbers:
        names = [name for name, own in most.items() if own == sets or (own == 0 and sets == numbers[0])]
        made.append(f"{script} --sets {sets}" + (f" --only {' '.join(names)}" if len(numbers) > 1 else ""))
    return "` and `".join(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000, help="test sets a scenario")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--only",
        help="leaves the other rows of OUT.csv alone",
        nargs="*",
        default=list(SCENARIOS),
        choices=list(SCENARIOS),
    )
    parser.add_argument("--out", type=Path, help="writes OUT.md and OUT.csv")
    args = parser.parse_args()
    with ProcessPoolExecutor(args.workers) as pool:
        rows = [r for part in pool.map(partial(run, sets=args.sets), args.only) for r in part]
    if args.out:
        rows += kept(args.out.with_suffix(".csv"), args.only)
    rows.sort(key=lambda r: list(SCENARIOS).index(r.scenario))
    text = table(rows, commands(rows))
    print(text)
    if args.out:
        args.out.with_suffix(".md").write_text(
            f"# Simulation of intervals\n\n{text}\n{GRID_TITLE}\n\n{grid(rows)}", encoding="utf-8"
        )
        write_rows(args.out.with_suffix(".csv"), rows)


if __name__ == "__main__":
    main()
