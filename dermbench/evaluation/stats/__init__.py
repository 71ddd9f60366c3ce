"""The statistical core: pure functions from arrays to intervals and disparities. It opens no file.

Everything starts from a :class:`Sample` (truth, predictions, units) and a :class:`Grouping` (one sensitive
feature), both in the order of ``image_id``::

    sample = Sample(y_true, y_pred, n_classes, unit=truth.unit, y_prob=y_prob)
    fst = Grouping("fst", codes, ("I", "II", "III", "IV", "V", "VI"), ordered=True)  # -1 is unknown
    intervals(sample, metrics)[None, "accuracy"]             # overall
    intervals(sample, metrics, fst)["V", "accuracy"]         # each group, and "unknown"
    disparities(sample, fst, metrics)["accuracy"].document() # ARCHITECTURE's block, and more

Metrics are :class:`dermbench.evaluation.metric.Metric`; those of another view (malignancy) need a sample of
their own, with the collapsed classes. Every result says how it was made or why it is missing. Equal arguments
give equal bytes, for any number of workers.

==================  ===================================================================================
module              holds
==================  ===================================================================================
sample              Sample, Grouping, eligible classes
seeding             Plan: seed, number of resamples, workers; named streams of random numbers
resample            units or cells, drawn -> tallies of all groups and models by one matrix product
proportions         Wilson, effective n of clusters
balanced, bca       Jeffreys average recall; BCa limits and jackknife
bootstrap, delong   the unit bootstrap; DeLong's variance by influence
*_metrics           estimates of each kind of metric
estimates, groups   Estimate, Interval; ``intervals``
==================  ===================================================================================
"""

from __future__ import annotations

from dermbench.evaluation.stats.estimates import Estimate, Interval
from dermbench.evaluation.stats.groups import estimate, intervals
from dermbench.evaluation.stats.problem import Problem
from dermbench.evaluation.stats.sample import Grouping, Sample, eligible_classes, everyone
from dermbench.evaluation.stats.seeding import N_RESAMPLES, Plan

__all__ = [
    "N_RESAMPLES",
    "Estimate",
    "Grouping",
    "Interval",
    "Plan",
    "Problem",
    "Sample",
    "eligible_classes",
    "estimate",
    "everyone",
    "intervals",
]
