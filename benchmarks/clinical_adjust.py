"""Check adjusted and corrected differences against populations whose truth is known.

    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py adjustment
    OMP_NUM_THREADS=1 python benchmarks/clinical_adjust.py skin-type-error

Every population of ``clinical_populations.py`` of the kind is drawn ``--sets`` times, and the difference in
accuracy between types V-VI and I-IV is estimated as the report does. Set k of a population is seeded by its name
and k: the same command gives the same table.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import dermbench.evaluation.metrics  # noqa: F401 - registers the metrics
from dermbench.artifacts.skin import FST_NAMES
from dermbench.artifacts.truth import make_truth
from dermbench.evaluation.adjustment.adjusted import Images, read_covariates
from dermbench.evaluation.core.groups import group
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.skin_error.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from dermbench.artifacts.report import Cell
    from dermbench.artifacts.truth import Truth

sys.path.insert(0, str(Path(__file__).parent))
from clinical_populations import CONFOUNDED, MISLABELLED
from rates import AT_LEAST, AT_MOST, judge, rng_of

LIGHT, DARK = FST_NAMES[:4], FST_NAMES[4:]
COLUMNS = ("site", "age", "quality")
LEVEL = 0.05


def as_sample(frame: pd.DataFrame) -> tuple[Truth, Sample]:
    """Return a test set as the evaluation takes it."""
    frame = frame.sort_values("image_id", ignore_index=True)
    truth = make_truth(frame.drop(columns=["pred"]))
    place = {name: k for k, name in enumerate(truth.classes)}
    pred = frame["pred"].map(place).fillna(0).to_numpy(dtype=np.intp)
    return truth, Sample(truth.y_true, pred, len(truth.classes), unit=truth.unit, classes=truth.classes)


class Found:
    """Estimates of one quantity over test sets, and what they say about its truth."""

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
        found = {"raw": Found(truth["raw"]), "class": Found(truth["class"]), "all": Found(truth["conditional"])}
        for k in range(n_sets):
            table, sample = as_sample(population.draw(rng_of(population.name, k)))
            grouping = group(table, "fst").known()
            scores = (sample.y_true == sample.y_pred).astype(float)
            covariates = tuple(read_covariates(table, COLUMNS, "fst"))
            data = Images(scores, sample.stratum, sample.units, covariates, grouping)
            made = data.record(DARK, LIGHT, "primary", LEVEL)
            for name, cell in zip(found, (made.raw, made.by_class, made.adjusted), strict=True):
                found[name].cells.append(cell)
        for name, one in found.items():
            lines.append(line(population.name, "yes" if population.assumption else "no", name, *one.row()))
        print(lines[-1], flush=True)
    return lines


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


def table_head(*heads: str) -> list[str]:
    """Return the first lines of a markdown table."""
    return [line(*heads), line(*["---"] * len(heads))]


def line(*cells: str) -> str:
    """Return a line of a markdown table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["adjustment", "skin-type-error"])
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    start = time.perf_counter()
    made = adjustment if given.what == "adjustment" else skin_type_errors
    lines = made(given.sets, given.only)
    text = "\n".join(lines) + "\n"
    print(text, f"{time.perf_counter() - start:.0f} s")
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
