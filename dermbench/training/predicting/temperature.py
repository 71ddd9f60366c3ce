"""Temperature scaling with one number, fitted on the validation split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from dermbench.training.network.scoring import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST, HIGHEST = 0.05, 20.0
"""Bounds of the temperature."""


@dataclass(frozen=True)
class Temperature:
    """A fitted divisor of logits, above 1 for an overconfident model.

    ``before`` and ``after`` are the mean log loss in nats without and with it, on the ``n`` images of the fit. An
    image counts once for each model whose logits are divided.
    """

    value: float
    before: float
    after: float
    n: int


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.intp]) -> Temperature:
    """Fit the temperature that minimises the log loss (Guo et al. 2017, On calibration).

    ``logits`` or log probabilities have the shape (n_samples, n_classes), ``labels`` (n_samples,).
    """

    def loss(log_t: float) -> float:
        chosen = softmax(logits / np.exp(log_t))[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(chosen, np.finfo(np.float64).tiny, None)).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return Temperature(float(np.exp(found.x)), loss(0.0), float(found.fun), len(labels))
