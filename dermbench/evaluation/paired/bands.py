"""Rank bands: what ranks each model could have, in place of false precision."""

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

    The best is 1 + the number of models that are significantly better, the worst n minus the number that are
    significantly worse: paired tests of all pairs, Holm over all of them, level .05. All true ranks are in their
    bands with 95 %.

    Parameters
    ----------
    predictions
        {name of the model: predictions}, for exactly the images of ``truth``.
    truth
        Labels and units.
    metric
        Name of the metric. Ranking metrics other than ``auroc_ovr`` have no paired test.
    seed, n_resamples
        Of the label swaps.

    Returns
    -------
    dict
        {name: (best, worst)}, the model with the best value first. A model without a value (a metric of
        probabilities, and predictions that are labels only) is left out and takes no rank.

    Raises
    ------
    UsageError
        When predictions are of other images or classes, or the metric has no paired test.
    RegistryError
        When there is no metric of that name.
    """
    candidates = {name: [join(item, truth)] for name, item in predictions.items()}
    return all_pairs(candidates, METRICS.get(metric), Plan(seed, n_resamples)).bands()
