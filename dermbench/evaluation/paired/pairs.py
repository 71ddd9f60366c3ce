"""Tests of all pairs of models on one metric; all pairs share the same random swaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, ndtr

from dermbench.evaluation.intervals.delong import covariance, ovr_influence
from dermbench.evaluation.paired.swaps import seed_pairs, swap
from dermbench.evaluation.paired.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

TINY = 1e-12
SIGN_FLIP = "sign-flip permutation of units"
LABEL_SWAP = "label-swap permutation of units"
MCNEMAR = "McNemar, mid-p"
DELONG = "DeLong"


def mcnemar_mid_p(only_first: NDArray[np.intp], only_second: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the two-sided mid-p of McNemar's test.

    Parameters
    ----------
    only_first, only_second
        Number of images that only the first, and only the second, model gets right; any shape.

    Returns
    -------
    numpy.ndarray
        P values, same shape; 1 if the two numbers are equal, even if both are 0.

    References
    ----------
    Fagerland, Lydersen, Laake (2013), BMC Medical Research Methodology 13:91.
    """
    n, fewer = only_first + only_second, np.minimum(only_first, only_second)
    at_most, below = bdtr(fewer, n, 0.5), np.where(fewer > 0, bdtr(fewer - 1, n, 0.5), 0.0)
    return np.where(only_first == only_second, 1.0, np.minimum(1.0, at_most + below))


def tail_p(
    observed: NDArray[np.float64], beyond: NDArray[np.float64], squares: NDArray[np.float64], n_swaps: int
) -> NDArray[np.float64]:
    """Return (b + 1) / (B + 1), or Hoeffding's bound if it is smaller and no swap reaches the observed value.

    A sum of independent contributions with random signs and variance v exceeds t with a probability of at most
    2 exp(-t²/2v). Without the bound, no pair among many models could be significant: the smallest p value of 9,999
    swaps, times the number of pairs, exceeds .05 with more than 500 pairs. For scores that are not sums, the bound
    is an approximation.

    Parameters
    ----------
    observed
        Observed differences.
    beyond
        b: number of swaps with a difference as far from 0.
    squares
        Mean of the squared differences under swaps.
    n_swaps
        B: number of swaps.

    References
    ----------
    Hoeffding (1963), JASA 58, 13-30; Phipson & Smyth (2010), SAGMB 9:39.
    """
    p = (beyond + 1) / (n_swaps + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = np.where(squares > 0, 2 * np.exp(-(observed**2) / (2 * squares)), 1.0)
    return np.where(beyond == 0, np.minimum(p, bound), p)


def sum_tests(
    sample: Sample, values: NDArray[np.float64], plan: Plan, *, stream: str
) -> tuple[NDArray[np.float64], str]:
    """Test all pairs on a sum over images: McNemar's test for hits of independent images, else sign flips.

    Parameters
    ----------
    sample
        The images; only their units are used.
    values
        Value of each image for each model (averaged over seeds), shape (n_models, n_samples).
    plan, stream
        Number of permutations, and the random numbers.

    Returns
    -------
    p_value, test
        One p value per pair, in the order of ``numpy.triu_indices``, and the name of the test.
    """
    first, second = np.triu_indices(len(values), 1)
    if not sample.clustered and np.isin(values, (0.0, 1.0)).all():
        only = (values @ (1 - values.T)).round().astype(np.intp)
        return mcnemar_mid_p(only[first, second], only[second, first]), MCNEMAR
    unit = np.stack([np.bincount(sample.units, weights=row, minlength=sample.n_units) for row in values])
    moving = np.ptp(unit, axis=0) > 0
    unit = unit[:, moving]
    total = unit.sum(axis=1)
    observed = total[second] - total[first]
    far = np.abs(observed) * (1 - TINY) - TINY

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        swaps = rng.integers(0, 2, (unit.shape[1], size), dtype=np.int8).astype(np.float64)
        inside = unit @ swaps
        apart = observed[:, None] - 2 * (inside[second] - inside[first])
        beyond: NDArray[np.float64] = np.count_nonzero(np.abs(apart) >= far[:, None], axis=1)[None].astype(
            np.float64
        )
        return beyond

    block = int(max(16, min(1024, 2**21 // max(1, unit.shape[1]))))
    beyond = plan.in_blocks(one, stream=f"{stream} flip", block=block).sum(axis=0)
    squares = np.square(unit[second] - unit[first]).sum(axis=1)
    return tail_p(observed, beyond, squares, plan.n_resamples), SIGN_FLIP


def count_tests(
    sample: Sample, models: Sequence[Sequence[NDArray[np.intp]]], metric: Metric, plan: Plan, *, stream: str
) -> tuple[NDArray[np.float64], str]:
    """Test all pairs on a metric of counts by swapping predictions of whole units between models.

    Parameters
    ----------
    sample
        Truth and units.
    models
        Predicted classes of each seed of each model.
    metric
        Metric of kind ``counts``.
    plan, stream
        Number of swaps, and the random numbers.

    Returns
    -------
    p_value, test
        One p value per pair, in the order of ``numpy.triu_indices``, and the name of the test.
    """
    tallies = Tallies.of(sample, [answer for seeds in models for answer in seeds], steps=metric.needs_order)
    chosen = seed_pairs([len(seeds) for seeds in models])
    found = swap(tallies, chosen, metric.score, plan, stream=f"{stream} swap")
    return tail_p(found.observed[:, 0], found.beyond[:, 0], found.squares[:, 0], plan.n_resamples), LABEL_SWAP


def auroc_differences(
    sample: Sample, models: Sequence[Sequence[NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return differences of one-vs-rest AUROC, averaged over classes and seeds, with DeLong's standard errors.

    Parameters
    ----------
    sample
        Truth and units.
    models
        Probabilities of each seed of each model.

    Returns
    -------
    difference, se
        Second model minus first, and its standard error, of each pair in the order of ``numpy.triu_indices``.
    """
    made = [[ovr_influence(sample.y_true, prob) for prob in seeds] for seeds in models]
    areas = np.array([np.mean([area for area, _ in seeds]) for seeds in made])
    influences = np.stack([np.mean([influence for _, influence in seeds], axis=0) for seeds in made])
    spread = covariance(influences, sample.units if sample.clustered else None)
    first, second = np.triu_indices(len(models), 1)
    variance = spread[first, first] + spread[second, second] - 2 * spread[first, second]
    return areas[second] - areas[first], np.sqrt(np.maximum(0, variance))


def auroc_tests(
    sample: Sample, models: Sequence[Sequence[NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], str]:
    """Test all pairs on the one-vs-rest AUROC; arguments as in :func:`auroc_differences`."""
    difference, se = auroc_differences(sample, models)
    z = np.divide(np.abs(difference), se, out=np.zeros_like(difference), where=se > TINY)
    return np.where(se > TINY, 2 * ndtr(-z), 1.0), DELONG
