"""Rank bands: the range of ranks that each model could have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.paired.ranks import all_pairs
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth


def rank_bands(
    predictions: Mapping[str, Predictions],
    truth: Truth,
    *,
    metric: str = "macro_f1",
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, tuple[int, int]]:
    """Return the best and the worst rank that each model could have.

    The best rank is 1 + the number of significantly better models. The worst rank is n minus the number of
    significantly worse models. All pairs are tested, with Holm's correction at level .05. With 95 % confidence,
    all true ranks lie in their bands.

    Parameters
    ----------
    predictions
        {name of the model: predictions}, for exactly the images of ``truth``.
    truth
        Labels and units.
    metric
        Name of the metric. Ranking metrics other than ``auroc_ovr`` have no paired test.
    seed, n_resamples
        Seed and number of the label swaps.

    Returns
    -------
    dict
        {name: (best, worst)}, sorted by value, best first. Models without a value (labels only, for a metric of
        probabilities) are left out and take no rank.

    Raises
    ------
    UsageError
        When predictions are of other images or classes than the truth, or the metric has no paired test.
    RegistryError
        When there is no metric of that name.
    """
    candidates = {name: [join(item, truth)] for name, item in predictions.items()}
    return all_pairs(candidates, METRICS.get(metric), Plan(seed, n_resamples)).bands()
