"""Temperature scaling: one number, fitted on the validation split."""

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
    """A fitted temperature.

    Attributes
    ----------
    value
        Divisor T of the logits: above 1 the model was too sure.
    before, after
        Mean log loss in nats, at T = 1 and at ``value``, on the images it was fitted on: the validation split, or
        of runs on folds what they hold out.
    n
        Number of these images, counted once for each model whose logits are divided.
    """

    value: float
    before: float
    after: float
    n: int


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.intp]) -> Temperature:
    """Fit the temperature that minimises the log loss (Guo et al. 2017, On calibration).

    Parameters
    ----------
    logits
        Logits or log probabilities, shape (n_samples, n_classes).
    labels
        True classes, shape (n_samples,).
    """

    def loss(log_t: float) -> float:
        chosen = softmax(logits / np.exp(log_t))[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(chosen, np.finfo(np.float64).tiny, None)).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return Temperature(float(np.exp(found.x)), loss(0.0), float(found.fun), len(labels))
