"""Measure the coverage of intervals of operating points, in independently written populations.

    python benchmarks/clinical_points.py --sets 300
    python benchmarks/clinical_points.py --sets 60 --gaps   # with the limits of gaps, which take most of the time

Prints a table of coverage; benchmarks/results/operating-points.md holds it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections import defaultdict

import numpy as np
from clinical_populations import OPERATING

from dermbench.artifacts.report import Disparity
from dermbench.evaluation.clinical.intervals import net_benefit, predictive_value
from dermbench.evaluation.clinical.points import Fitted, Scored, fit
from dermbench.evaluation.clinical.records import gap_rows
from dermbench.evaluation.clinical.rules import Rule
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.intervals.estimate import Z95
from dermbench.evaluation.resampling.plan import Plan

RULES = (Rule("specificity", 0.9), Rule("sensitivity", 0.9))
PREVALENCE, PROBABILITY = 0.05, 0.2
LEAST = 10
"""Number of positive (or negative) images that a group needs for its coverage to count."""


def scored(frame) -> Scored:
    positive = (frame["label"] == "positive").to_numpy().astype(np.intp)
    score = frame["prob_positive"].to_numpy(dtype=float)
    unit = np.unique(frame["patient_id"], return_inverse=True)[1].astype(np.intp)
    prob = np.column_stack([1 - score, score])
    return Scored(
        Sample(positive, (score > 0.5).astype(np.intp), 2, unit=unit, y_prob=prob, positive=(False, True))
    )


def holds(estimate, truth: float) -> bool | None:
    if estimate.limits is None:
        return None
    low, high, _ = estimate.limits(Z95)
    return None if np.isnan(low) else bool(low - 1e-9 <= truth <= high + 1e-9)


def one_set(population, rng: np.random.Generator, found, *, with_gaps: bool) -> None:  # noqa: C901 - a loop in a loop
    validation, test = population.draw(rng)
    fitting, judged = scored(validation), scored(test)
    types = test["fst"].to_numpy(dtype=float)
    groups = {"all": np.arange(len(test))} | {t: np.flatnonzero(types == t) for t in range(1, 7)}
    for rule in RULES:
        if not 0 < fitting.positive.sum() < len(fitting.positive):
            continue
        fitted = fit(rule, fitting)
        truths = population.truth(rule.kind, rule.target)
        values = population.predictive_values(rule.kind, rule.target, PREVALENCE)
        for name, rows in groups.items():
            if not len(rows):
                continue
            both = judged.shares(fitted, rows)
            kind = "all" if name == "all" else "group"
            for what, share, truth in zip(("sensitivity", "specificity"), both, truths[name], strict=True):
                if share.n >= LEAST:
                    found[rule.name, what, kind].append(holds(share.estimate(empty=""), truth))
            if min(both[0].n, both[1].n) >= LEAST:
                for what, truth in zip(("PPV", "NPV"), values[name], strict=True):
                    got = predictive_value(*both, PREVALENCE, positive=what == "PPV")
                    found[rule.name, what, kind].append(holds(got, truth))
        if with_gaps:
            gaps(population, judged, fitted, types, found)
    truths = population.net_benefit(PROBABILITY)
    for name, rows in groups.items():
        if len(rows) >= 2 * LEAST:
            sample = judged.sample
            got = net_benefit(
                judged.score[rows] >= PROBABILITY,
                judged.positive[rows],
                sample.units[rows],
                PROBABILITY,
                clustered=sample.clustered,
            )
            kind = "all" if name == "all" else "group"
            found["threshold probability .2", "net benefit", kind].append(holds(got, truths[name]))


def gaps(population, judged: Scored, fitted: Fitted, types: np.ndarray, found) -> None:
    """Count how often *at least* and *at most* of the gaps between types hold."""
    rule = fitted.rule
    known = np.where(np.isnan(types), 0, types).astype(np.intp) - 1
    grouping = Grouping("fst", known, ("I", "II", "III", "IV", "V", "VI"), ordered=True)
    truths = population.truth(rule.kind, rule.target)
    rows = gap_rows(judged, fitted, grouping, Plan(0, 99))
    for place, (what, kind) in enumerate((("sensitivity", True), ("specificity", False))):
        row, inside = rows[what], judged.positive == kind
        there = [t for t in range(1, 7) if (inside & (types == t)).any()]
        if not isinstance(row, Disparity) or row.high is None or len(there) < 2:
            continue
        values = [truths[t][place] for t in there]
        true = max(values) - min(values)
        found[rule.name, what, "at least"].append(row.low <= true + 1e-9)
        found[rule.name, what, "at most"].append(row.high >= true - 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--only", default="")
    parser.add_argument("--gaps", action="store_true")
    chosen = parser.parse_args()
    columns: dict = {}
    for population in OPERATING:
        if chosen.only not in population.name:
            continue
        found: dict = defaultdict(list)
        for i in range(chosen.sets):
            one_set(population, np.random.default_rng([7, i]), found, with_gaps=chosen.gaps)
        columns[population.name] = found
    keys = list(dict.fromkeys(key for found in columns.values() for key in found))
    print(f"{chosen.sets} sets each; Monte-Carlo error .011 at .95 with 400.\n")
    print("| population | " + " | ".join(" ".join(key) for key in keys) + " |")
    print("|---|" + "---|" * len(keys))
    for name, found in columns.items():
        cells = []
        for key in keys:
            known = [x for x in found.get(key, []) if x is not None]
            cells.append(f"{np.mean(known):.3f}" if len(known) >= 50 else "-")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
