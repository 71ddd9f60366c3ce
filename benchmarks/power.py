"""Compare how often versions 1 and 2 of the protocol find a gap, on the same test sets.

    OMP_NUM_THREADS=1 python benchmarks/power.py --sets 300 --version-1 CHECKOUT --out benchmarks/results/power.md

CHECKOUT is a checkout of commit ffcc4e4, the last with version 1 (``git worktree add CHECKOUT ffcc4e4``). Its
engine runs in its own process. Without it, the column of version 1 is empty.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from populations import POPULATIONS
from rates import rng_of

NAMES = ("VI_15", "VI_25", "V_VI_15", "trend_15", "swap_V_VI", "II_8", "one_class")
N_PERMUTATIONS = 399
COMMIT = "ffcc4e4"
HEAD = """\
# How often a gap is found

Made by `{command}`:
accuracy by skin type, sizes of the ajl-21 test set, {sets} test sets a population, {permutations} permutations;
shares ± at most {error:.3f}. Both versions see the same test sets. Version 1 is commit {commit}, run from a
checkout; it declares *evidence* where the smaller of two Holm-corrected p-values (omnibus, trend) is at most .05.
Version 2 declares a *disparity* where p ≤ .05 and *at least* is above 0; *at least* is its median over these.
*where it fails*: the recall screen names a class whose recall differs (q ≤ .05); *wrong class*: it names one whose
recall does not.

| population | what differs | gap | version 1 | p ≤ .05 | disparity | at least | where it fails | wrong class |
|---|---|---:|---:|---:|---:|---:|---:|---:|
"""


@dataclass(frozen=True)
class Power:
    """Shares of test sets, and the median *at least* where a disparity is declared."""

    p_value: float
    disparity: float
    at_least: float
    right_class: float
    wrong_class: float


def version_2(name: str, sets: int) -> Power:
    """Return the power of version 2, by primary row and by recall screen."""
    from simulation import as_sample

    from dermbench.evaluation.core.metric import METRICS
    from dermbench.evaluation.disparity.contrasts import gap_tests
    from dermbench.evaluation.disparity.gap_test import critical, p_value
    from dermbench.evaluation.disparity.limits import gap_limits
    from dermbench.evaluation.disparity.screen import screen
    from dermbench.evaluation.resampling.plan import Plan

    population = POPULATIONS[name]
    differs = np.ptp(population.recall, axis=0) > 1e-9
    found = []
    for index in range(sets):
        sample, grouping = as_sample(population, population.draw(rng_of(name, index)))
        test = gap_tests(sample, grouping, [METRICS.get("accuracy")], Plan(index, N_PERMUTATIONS))["accuracy"]
        if isinstance(test, str):
            raise SystemExit(f"{name}: {test}")
        p = p_value(float(test.statistics.max(initial=0.0)), test.permuted)
        low = gap_limits(test, critical(test.permuted)).at_least
        rows = screen(sample, grouping)
        assert isinstance(rows, dict)
        named = np.array([row.worst is not None and row.worst.q <= 0.05 for row in rows.values()], dtype=bool)
        found.append((p <= 0.05, p <= 0.05 and low > 0, low, (named & differs).any(), (named & ~differs).any()))
    rejected, declared, low, right, wrong = np.array(found, dtype=np.float64).T
    middle = float(np.median(low[declared > 0])) if declared.any() else float("nan")
    return Power(rejected.mean(), declared.mean(), middle, right.mean(), wrong.mean())


def version_1(name: str, sets: int) -> float:
    """Return how often version 1 declares evidence; must run where version 1 of ``dermbench`` is imported."""
    from dermbench.evaluation.metric import METRICS
    from dermbench.evaluation.stats import Grouping, Sample, disparities
    from dermbench.evaluation.stats.disparity import EVIDENCE

    import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics

    population, found = POPULATIONS[name], []
    for index in range(sets):
        draw = population.draw(rng_of(name, index))
        sample = Sample(draw.y_true, draw.y_pred, population.n_classes, unit=draw.unit)
        grouping = Grouping("fst", draw.group, population.names, ordered=population.ordered)
        made = disparities(sample, grouping, [METRICS.get("accuracy")], seed=index, n_resamples=N_PERMUTATIONS)
        found.append(made["accuracy"].verdict == EVIDENCE)
    return float(np.mean(found))


def in_checkout(checkout: Path, sets: int) -> dict[str, float]:
    """Run version 1 from its checkout, in its own process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--sets", str(sets), "--as-version-1"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout)
    return json.loads(made.stdout)


def shown(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def main() -> None:
    """Print the table, and save it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=300, help="test sets of a population")
    parser.add_argument("--version-1", type=Path, metavar="CHECKOUT", help=f"checkout of commit {COMMIT}")
    parser.add_argument("--as-version-1", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="markdown file")
    chosen = parser.parse_args()
    if chosen.as_version_1:
        print(json.dumps({name: version_1(name, chosen.sets) for name in NAMES}))
        return
    before = in_checkout(chosen.version_1, chosen.sets) if chosen.version_1 else {}
    command = f"OMP_NUM_THREADS=1 python benchmarks/power.py --sets {chosen.sets} --version-1 CHECKOUT"
    error = float(np.sqrt(0.25 / chosen.sets))
    text = HEAD.format(command=command, sets=chosen.sets, permutations=N_PERMUTATIONS, error=error, commit=COMMIT)
    for name in NAMES:
        population, now = POPULATIONS[name], version_2(name, chosen.sets)
        values = (before.get(name, float("nan")), now.p_value, now.disparity, now.at_least)
        values += (now.right_class, now.wrong_class)
        cells = " | ".join(shown(value) for value in values)
        text += f"| {name} | {population.what} | {population.gap:.3f} | {cells} |\n"
    print(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
