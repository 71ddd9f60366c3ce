"""Values that others published, frozen; each names where it stands."""

from __future__ import annotations

import numpy as np
import pytest
from making import class_rows

from dermbench.evaluation import METRICS
from dermbench.evaluation.core.scoring import score


def from_table(table):
    """Return true and predicted classes of a table with true classes as rows."""
    rows, columns = np.indices(np.shape(table))
    times = np.ravel(table)
    return np.repeat(rows.ravel(), times), np.repeat(columns.ravel(), times)


# Documented examples of scikit-learn's functions of these names (version 1.9, "Examples" of each docstring).
SKLEARN_LABELS = [
    ("macro_f1", [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 0.267),
    ("micro_f1", [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 0.333),
    ("weighted_f1", [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 0.267),
    ("balanced_accuracy", [0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], 0.625),
    ("accuracy", [0, 1, 2, 3], [0, 2, 1, 3], 0.5),
    ("cohen_kappa", [0, 2, 0, 1, 2], [0, 2, 0, 1, 0], 0.6875),
    ("mcc", [1, 1, 1, 0], [1, 0, 1, 1], -0.333),
]


@pytest.mark.parametrize(("name", "y_true", "y_pred", "published"), SKLEARN_LABELS)
def test_scikit_learn_examples_of_labels(name, y_true, y_pred, published, build):
    assert score(METRICS.get(name), build(y_true, y_pred)) == pytest.approx(published, abs=5e-4)


def test_scikit_learn_examples_of_probabilities(build):
    ham, spam = 0, 1
    sample = build([spam, ham, ham, spam], y_prob=[[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]])
    assert score(METRICS.get("log_loss"), sample) == pytest.approx(0.21616, abs=5e-6)
    three = build([0, 1, 2], y_prob=[[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]])
    assert score(METRICS.get("brier"), three) == pytest.approx(0.146, abs=1e-3)


@pytest.mark.parametrize(("name", "published"), [("auroc_ovr", 0.75), ("average_precision", 0.83)])
def test_scikit_learn_examples_of_rankings(name, published):
    """y_true [0, 0, 1, 1] with the scores [0.1, 0.4, 0.35, 0.8], of class 1 alone."""
    y_true = np.array([-1, -1, 0, 0])
    y_prob = np.array([[0.1], [0.4], [0.35], [0.8]])
    value = METRICS.get(name).score(y_true, y_prob, np.ones((4, 1)))[0]
    assert value == pytest.approx(published, abs=5e-3)


def test_kappa_of_statsmodels_printed_by_sas(build):
    """The 3 x 3 table that statsmodels' tests of ``cohens_kappa`` compare with a SAS printout."""
    sample = build(*from_table([[0, 4, 1], [0, 8, 0], [0, 1, 5]]), n_classes=3, ordered=True)
    assert score(METRICS.get("cohen_kappa"), sample) == pytest.approx(0.4842, abs=5e-5)
    assert score(METRICS.get("kappa_linear"), sample) == pytest.approx(0.4701, abs=5e-5)


def test_kappa_of_the_textbook_example(build):
    """Two readers of 50 grant proposals, 20/5/10/15: 0.4, the worked example of most texts on kappa."""
    sample = build(*from_table([[20, 5], [10, 15]]))
    assert score(METRICS.get("cohen_kappa"), sample) == pytest.approx(0.4, abs=1e-12)


# (true positive, false negative, false positive, true negative), then accuracy, kappa, sensitivity, specificity,
# positive predictive value and balanced accuracy as R's caret prints them.
CARET = [
    # 86 normal and 258 abnormal scans: the example of caret's documentation of confusionMatrix
    ((231, 27, 32, 54), (0.8285, 0.5336, 0.8953, 0.6279, 0.8783, 0.7616)),
    # 30 positive and 2,000 negative cases: the two-class example of its tests, after Wikipedia
    ((20, 10, 180, 1820), (0.9064, 0.1521, 0.6667, 0.9100, 0.1000, 0.7883)),
]


@pytest.mark.parametrize(("table", "published"), CARET)
def test_caret_confusion_matrix(table, published, build):
    hit, miss, alarm, quiet = table
    sample = build(*from_table([[quiet, alarm], [miss, hit]]))
    names = ("accuracy", "cohen_kappa", "sensitivity", "specificity")
    found = [score(METRICS.get(name), sample) for name in names]
    found += [
        class_rows(sample)["c001"].precision.value,
        score(METRICS.get("balanced_accuracy"), sample),
    ]
    assert found == pytest.approx(published, abs=5e-5)
