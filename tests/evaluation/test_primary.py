"""The primary question, checked against the data."""

from dataclasses import replace

import numpy as np
import pytest

from dermbench.artifacts.positive import positive_classes
from dermbench.errors import UsageError
from dermbench.evaluation.primary import default_metric, resolve_primary


@pytest.fixture
def sample(build):
    return build([0, 1, 2, 1], y_pred=[0, 1, 1, 1])


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (("sex", "fst", "fst_band"), ("accuracy", "fst")),
        (("sex", "age"), ("accuracy", "sex")),
        ((), None),
    ],
)
def test_by_default_it_is_accuracy_by_skin_type(features, expected, sample):
    assert resolve_primary(sample, features, primary=None, margin=None) == expected


def test_a_margin_needs_a_feature(sample):
    with pytest.raises(UsageError, match="no sensitive feature is evaluated"):
        resolve_primary(sample, (), primary=None, margin=0.1)


def test_probabilities_are_asked_for_only_where_the_metric_needs_them(sample, build):
    with pytest.raises(UsageError, match="brier needs probabilities"):
        resolve_primary(sample, ("fst",), primary=("brier", "fst"), margin=None)
    probable = build([0, 1], y_prob=np.array([[0.6, 0.4], [0.3, 0.7]]))
    for name in ("brier", "auroc_ovr", "macro_f1"):
        assert resolve_primary(probable, ("fst",), primary=(name, "fst"), margin=0.1) == (name, "fst")


@pytest.mark.parametrize(("metric", "margin"), [("accuracy", 1.0), ("cohen_kappa", 2.0), ("accuracy", -0.1)])
def test_a_margin_lies_within_the_range_of_the_metric(metric, margin, sample):
    with pytest.raises(UsageError, match="is not between 0 and"):
        resolve_primary(sample, ("fst",), primary=(metric, "fst"), margin=margin)
    resolve_primary(sample, ("fst",), primary=(metric, "fst"), margin=abs(margin) * 0.9)


@pytest.mark.parametrize(
    ("classes", "about", "expected"),
    [
        (("benign", "malignant"), {}, "sensitivity"),
        (("a", "b"), {}, "accuracy"),
        (("a", "b", "c"), {"malignancy": {"a": "benign", "b": "malignant", "c": "benign"}}, "accuracy"),
        (("a", "b", "c"), {"chosen": ["b"]}, "sensitivity"),
    ],
)
def test_sensitivity_comes_first_where_positive_classes_lead(classes, about, expected):
    assert default_metric(positive_classes(classes, **about)) == expected


def test_sensitivity_without_positive_classes_names_the_option(sample):
    lone = replace(sample, positive=None)
    with pytest.raises(UsageError, match="sensitivity needs positive classes; name them: --positive A,B"):
        resolve_primary(lone, ("fst",), primary=("sensitivity", "fst"), margin=None)
