"""Samples and groups for the tests of the statistics."""

from __future__ import annotations

import numpy as np

from dermbench.evaluation.cells import all_class_metrics, class_table
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import Plan

FST = ("I", "II", "III", "IV", "V", "VI")


def make_sample(n=300, n_classes=4, *, seed=0, units=None, accuracy=0.65, probabilities=False):
    """A sample with known accuracy; ``units`` is their number, None for independent images."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, n_classes, n)
    y_pred = np.where(rng.random(n) < accuracy, y_true, rng.integers(0, n_classes, n))
    unit = None if units is None else rng.integers(0, units, n)
    y_prob = None
    if probabilities:
        y_prob = rng.dirichlet(np.full(n_classes, 0.5), n) * 0.6
        y_prob[np.arange(n), y_pred] += 0.4
        y_pred = y_prob.argmax(axis=1)
    return Sample(y_true, y_pred, n_classes, unit=unit, y_prob=y_prob)


def make_groups(sample, n_groups=3, *, seed=1, unknown=0.0, ordered=True, by_unit=True):
    """Groups that are constant within units; a share of units is unknown."""
    rng = np.random.default_rng(seed)
    count = sample.n_units if by_unit else len(sample)
    codes = rng.integers(0, n_groups, count)
    codes[rng.random(count) < unknown] = -1
    return Grouping("fst", codes[sample.units] if by_unit else codes, FST[:n_groups], ordered)


def cells(sample, metrics, grouping=None, **plan):
    """Return every metric with its interval as cells of the report."""
    return {key: item.cell() for key, item in estimates(sample, metrics, grouping, Plan(**plan)).items()}


def class_rows(sample):
    """Return precision, recall and F1 of each class."""
    return class_table(sample, estimates(sample, all_class_metrics(sample), None, Plan(n_resamples=99)))
