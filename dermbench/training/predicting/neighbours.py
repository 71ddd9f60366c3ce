"""Mix a network's probabilities with the labels of the images that have the nearest features.

Neighbours are images of ``train`` and ``val``. An image is never its own neighbour, so held-out images are
predicted like new ones: by a network that has not seen them, and by the labels of other images.

The method is the kNN-LM of Khandelwal et al. 2020 (Generalization through memorization, ICLR), on the features
before the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE = 0.5
"""Share of the neighbours in the mixture."""
WIDTH = 0.03
"""Difference of cosines at which one neighbour weighs e times as much as another."""


@dataclass(frozen=True)
class Bank:
    """Labelled images, and a search for the nearest ones by the cosine of features minus their mean ``centre``."""

    image_id: NDArray[np.object_]
    centre: NDArray[np.float64]
    search: NearestNeighbors
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
        """Return a bank of images with features, shape (n_images, n_features), and labels."""
        centre = features.mean(axis=0)
        search = NearestNeighbors(metric="cosine", algorithm="brute").fit(features - centre)
        return cls(image_id, centre, search, labels, n_classes)

    def probabilities(
        self, image_id: NDArray[np.object_], features: NDArray[np.float64], number: int
    ) -> NDArray[np.float64]:
        """Return the weighted shares of the classes among the nearest images, shape (n, n_classes).

        Each image with ``features``, shape (n, n_features), has ``number`` neighbours, or all if there are fewer;
        the image itself is left out. A neighbour has the weight exp(cosine / :data:`WIDTH`). Rows sum to 1.
        """
        wanted = min(number + 1, len(self.image_id))  # one more, which may be the image itself
        distances, nearest = self.search.kneighbors(features - self.centre, wanted)
        cosines = 1 - distances
        ids = np.asarray(self.image_id, dtype=object)
        cosines[ids[nearest] == np.asarray(image_id, dtype=object)[:, None]] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :number]
        near, classes = (
            np.take_along_axis(cosines, order, axis=1),
            self.labels[np.take_along_axis(nearest, order, axis=1)],
        )
        weights = np.exp((near - near[:, :1]) / WIDTH)
        found = np.stack([np.where(classes == k, weights, 0.0).sum(axis=1) for k in range(self.n_classes)], axis=1)
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
