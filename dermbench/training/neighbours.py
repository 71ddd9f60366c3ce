"""Neighbours: how those training images are labelled that the network finds most like the image at hand.

Mixing a network's probabilities with those of its nearest training images is the kNN-LM of Khandelwal et al. 2020
(Generalization through memorization, ICLR), here on the features before the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from dermbench.training.features import kept_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.training.config import TrainConfig
    from dermbench.training.device import Runtime
    from dermbench.training.model import Network
    from dermbench.training.pixels import Samples

SHARE = 0.5
"""Share of the neighbours in the mixture."""
WIDTH = 0.05
"""Difference of two cosines at which one neighbour counts e times as much as the other."""
ROWS = 1024
"""Images looked up at a time."""


@dataclass(frozen=True)
class Bank:
    """Training images by their features.

    Attributes
    ----------
    centre
        Mean of their features, shape (n_features,).
    directions
        Features less the mean, scaled to length 1, shape (n_images, n_features).
    labels
        Class indices, shape (n_images,).
    n_classes
        Number of classes.
    """

    centre: NDArray[np.float64]
    directions: NDArray[np.float64]
    labels: NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(cls, features: NDArray[np.float64], labels: NDArray[np.int64], n_classes: int) -> Self:
        """Return the bank of images with these features, shape (n_images, n_features), and labels."""
        centre = features.mean(axis=0)
        return cls(centre, _directions(features - centre), labels, n_classes)

    @classmethod
    def of_samples(
        cls, network: Network, samples: Samples, config: TrainConfig, runtime: Runtime, n_classes: int
    ) -> Self:
        """Return the bank of a split; its features are kept in the cache folder of the dataset."""
        return cls.of(kept_features(network, samples, config, runtime), samples.labels, n_classes)

    def probabilities(self, features: NDArray[np.float64], number: int) -> NDArray[np.float64]:
        """Return the shares of the classes among the nearest images.

        Parameters
        ----------
        features
            Of the images asked about, shape (n, n_features).
        number
            Neighbours of each, at least 1; all where there are fewer.

        Returns
        -------
        numpy.ndarray
            Shape (n, n_classes), rows summing to 1. A neighbour counts exp(cosine / :data:`WIDTH`), the cosine
            being that of two features less the bank's mean; of equal ones the first in the bank are taken. An
            image whose features are that mean has a cosine of 0 with all.
        """
        found = np.zeros((len(features), self.n_classes))
        for start in range(0, len(features), ROWS):
            rows = slice(start, start + ROWS)
            cosines = _directions(features[rows] - self.centre) @ self.directions.T
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :number]
            near = np.take_along_axis(cosines, nearest, axis=1)
            weights = np.exp((near - near[:, :1]) / WIDTH)
            classes = self.labels[nearest]
            for k in range(self.n_classes):
                found[rows, k] = np.where(classes == k, weights, 0.0).sum(axis=1)
        shares: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return shares

    def blended(
        self, prob: NDArray[np.float64], features: NDArray[np.float64], number: int
    ) -> NDArray[np.float64]:
        """Return ``prob``, shape (n, n_classes), mixed with the neighbours of ``features`` at :data:`SHARE`."""
        mixed: NDArray[np.float64] = (1 - SHARE) * prob + SHARE * self.probabilities(features, number)
        return mixed


def _directions(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)
    return directions
