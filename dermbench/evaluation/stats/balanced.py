"""Balanced accuracy of independent images: the average of Jeffreys beta posteriors of each class's recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Tally
    from dermbench.evaluation.stats.estimates import Limits
    from dermbench.evaluation.stats.seeding import Plan


def recall_draws(
    correct: NDArray[np.float64],
    support: NDArray[np.float64],
    plan: Plan,
    *,
    stream: str = "balanced accuracy",
) -> NDArray[np.float64]:
    """Draw the average recall from independent Beta(k + 1/2, n - k + 1/2) posteriors of each class.

    Parameters
    ----------
    correct, support
        k and n of each class, shape (n_classes,); classes without a case are left out.
    plan, stream
        Number and source of draws.

    Returns
    -------
    numpy.ndarray
        Sorted draws, shape (n_resamples,).

    References
    ----------
    Brodersen et al. (2010), ICPR, 3121-3124; Brown, Cai, DasGupta (2001) for the prior.
    """
    there = support > 0
    k, n = correct[there], support[there]
    rng = plan.generator(stream)
    return np.sort(rng.beta(k + 0.5, n - k + 0.5, size=(plan.n_resamples, len(n))).mean(axis=1))


def balanced_limits(tally: Tally, plan: Plan) -> tuple[float, Limits]:
    """Return the standard error of balanced accuracy and its limits from the draws of the average recall."""
    draws = recall_draws(tally.correct, tally.support, plan)

    def limits(z: float) -> tuple[float, float, str]:
        low, high = np.quantile(draws, ndtr([-z, z]))
        return float(low), float(high), "Jeffreys posterior of each recall"

    return float(np.std(draws, ddof=1)), limits
