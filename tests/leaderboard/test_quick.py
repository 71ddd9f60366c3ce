"""What a quick check compares does not depend on random draws, for a report with everything in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth
from dermbench.artifacts.report import settled
from dermbench.evaluation import evaluate
from dermbench.leaderboard.recompute import FEWEST, difference

CLASSES = ("mole", "wart", "rash")


@pytest.fixture(scope="module")
def world():
    """Predictions and truth with several annotators, intersections, malignancy, an order and units."""
    rng = np.random.default_rng(5)
    n = 150
    label = np.array(CLASSES)[rng.choice(3, n, p=[0.5, 0.42, 0.08])]
    tones = {name: pd.array(rng.integers(1, 7, n), dtype="Int64") for name in ("fst", "fst_scale")}
    table = pd.DataFrame({"image_id": [f"{i:03d}" for i in range(n)], "label": label, **tones})
    table["sex"] = np.where(rng.random(n) < 0.5, "female", "male")
    table["patient_id"] = [f"p{i // 2}" for i in range(n)]
    kinds = {"mole": "malignant", "wart": "benign", "rash": "benign"}
    truth = make_truth(table, classes=CLASSES, task="toy", split="test", malignancy=kinds, ordered=True)
    prob = rng.dirichlet(np.ones(3), n) * 0.5
    prob[np.arange(n), truth.y_true] += 0.5
    return make_predictions(truth.image_id, prob, CLASSES), truth


@pytest.mark.parametrize("sensitive", [["fst", "fst_scale", "sex", "fst_band,sex"], ["fst", "fst_band", "sex"]])
def test_neither_seed_nor_resamples_matter(world, sensitive):
    how = {"sensitive": sensitive, "primary": ("accuracy", "fst"), "margin": 0.2}
    quick, few, more = (
        evaluate(*world, seed=seed, n_resamples=n, **how) for seed, n in ((0, FEWEST), (0, 99), (7, 199))
    )
    assert difference(few, quick, quick=True) is None
    assert difference(few, quick) is not None
    documents = [settled(report) for report in (few, more)]
    for document in documents:
        del document["provenance"]["seed"]
    assert documents[0] == documents[1]


def test_values_counts_and_closed_form_limits_are_compared(world):
    report = evaluate(*world, sensitive=["fst"], n_resamples=99)
    kept, document = settled(report), report.document()
    assert kept["confusion"] == document["confusion"]
    assert kept["overall"]["accuracy"] == document["overall"]["accuracy"]
    assert kept["overall"]["macro_f1"] == {k: document["overall"]["macro_f1"][k] for k in ("n", "value")}
    gap, stored = (one["features"]["fst"]["disparities"]["accuracy"] for one in (kept, document))
    assert [gap[key] for key in ("gap", "high", "raw")] == [stored[key] for key in ("gap", "high", "raw")]
    assert not gap.keys() & {"low", "chance", "p_value", "verdict", "contrast"}
