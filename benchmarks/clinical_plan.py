"""Check the power of the sizes that ``dermbench plan`` returns, on independently written outcomes.

    OMP_NUM_THREADS=1 python benchmarks/clinical_plan.py --sets 1600 --out benchmarks/results/planning.md

Every case is planned. Then ``--sets`` new test sets of the returned sizes are drawn by mechanisms of
``clinical_populations.py``, none of them the beta-binomial of the plan, and evaluated by the engine of the report.
``--only NAME`` selects cases; ``--kept FILE`` keeps finished lines, so that an interrupted run can go on. A second
table compares the smallest drop by simulation and by the closed form.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
from dermbench import plan
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import score_tests
from dermbench.evaluation.disparity.gap_test import critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.planning.design import PerUnit, new_study
from dermbench.evaluation.planning.test_set import TestSet, closed_drop, smallest_drop
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent))
from clinical_populations import PLANNING, Design, Planning
from rates import rng_of

AJL = {"I": 238, "II": 397, "III": 243, "IV": 186, "V": 83}
N_PERMUTATIONS = 499
TOLERANCE = 0.02
BATCH = 16
METRIC_COPIES = [replace(METRICS.get("accuracy"), name=f"accuracy {k}") for k in range(BATCH)]
HEAD = """\
# Power at the sizes that `dermbench plan` returns

Made by `{command}`:
accuracy by skin type. *Planned* is the power that the plan states. *Found* is the share of new test sets of
these sizes, ± one Monte-Carlo error, in which the report's primary row declares a disparity (*drop*) or has
*at most* below the margin (*margin*); {permutations} permutations a test set. Outcomes are drawn by the
mechanisms of `clinical_populations.py`, written by someone who had not seen the planning; the plan itself
assumes a beta-binomial with the same correlation. Wanted: .80 ± .02. *Geometric*: the number of images varies
between patients, which the plan assumes only where *images vary* (`--images-vary`). Seconds are wall time of
a machine that others used as well.

| case | question | units | mechanism | test sets | planned | found | within .02 | seconds to plan |
|---|---|---:|---|---:|---:|---:|---|---:|
"""


@dataclass(frozen=True)
class Case:
    """A plan to check.

    ``further_sizes`` are distributions of image numbers that the plan does not assume; mechanisms with them get a
    quarter of the sets.
    """

    name: str
    about: str
    group: str
    options: dict[str, object] = field(default_factory=dict)
    further_sizes: frozenset[str] = frozenset()


VARYING = frozenset({"geometric"})
TWO = {"images_per_unit": 2.0, "correlation": 0.3}
THREE = {"images_per_unit": 3.0, "correlation": 0.5, "rate": 0.9}
VARY = {"drop": 0.10, "images_vary": True, **TWO}
VARY_MARGIN = {"margin": 0.10, "images_vary": True, **TWO}
CASES = (
    Case("drop", "six types alike, 1 image a patient", "VI", {"drop": 0.10}),
    Case("drop, others fixed", "I to V as in ajl-21, 1 image a patient", "VI", {"drop": 0.15, "sizes": AJL}),
    Case("drop, 2 images", "six types alike, correlation .3", "VI", {"drop": 0.10, **TWO}, VARYING),
    Case("drop, images vary", "six types alike, 2 images on average, correlation .3", "VI", VARY),
    Case("drop, 3 images", "three bands alike, correlation .5, rate .9", "V-VI", {"drop": 0.15, **THREE}, VARYING),
    Case("margin", "six types alike, 1 image a patient", "VI", {"margin": 0.10}),
    Case("margin, 2 images", "six types alike, correlation .3", "VI", {"margin": 0.10, **TWO}, VARYING),
    Case("margin, images vary", "six types alike, 2 images on average, correlation .3", "VI", VARY_MARGIN),
    Case(
        "margin, 3 images",
        "three bands alike, correlation .5, rate .9",
        "V-VI",
        {"margin": 0.10, **THREE},
        VARYING,
    ),
)
"""Rate .80 and correlation .3 unless stated."""


THIRTY = dict.fromkeys(("I", "II", "III", "IV", "V", "VI"), 30)
CLOSED = (
    ("sizes of ajl-21", {**AJL, "VI": 44}, PerUnit(), 0.8),
    ("sizes of ajl-21", {**AJL, "VI": 44}, PerUnit(), 0.62),
    ("30 patients each", THIRTY, PerUnit(), 0.8),
    ("30 patients each, 3 images, correlation .3", THIRTY, PerUnit(3.0), 0.9),
    ("30 patients each, 2 images that vary, correlation .3", THIRTY, PerUnit(2.0, vary=True), 0.7),
    ("10 patients each", dict.fromkeys(THIRTY, 10), PerUnit(), 0.8),
)
"""Test sets for which closed form and simulation are compared."""
CLOSED_HEAD = """
## The closed form

Smallest drop in type VI that is found with 80 %.

