from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_predictions, make_truth
from dermbench.evaluation import evaluate
from dermbench.leaderboard.deterministic import deterministic

CLASSES = ("mole", "wart", "rash")


@pytest.fixture(scope="module")
def world():
    """Everything a report may hold: several annotators, intersections, malignancy, an order, units."""
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


def test_points_do_not_depend_on_seed_or_number_of_resamples(world):
    sensitive = ["fst", "fst_scale", "sex", "fst_band,sex"]
    quick, few, more = (
        evaluate(*world, sensitive=sensitive, seed=seed, n_resamples=n).document()
        for seed, n in ((0, 1), (0, 19), (7, 39))
    )
    for document in (quick, few, more):
        del document["provenance"]["seed"]
    assert deterministic(quick) == deterministic(few) == deterministic(more)
    assert few != more


def test_points_keep_values_counts_and_closed_form_intervals(world):
    document = evaluate(*world, sensitive=["fst"], n_resamples=9).document()
    kept = deterministic(document)
    assert kept["confusion"] == document["confusion"]
    assert kept["overall"]["accuracy"] == document["overall"]["accuracy"]
    assert kept["overall"]["macro_f1"] == {k: document["overall"]["macro_f1"][k] for k in ("n", "value")}
    gap = kept["features"]["fst"]["disparities"]["accuracy"]
    assert gap["difference"] == document["features"]["fst"]["disparities"]["accuracy"]["difference"]
    assert not gap.keys() & {"null_median", "p_value", "verdict", "low"}


def test_an_undefined_value_keeps_its_reason():
    assert deterministic({"value": None, "reason": "no case"}) == {"value": None, "reason": "no case"}
    assert deterministic({"value": 0.5, "reason": "too few for an interval"}) == {"value": 0.5}


def test_whether_labellings_agree_rests_on_drawn_verdicts():
    band = {"smallest": 0.1, "consistent": False, "verdicts": {"fst": "too small to tell"}}
    assert deterministic({"sensitivity_band": {"accuracy": band}}) == {
        "sensitivity_band": {"accuracy": {"smallest": 0.1}}
    }
