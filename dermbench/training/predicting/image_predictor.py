"""Base class for predictors of other packages that are functions of pixels."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from dermbench.errors import InputError, UsageError
from dermbench.training.data.pixels import load_samples
from dermbench.training.predicting.predictor import LIMIT, Predicted, Predictor

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Views

SIDES = (16, 4096)
"""Smallest and largest side of the images of a predictor, in pixels."""


class ImagePredictor(Predictor):
    """A function of square RGB images; a package names its subclass under ``dermbench.predictors``.

    Attributes
    ----------
    image_size
        Side of its input images in pixels.
    """

    views: ClassVar[Views] = "one size"
    image_size: ClassVar[int] = 224

    @abstractmethod
    def probabilities(self, images: NDArray[np.uint8], classes: tuple[str, ...]) -> ArrayLike:
        """Return probabilities, shape (n, n_classes), in the order of ``classes``.

        ``images`` are RGB, shape (n, image_size, image_size, 3).
        """

    def features(self, images: NDArray[np.uint8]) -> ArrayLike:  # noqa: ARG002 - for subclasses
        """Return the features of images, shape (n, n_features); by default there are none."""
        raise UsageError(f"{self} has no embeddings", remedy="Its class has no method 'features'.")

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities, averaged over the views."""
        classes = dataset.classes
        ids = dataset.part(split)["image_id"].to_numpy(dtype=object)
        prob = self._asked(dataset, split, lambda images: self.probabilities(images, classes))
        if prob.shape[1] != len(classes):
            raise InputError(str(self), [f"returned the shape {prob.shape}, not {(len(prob), len(classes))}"])
        if (prob < 0).any() or (np.abs(prob.sum(axis=1) - 1) > 1e-3).any():
            raise InputError(str(self), ["returned rows that are no probabilities (>= 0, with sum 1)"])
        return Predicted(ids, prob, classes)

    def embed(self, dataset: Dataset, split: str) -> NDArray[np.float64]:
        """Return the features, averaged over the views."""
        return self._asked(dataset, split, self.features)

    def _asked(
        self, dataset: Dataset, split: str, function: Callable[[NDArray[np.uint8]], ArrayLike]
    ) -> NDArray[np.float64]:
        """Apply a function to the images of a split; return its checked output, shape (n, n_outputs)."""
        side = self.image_size
        if type(side) is not int or not SIDES[0] <= side <= SIDES[1]:
            raise InputError(
                str(self), [f"image_size = {side!r} is no whole number from {SIDES[0]} to {SIDES[1]}"]
            )
        samples, parts = load_samples(dataset, split, side), []
        step = self.request.batch_size or LIMIT
        for start in range(0, len(samples), step):
            index = np.arange(start, min(start + step, len(samples)))
            images = samples.batch(index, torch.device("cpu"))
            views = [_pixels(view.turn(images)) for view in self.request.views]
            parts.append(np.mean([self._table(function(view), len(index)) for view in views], axis=0))
        return np.concatenate(parts)

    def _table(self, answer: ArrayLike, n: int) -> NDArray[np.float64]:
        try:
            values = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(str(self), [f"returned no table of numbers: {error}"]) from error
        if values.ndim != 2 or len(values) != n:
            raise InputError(str(self), [f"returned the shape {values.shape} for {n} images"])
        if not np.isfinite(values).all():
            raise InputError(str(self), ["returned NaN or infinity"])
        return values


def _pixels(images: torch.Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (images * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels
