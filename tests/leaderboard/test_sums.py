"""The counts of a report fit together: classes, groups and confusion table are of the same images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dermbench import evaluation
from dermbench.artifacts import Report
from dermbench.artifacts.predictions import make_predictions
from dermbench.leaderboard.check_sums import check_sums

SEX = ("features", "sex", "groups")
CROSSED = ("features", "fst,sex", "groups")


@pytest.fixture(scope="module")
def document(truth):
    """A report with cells that are 0: one class is never confused."""
    prob = np.full((len(truth), 3), 0.1)
    pred = np.where((np.arange(len(truth)) % 4 == 0) & (truth.y_true != 0), 3 - truth.y_true, truth.y_true)
    prob[np.arange(len(truth)), pred] = 0.8
    made = make_predictions(truth.image_id, prob, truth.classes)
    report = evaluation.evaluate(made, truth, sensitive=["fst", "sex", "fst,sex"], n_resamples=9, seed=0)
    assert any(0 in row for row in report.confusion.matrix)
    return report.text()


def edited(document, path, change):
    content = json.loads(document)
    node = content
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = change(node[path[-1]])
    return Report.model_validate(content)


def empty_group(groups):
    none = {"value": None, "reason": "no image"}
    return groups | {"other": {"n": 0, "units": 0, "small": True, "accuracy": none}}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("n",), lambda n: n),
        (SEX, empty_group),
        ((*SEX, "male"), lambda group: {key: group[key] for key in ("n", "units", "small")}),
        ((*SEX, "male", "accuracy"), lambda cell: {"value": None, "reason": "hidden"}),
        ((*CROSSED, "unknown", "accuracy", "value"), lambda value: value + 1e-7),
    ],
)
def test_counts_that_fit(document, path, change):
    assert check_sums(edited(document, path, change)) is None


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        (("n",), lambda n: n + 1, "n is 91, its confusion table is of 90 images"),
        (
            ("per_class", "papule", "support"),
            lambda n: n - 1,
            "per_class.papule.support is 29, its confusion table",
        ),
        (("per_class",), lambda rows: {"macule": rows["macule"]}, "per_class.papule.support is missing, its"),
        (("confusion", "labels"), lambda names: names[::-1], "its confusion table is not one of its classes"),
        (("confusion", "matrix", 0, 1), lambda n: n - 1, "its confusion table is not one of its classes"),
        ((*SEX, "male", "n"), lambda n: n + 1, "features.sex.groups have 91 images together, the report 90"),
        ((*SEX, "male", "accuracy", "value"), lambda value: value - 0.001, "features.sex.groups have "),
        ((*CROSSED, "unknown", "accuracy", "value"), lambda value: value + 0.001, "features.fst,sex.groups have "),
    ],
)
def test_counts_that_do_not_fit(document, path, change, sentence):
    assert check_sums(edited(document, path, change)).startswith(sentence)