| test set | rate | simulated | closed form |
|---|---:|---:|---:|
"""


@dataclass(frozen=True)
class Made:
    """A line of the table."""

    case: str
    about: str
    question: str
    units: int
    mechanism: str
    planned: float
    found: float
    sets: int
    seconds: float


def judge(case: Case, units: dict[str, int], mechanism: Planning, sets: int) -> float:
    """Return the share of new test sets of these sizes in which the report answers the question."""
    options = case.options
    drop = float(options.get("drop", 0.0))
    design = Design(
        units,
        float(options.get("rate", 0.8)),
        drop,
        case.group,
        images_per_unit=float(options.get("images_per_unit", 1.0)),
        correlation=float(options.get("correlation", 0.3)),
    )
    names, yes = tuple(units), 0
    place = np.array([names.index(name) for name in sorted(names)], dtype=np.intp)
    batch = BATCH if mechanism.sizes == "fixed" else 1  # test sets with the same patients share a batch
    for start in range(0, sets, batch):
        size = min(batch, sets - start)
        rngs = [rng_of(f"{case.name} {mechanism.name}", start + k) for k in range(size)]
        drawn = [mechanism.draw(rng, design) for rng in rngs]
        first = drawn[0]
        assert all(np.array_equal(first.unit, other.unit) for other in drawn)
        truth = np.zeros(len(first.unit), dtype=np.intp)
        codes = place[np.unique(first.group, return_inverse=True)[1]]
        sample = Sample(truth, truth, 2, unit=first.unit)
        tests = score_tests(
            sample,
            Grouping("fst", codes, names, ordered=True),
            {metric: one.correct.astype(np.float64) for metric, one in zip(METRIC_COPIES, drawn, strict=False)},
            Plan(start, N_PERMUTATIONS if drop else 1),  # *at most* needs no permutations
        )
        for test in tests.values():
            assert not isinstance(test, str)
            limits = gap_limits(test, critical(test.permuted))
            p = p_value(float(test.statistics.max()), test.permuted)
            high = 1.0 if limits.at_most is None else limits.at_most
            yes += (p <= 0.05 and limits.at_least > 0) if drop else high < float(options["margin"])
    return yes / sets


def make(case: Case, sets: int, done: set[str]) -> Iterator[Made]:
    """Plan a case, and check the sizes with every applicable mechanism that is not done."""
    several = float(case.options.get("images_per_unit", 1.0)) > 1
    sizes = {"geometric"} if "images_vary" in case.options else {"fixed"} | case.further_sizes
    left = [m for m in PLANNING if m.correlated == several and m.sizes in sizes and m.name not in done]
    if not left:
        return
    start = time.perf_counter()
    made = plan(case.group, **case.options).plan
    seconds = time.perf_counter() - start
    (size,) = made.sizes
    assert size.units is not None
    units = {name: part.units for name, part in size.groups.items()}
    for mechanism in left:
        n = sets // 4 if mechanism.sizes in case.further_sizes else sets
        found = judge(case, units, mechanism, n)
        about = (case.name, case.about, size.question, size.units, mechanism.name)
        yield Made(*about, size.power, found, n, seconds)


def table(lines: list[Made], command: str) -> str:
    """Return the markdown page."""
    text = HEAD.format(command=command, permutations=N_PERMUTATIONS)
    for line in lines:
        error = np.sqrt(line.found * (1 - line.found) / line.sets)
        met = "yes" if abs(line.found - 0.8) <= TOLERANCE else "no"
        made_by = line.mechanism.replace("_", " ")
        cells = (f"{line.case}: {line.about}", line.question, f"{line.units:,}", made_by, f"{line.sets:,}")
        cells += (f"{line.planned:.3f}", f"{line.found:.3f} ± {error:.3f}", met, f"{line.seconds:.0f}")
        text += f"| {' | '.join(cells)} |\n"
    return text


def closed_forms() -> str:
    """Return the table of smallest drops."""
    text = CLOSED_HEAD
    for name, units, per_unit, rate in CLOSED:
        design = new_study("fst", units, per_unit, METRICS.get("accuracy"), ordered=True)
        planned = TestSet(design, rate, 0.3 if per_unit.mean > 1 else 0.0, 0)
        simulated, _ = smallest_drop(planned, 5, 0.1)
        shown = ["none" if x is None else f"{x:.3f}" for x in (simulated.drop, closed_drop(planned, 5))]
        text += f"| {name} | {rate:.2f} | {' | '.join(shown)} |\n"
    return text


def main() -> None:
    """Print the table, and save it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1600, help="new test sets of a size")
    parser.add_argument("--only", action="append", metavar="NAME", help="some of the cases; repeatable")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="finished cases, as JSON lines")
    parser.add_argument("--out", type=Path, help="markdown file")
    chosen = parser.parse_args()
    kept = chosen.kept.read_text(encoding="utf-8").splitlines() if chosen.kept and chosen.kept.exists() else []
    lines = [Made(**json.loads(line)) for line in kept]
    for case in CASES:
        if chosen.only and case.name not in chosen.only:
            continue
        for line in make(case, chosen.sets, {line.mechanism for line in lines if line.case == case.name}):
            lines.append(line)
            print(line, file=sys.stderr)
            if chosen.kept:
                with chosen.kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(line)) + "\n")
    order = [case.name for case in CASES]
    text = table(
        sorted(lines, key=lambda line: order.index(line.case)),
        f"OMP_NUM_THREADS=1 python benchmarks/clinical_plan.py --sets {chosen.sets}",
    )
    text += closed_forms()
    print(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
