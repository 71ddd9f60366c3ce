"""Neighbours: how those images of ``train`` and ``val`` are labelled that a network finds most like one image.

An image of these splits is never a neighbour of itself, so what is said of held-out images is what would be said
of new ones: by a network that has not seen them, and the labels of all others.

Mixing a network's probabilities with those of its nearest training images is the kNN-LM of Khandelwal et al. 2020
(Generalization through memorization, ICLR), here on the features before the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from dermbench.training.network.features import kept_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

SHARE = 0.5
"""Share of the neighbours in the mixture."""
WIDTH = 0.03
"""Difference of two cosines at which one neighbour counts e times as much as the other."""
ROWS = 1024
"""Images looked up at a time."""


@dataclass(frozen=True)
class Bank:
    """Labelled images by their features.

    Attributes
    ----------
    image_id
        Their ids, shape (n_images,).
    centre
        Mean of their features, shape (n_features,).
    directions
        Features less the mean, scaled to length 1, shape (n_images, n_features).
    labels
        Class indices, shape (n_images,).
    n_classes
        Number of classes.
    """

    image_id: NDArray[np.object_]
    centre: NDArray[np.float64]
    directions: NDArray[np.float64]
    labels: NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(
        cls,
        image_id: NDArray[np.object_],
        features: NDArray[np.float64],
        labels: NDArray[np.int64],
        n_classes: int,
    ) -> Self:
        """Return the bank of images with these features, shape (n_images, n_features), and labels."""
        centre = features.mean(axis=0)
        return cls(image_id, centre, _directions(features - centre), labels, n_classes)

    @classmethod
    def of_samples(
        cls, network: Network, parts: Sequence[Samples], config: TrainConfig, runtime: Runtime, n_classes: int
    ) -> Self:
        """Return the bank of several splits; their features are kept in the cache folder of the dataset."""
        features = np.concatenate([kept_features(network, part, config, runtime) for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        return cls.of(np.concatenate([part.image_id for part in parts]), features, labels, n_classes)

    def probabilities(
        self, image_id: NDArray[np.object_], features: NDArray[np.float64], number: int
    ) -> NDArray[np.float64]:
        """Return the shares of the classes among the nearest images.

        Parameters
        ----------
        image_id
            Of the images asked about, shape (n,); one that is in the bank is left out there.
        features
            Of these images, shape (n, n_features).
        number
            Neighbours of each, at least 1; all where there are fewer.

        Returns
        -------
        numpy.ndarray
            Shape (n, n_classes), rows summing to 1. A neighbour counts exp(cosine / :data:`WIDTH`), the cosine
            being that of two features less the bank's mean; of equal ones the first in the bank are taken. An
            image whose features are that mean has a cosine of 0 with all.
        """
        place = {image: k for k, image in enumerate(self.image_id)}
        found = np.zeros((len(features), self.n_classes))
        for start in range(0, len(features), ROWS):
            rows = slice(start, start + ROWS)
            cosines = _directions(features[rows] - self.centre) @ self.directions.T
            own = [(row, place[image]) for row, image in enumerate(image_id[rows]) if image in place]
            cosines[tuple(zip(*own, strict=True)) if own else ([], [])] = -np.inf
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :number]
            near = np.take_along_axis(cosines, nearest, axis=1)
            weights = np.exp((near - near[:, :1]) / WIDTH)
            classes = self.labels[nearest]
            for k in range(self.n_classes):
                found[rows, k] = np.where(classes == k, weights, 0.0).sum(axis=1)
        shares: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return shares

    def blended(
        self,
        prob: NDArray[np.float64],
        image_id: NDArray[np.object_],
        features: NDArray[np.float64],
        number: int,
    ) -> NDArray[np.float64]:
        """Return ``prob``, shape (n, n_classes), mixed with :meth:`probabilities` at :data:`SHARE`."""
        near = self.probabilities(image_id, features, number)
        mixed: NDArray[np.float64] = (1 - SHARE) * prob + SHARE * near
        return mixed


def _directions(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)
    return directions
