"""The statistical core: pure functions from arrays to intervals and disparities.

It opens no file but nameless temporary ones, for replicates that are many.

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

Further: ``parity`` (PQD, DPM, EOM, NAR, one-vs-rest ranges, each with its null), ``standardised`` (class-mix
standardised accuracy and macro-F1), ``calibration``, ``fit_threshold`` and ``abstention``, ``agreement`` and
``sensitivity_band`` (several annotators). ``CONFIDENCE_GAP`` and ``AURC`` are metrics for any of these functions.

===================  ==================================================================================
module               holds
===================  ==================================================================================
sample, problem      Sample, Grouping, eligible classes; a sample with its groups and plan
seeding, columns     Plan: seed, number of resamples, workers; named streams; replicates by column
resample             cells or units, drawn, to tallies of all groups and models by one matrix product
bootstrap, bca       the unit bootstrap; BCa limits and the jackknife
proportions          Wilson, effective n of clusters
balanced, delong     average recall; AUROC by influence
*_metrics, groups    estimates of each kind of metric; ``intervals``
exchange, permute    which group labels may be exchanged; the null distribution of any statistic
gaps, testing        simultaneous interval, between-group SD; declared tests, detectable difference
disparity(ies)       ``Disparity``, its verdict; ``disparities``
===================  ==================================================================================
"""

from __future__ import annotations

from dermbench.evaluation.stats.abstention import AURC, Abstention, Threshold, abstention, fit_threshold
from dermbench.evaluation.stats.annotators import Agreement, Band, agreement, sensitivity_band
from dermbench.evaluation.stats.calibration import CONFIDENCE_GAP, Calibration, calibration
from dermbench.evaluation.stats.disparities import disparities
from dermbench.evaluation.stats.disparity import Disparity
from dermbench.evaluation.stats.estimates import Estimate, Interval
from dermbench.evaluation.stats.groups import estimate, estimates, intervals
from dermbench.evaluation.stats.kappa import kappa_se
from dermbench.evaluation.stats.parity import Parity, parity
from dermbench.evaluation.stats.problem import Problem
from dermbench.evaluation.stats.proportions import wilson
from dermbench.evaluation.stats.sample import Grouping, Sample, eligible_classes, everyone
from dermbench.evaluation.stats.seeding import N_RESAMPLES, Plan
from dermbench.evaluation.stats.standardise import standardised

__all__ = [
    "AURC",
    "CONFIDENCE_GAP",
    "N_RESAMPLES",
    "Abstention",
    "Agreement",
    "Band",
    "Calibration",
    "Disparity",
    "Estimate",
    "Grouping",
    "Interval",
    "Parity",
    "Plan",
    "Problem",
    "Sample",
    "Threshold",
    "abstention",
    "agreement",
    "calibration",
    "disparities",
    "eligible_classes",
    "estimate",
    "estimates",
    "everyone",
    "fit_threshold",
    "intervals",
    "kappa_se",
    "parity",
    "sensitivity_band",
    "standardised",
    "wilson",
]
