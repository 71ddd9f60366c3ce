"""A linear probe: multinomial logistic regression on frozen features, copied into the classifier.

Fine-tuning then starts with a classifier that fits the features, so its first steps do not distort them (Kumar et
al. 2022, LP-FT).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.training.network.network import Network

ITERATIONS = 2000


def fit_head(
    network: Network,
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    sample_weight: NDArray[np.float64],
    *,
    l2: float,
) -> None:
    """Set the classifier of ``network`` to the logistic regression of ``labels`` on its features."""
    head = linear_head(network)
    coefficients, intercept = fit_logistic(features, labels, sample_weight, n_classes=head.out_features, l2=l2)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(coefficients))
        head.bias.copy_(torch.from_numpy(intercept))


def linear_head(network: Network) -> nn.Linear:
    """Return the classifier of a network; a UsageError if it is not a single linear layer."""
    head = network.head
    if not isinstance(head, nn.Linear):
        raise UsageError(
            "this network does not end in one linear layer, which a probe needs", remedy="--set probe_l2=0"
        )
    return head


def fit_logistic(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    sample_weight: NDArray[np.float64],
    *,
    n_classes: int,
    l2: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coefficients (n_classes, n_features) and intercepts (n_classes,) of a logistic regression.

    It minimises the weighted mean cross-entropy plus ``l2`` / 2 times the squared norm of the coefficients of
    standardised features. The optimum is unique and needs no seed. The result applies to the raw features. A class
    without images gets coefficients 0 and the lowest intercept.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread < 1e-8] = 1.0
    model = LogisticRegression(C=1.0 / (l2 * sample_weight.sum()), max_iter=ITERATIONS, tol=1e-5)
    model.fit((features - mean) / spread, labels, sample_weight=sample_weight)
    fitted, offset = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        fitted, offset = np.vstack([-fitted, fitted]) / 2, np.concatenate([-offset, offset]) / 2
    coefficients = np.zeros((n_classes, features.shape[1]))
    intercept = np.full(n_classes, offset.min())
    coefficients[model.classes_] = fitted / spread
    intercept[model.classes_] = offset - (fitted / spread) @ mean
    return coefficients, intercept
