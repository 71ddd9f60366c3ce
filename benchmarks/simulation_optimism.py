"""Check the estimated optimism of a best entry on populations where it is known.

``python benchmarks/simulation_optimism.py [SETS]`` prints the table of ``docs/reference/leaderboards.md``.

Each image has a difficulty that all models share. A model is right when its skill exceeds the difficulty plus its
own noise; a wrong answer is any other class. The true optimism is the mean over test sets of the best value minus
the expected value of that model.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from dermbench.artifacts import make_truth
from dermbench.artifacts.predictions import Predictions
from dermbench.evaluation import METRICS
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.paired.optimism import selection_optimism

RESAMPLES = 499
SHARES = (0.35, 0.2, 0.15, 0.1, 0.08, 0.05, 0.04, 0.03)
CLASSES = tuple("abcdefgh")


@dataclass(frozen=True)
class Case:
    """A population: accuracies of the models, number of images, and share of variance common to all models."""

    title: str
    accuracy: tuple[float, ...]
    n: int = 400
    common: float = 0.7
    metric: str = "macro_f1"
    per_patient: int = 1


EQUAL, SPREAD = (0.6,) * 20, tuple(np.linspace(0.6, 0.5, 20))
CASES = (
    Case("20 equal models, accuracy", EQUAL, metric="accuracy"),
    Case("20 equal models", EQUAL),
    Case("20 equal models, independent errors", EQUAL, common=0.0),
    Case("20 models from .60 to .50", SPREAD),
    Case("2 equal models", EQUAL[:2]),
    Case("one better by .05, 19 equal models", (0.65, *EQUAL[1:])),
    Case("one better by .15, 19 equal models", (0.75, *EQUAL[1:])),
    Case("20 equal models, 100 patients of 4 images", EQUAL, per_patient=4),
)


def draw(case: Case, rng: np.random.Generator) -> tuple[object, dict[str, Predictions]]:
    """Draw a truth and the answers of the models."""
    n, k = case.n, len(case.accuracy)
    y = rng.choice(len(CLASSES), n, p=SHARES)
    patient = np.arange(n) // case.per_patient
    hard = (rng.standard_normal(n) + rng.standard_normal(n)[patient]) / np.sqrt(2)
    own = (rng.standard_normal((k, n)) + rng.standard_normal((k, n))[:, patient]) / np.sqrt(2)
    noise = np.sqrt(case.common) * hard + np.sqrt(1 - case.common) * own
    right = noise < ndtri(np.array(case.accuracy))[:, None]
    wrong = (y + rng.integers(1, len(CLASSES), (k, n))) % len(CLASSES)
    ids = [f"{i:04d}" for i in range(n)]
    table = pd.DataFrame({"image_id": ids, "label": np.array(CLASSES)[y], "patient_id": patient.astype(str)})
    truth = make_truth(table, classes=CLASSES, task="drawn", split="test")
    answers = np.where(right, y, wrong).astype(np.intp)
    return truth, {str(i): Predictions(truth.image_id, CLASSES, row) for i, row in enumerate(answers)}


def simulate(case: Case, sets: int, seed: int) -> tuple[float, float, float, float, float]:
    """Return true optimism, its error, mean estimate, its error, and the spread of the estimate over test sets."""
    rng, metric = np.random.default_rng(seed), METRICS.get(case.metric)
    values, made = [], []
    for i in range(sets):
        truth, predictions = draw(case, rng)
        values.append([score(metric, join(one, truth)) for one in predictions.values()])
        made.append(selection_optimism(predictions, truth, metric=case.metric, seed=i, n_resamples=RESAMPLES))
    table, found = np.array(values), np.array(made, dtype=float)
    expected = np.mean(table, axis=0)
    if len(set(case.accuracy)) == 1:
        expected = np.full(len(expected), expected.mean())
    best = np.argmax(table, axis=1)
    excess = table.max(axis=1) - expected[best]
    spread = np.std(excess - (table - expected).mean(axis=1))  # without the part common to all models
    error = float(spread / np.sqrt(sets))
    true = float(np.mean(excess - (table - expected).mean(axis=1)))
    return true, error, float(found.mean()), float(found.std() / np.sqrt(sets)), float(found.std())


def main(sets: int) -> None:
    """Print the table."""
    print("| population | true optimism | mean estimate | sd of the estimate |")
    print("|:--|--:|--:|--:|")
    for seed, case in enumerate(CASES, start=1):
        true, error, mean, mean_error, spread = simulate(case, sets, seed)
        row = (case.title, f"{true:.4f} ± {error:.4f}", f"{mean:.4f} ± {mean_error:.4f}", f"{spread:.4f}")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
