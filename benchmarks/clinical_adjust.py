"""Check adjusted and corrected differences on populations with a known truth.

    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py adjustment
    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py variances
    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py skin-type-error
    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py corrections

Every population of the kind in ``clinical_populations.py`` is drawn ``--sets`` times, and the difference in
accuracy between types V-VI and I-IV is estimated as in the report. Set k of a population is seeded by its name and
k, so the same command gives the same table.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
from dermbench.artifacts.skin import FST_NAMES
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation.adjustment import standardise
from dermbench.evaluation.adjustment.adjusted import Images, read_covariates
from dermbench.evaluation.adjustment.design import pooled
from dermbench.evaluation.adjustment.standardise import difference
from dermbench.evaluation.core.groups import group
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import critical
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.skin_error.labelled import Labelled
from dermbench.evaluation.skin_error.regression import Cells, side_differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dermbench.artifacts.report import Cell
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.groups import Grouping

    Floats, Ints = NDArray[np.float64], NDArray[np.intp]

sys.path.insert(0, str(Path(__file__).parent))
from clinical_populations import CONFOUNDED, MISLABELLED
from rates import AT_LEAST, AT_MOST, judge, rng_of

LIGHT, DARK = FST_NAMES[:4], FST_NAMES[4:]
COLUMNS = ("site", "age", "quality")
ALONE = {"sixty_patients": ("site",)}
"""Columns for populations that are too small for all columns."""
LEVEL = 0.05


def as_sample(frame: pd.DataFrame) -> tuple[Truth, Sample]:
    """Return a test set as the evaluation takes it."""
    frame = frame.sort_values("image_id", ignore_index=True)
    truth = make_truth(frame.drop(columns=["pred"]))
    place = {name: k for k, name in enumerate(truth.classes)}
    pred = frame["pred"].map(place).fillna(0).to_numpy(dtype=np.intp)
    return truth, Sample(truth.y_true, pred, len(truth.classes), unit=truth.unit, classes=truth.classes)


class Found:
    """Estimates of one quantity over test sets, for comparison with its truth."""

    def __init__(self, truth: float) -> None:
        self.truth = truth
        self.cells: list[Cell] = []

    def row(self) -> list[str]:
        """Return n, bias with its Monte-Carlo error, coverage, rejection of 0."""
        kept = [cell for cell in self.cells if cell.value is not None]
        if len(kept) < 20:
            return [f"{self.truth:.3f}", str(len(kept)), *["-"] * 4]
        value = np.array([cell.value for cell in kept])
        low, high = np.array([(cell.low, cell.high) for cell in kept]).T
        bias, error = value.mean() - self.truth, value.std() / np.sqrt(len(kept))
        covered = float(np.mean((low <= self.truth) & (self.truth <= high)))
        rejected = float(np.mean((low > 0) | (high < 0)))
        cover_error = np.sqrt(max(covered * (1 - covered), 1e-9) / len(kept))
        reject_error = np.sqrt(max(rejected * (1 - rejected), 1e-9) / len(kept))
        null = judge(rejected, reject_error, AT_MOST) if self.truth == 0 else ""
        return [
            f"{self.truth:.3f}",
            str(len(kept)),
            f"{bias:+.4f} ± {error:.4f}",
            f"{covered:.3f} {judge(covered, cover_error, AT_LEAST)}",
            f"{rejected:.3f} {null}".strip(),
            f"{np.mean(high - low):.3f}",
        ]


HEADS = ("truth", "sets", "bias", "coverage", "limits exclude 0", "width")


def adjustment(n_sets: int, names: Sequence[str]) -> list[str]:
    """Return the table of adjusted differences."""
    lines = table_head("population", "assumption", "difference", *HEADS)
    for population in CONFOUNDED:
        if names and population.name not in names:
            continue
        truth = population.truth
        columns = ALONE.get(population.name, COLUMNS)
        names_of = ("raw", "class", f"class, {', '.join(columns)}")
        found = {
            name: Found(truth[key]) for name, key in zip(names_of, ("raw", "class", "conditional"), strict=True)
        }
        null = truth["conditional"] == 0 and population.assumption
        chosen = Found(0.0)
        for k in range(n_sets):
            table, sample = as_sample(population.draw(rng_of(population.name, k)))
            grouping = group(table, "fst").known()
            scores = (sample.y_true == sample.y_pred).astype(float)
            covariates = tuple(read_covariates(table, columns, "fst"))
            data = Images(scores, sample.stratum, sample.units, covariates, grouping)
            made = data.record(DARK, LIGHT, "primary", LEVEL)
            for name, cell in zip(found, (made.raw, made.by_class, made.adjusted), strict=True):
                found[name].cells.append(cell)
            if null:
                chosen.cells.append(clearest(sample, grouping, data, Plan(k, 99)))
        if null:
            found["the same, clearest of all contrasts"] = chosen
        for name, one in found.items():
            lines.append(line(population.name, "yes" if population.assumption else "no", name, *one.row()))
            print(lines[-1], flush=True)
    return lines


def clearest(sample: Sample, grouping: Grouping, data: Images, plan: Plan) -> Cell:
    """Return the adjusted value, with simultaneous limits, of the contrast that a primary row would choose."""
    test = gap_tests(sample, grouping, [METRICS.get("accuracy")], plan)["accuracy"]
    sides = test.family.sides[gap_limits(test, critical(test.permuted, features=1)).contrast]
    first, second = (tuple(grouping.names[g] for g in side) for side in sides)
    return data.record(first, second, "primary", LEVEL / len(test.family.sides)).adjusted


def variances(n_sets: int, names: Sequence[str]) -> list[str]:
    """Return the table of variance estimators in a population with few patients."""
    population = next(p for p in CONFOUNDED if p.name in (names or ["sixty_patients"]))
    found = {name: Found(population.truth["conditional"]) for name in ("bias-reduced", "plain", "bootstrap")}
    for k in range(n_sets):
        rng = rng_of(population.name, k)
        table, sample = as_sample(population.draw(rng))
        on_first = np.isin(group(table, "fst").codes, [4, 5])
        site = pooled(table.table["site"].to_numpy(dtype=object))[0]
        right = (sample.y_true == sample.y_pred).astype(float)
        held = [sample.y_true, site]
        given = (right, on_first, sample.units, held, np.empty((len(right), 0)))
        made = difference(*given, level=LEVEL)
        with mock.patch.object(standardise, "unit_scores", plain_scores):
            plain = difference(*given, level=LEVEL)
        if isinstance(made, str):
            continue
        for name, one in (("bias-reduced", made), ("plain", plain)):
            found[name].cells.append(one)
        of_unit = [np.flatnonzero(sample.units == u) for u in range(sample.n_units)]
        values = []
        for _ in range(99):
            drawn = rng.integers(0, sample.n_units, sample.n_units)
            rows = np.concatenate([of_unit[u] for u in drawn])
            unit = np.repeat(np.arange(sample.n_units), [len(of_unit[u]) for u in drawn])
            none = np.empty((len(rows), 0))
            again = difference(right[rows], on_first[rows], unit, [h[rows] for h in held], none, level=LEVEL)
            values += [] if isinstance(again, str) else [again.value]
        half = 1.96 * float(np.std(values, ddof=1))
        found["bootstrap"].cells.append(replace(made, low=made.value - half, high=made.value + half))
    rows = [line(population.name, name, *one.row()) for name, one in found.items()]
    return [*table_head("population", "variance", *HEADS), *rows]


def plain_scores(design: Floats, residual: Floats, _weight: Floats, _inverse: Floats, unit: Ints) -> Floats:
    """Return scores of units without the correction for few units."""
    found = np.zeros((unit.max() + 1, design.shape[1]))
    np.add.at(found, unit, design * residual[:, None])
    return found


def corrections(n_sets: int, names: Sequence[str]) -> list[str]:
    """Return the table of the bias of ways to correct for label errors."""
    lines = table_head("population", "method", "truth", "sets", "bias")
    for population in [p for p in MISLABELLED if p.name in (names or ["gap_20", "two_25", "three_25"])]:
        heads = (
            "as labelled",
            "types drawn without the scores",
            "SIMEX, quadratic",
            "least squares on probabilities",
        )
        found: dict[str, list[float]] = {name: [] for name in heads}
        for k in range(n_sets):
            rng = rng_of(population.name, k)
            table, sample = as_sample(population.draw(rng).drop(columns=["fst_true"]))
            columns = [name for name in table.table if name.startswith("fst") and name != "fst_band"]
            labels = [group(table, name) for name in columns]
            data = Labelled.of(sample, labels[0], labels, METRICS.get("accuracy"), Plan(k, 2))
            observed = labels[0].codes
            drawn = [draw(rng, data.fitted.types[0].T[data.code]) for _ in range(10)]
            steps = [observed_mean(sample, [observed])]
            error = data.fitted.errors[0, 0]
            for power in (1, 2):
                more = np.linalg.matrix_power(error, power)[observed]
                steps.append(observed_mean(sample, [draw(rng, more) for _ in range(10)]))
            simex = float(np.polyval(np.polyfit([0, 1, 2], steps, 2), -1))
            ours = data.records([(DARK, LIGHT)], "primary", LEVEL)[0].corrected.value
            for name, value in zip(heads, (steps[0], observed_mean(sample, drawn), simex, ours), strict=True):
                found[name].append(value)
        for name, values in found.items():
            bias, error = np.mean(values) - population.truth["gap"], np.std(values) / np.sqrt(n_sets)
            cells = (f"{population.truth['gap']:.3f}", str(n_sets), f"{bias:+.4f} ± {error:.4f}")
            lines.append(line(population.name, name, *cells))
    return lines


def draw(rng: np.random.Generator, shares: Floats) -> Ints:
    """Draw a type for each row of probabilities."""
    return (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def observed_mean(sample: Sample, codes: Sequence[Ints]) -> float:
    """Return the mean, over labellings, of the within-class difference V-VI minus I-IV."""
    right = (sample.y_true == sample.y_pred).astype(float)
    made = []
    for each in codes:
        distinct, code = np.unique(np.column_stack([each, sample.y_true]), axis=0, return_inverse=True)
        counts, sums = np.bincount(code)[None].astype(float), np.bincount(code, right)[None]
        classes = (distinct[:, [1]] == np.arange(sample.n_classes)).astype(float)
        groups = (distinct[:, 0] == np.arange(6)[:, None])[None].astype(float)
        made.append(side_differences(Cells(counts, sums, classes), groups, np.array([4, 5]), np.arange(4))[0])
    return float(np.mean(made))


def skin_type_errors(n_sets: int, names: Sequence[str]) -> list[str]:
    """Return the table of differences corrected for errors in the labels."""
    lines = table_head("population", "assumption", "difference", *HEADS)
    accuracy = METRICS.get("accuracy")
    for population in MISLABELLED:
        if names and population.name not in names:
            continue
        truth = population.truth
        heads = ("V-VI minus I-IV, as labelled", "V-VI minus I-IV, corrected", "VI minus I, corrected")
        found = [Found(truth["gap"]), Found(truth["gap"]), Found(truth["gap_ends"])]
        for k in range(n_sets):
            table, sample = as_sample(population.draw(rng_of(population.name, k)).drop(columns=["fst_true"]))
            grouping = group(table, "fst")
            columns = [name for name in table.table if name.startswith("fst") and name != "fst_band"]
            labels = [group(table, name) for name in columns]
            data = Labelled.of(sample, grouping, labels, accuracy, Plan(k, 99))
            cut, ends = data.records([(DARK, LIGHT), (("VI",), ("I",))], "primary", LEVEL)
            for one, cell in zip(found, (cut.uncorrected, cut.corrected, ends.corrected), strict=True):
                one.cells.append(cell)
        for name, one in zip(heads, found, strict=True):
            lines.append(line(population.name, "yes" if population.assumption else "no", name, *one.row()))
            print(lines[-1], flush=True)
    return lines


TABLES = {
    "adjustment": adjustment,
    "variances": variances,
    "skin-type-error": skin_type_errors,
    "corrections": corrections,
}


def table_head(*heads: str) -> list[str]:
    """Return the first lines of a markdown table."""
    return [line(*heads), line(*["---"] * len(heads))]


def line(*cells: str) -> str:
    """Return a line of a markdown table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(TABLES))
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    start = time.perf_counter()
    lines = TABLES[given.what](given.sets, given.only)
    text = "\n".join(lines) + "\n"
    print(text, f"{time.perf_counter() - start:.0f} s")
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
