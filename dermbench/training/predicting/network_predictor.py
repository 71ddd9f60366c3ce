"""Predictors that are torch networks: they share batches, views and embeddings."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from dermbench.training.config.device import computing, make_runtime
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.network import probe_features
from dermbench.training.network.scoring import collect, softmax, whole_batches
from dermbench.training.predicting.predictor import Predicted, Predictor

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.network.network import Network
    from dermbench.training.predicting.predictor import Request, Views
    from dermbench.training.predicting.tta import View


@dataclass(frozen=True)
class Opened:
    """A network on its device; its configuration has the image sizes and the batch size."""

    network: Network
    config: TrainConfig
    classes: tuple[str, ...]
    runtime: Runtime

    @classmethod
    def placed(cls, network: Network, config: TrainConfig, classes: tuple[str, ...], device: str) -> Self:
        """Return a network moved to a device."""
        runtime = make_runtime(device)
        runtime.place(network.module)
        return cls(network, config, classes, runtime)


class NetworkPredictor(Predictor):
    """A torch network; subclasses open it."""

    views: ClassVar[Views] = "any"

    @abstractmethod
    def open(self, dataset: Dataset) -> Opened:
        """Return the network that predicts the classes of a dataset."""

    def open_encoder(self, dataset: Dataset) -> Opened:
        """Return the network for embeddings; its classes do not matter."""
        return self.open(dataset)

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities, averaged over the views."""
        opened = self.open(dataset)
        image_id, outputs = over_views(opened, dataset, split, self.request, logits_of)
        return Predicted(image_id, np.mean([softmax(logits) for logits in outputs], axis=0), opened.classes)

    def embed(self, dataset: Dataset, split: str) -> NDArray[np.float64]:
        """Return the features before the classifier, averaged over the views."""
        _, outputs = over_views(self.open_encoder(dataset), dataset, split, self.request, probe_features)
        mean: NDArray[np.float64] = np.mean(outputs, axis=0)
        return mean


def over_views(
    opened: Opened,
    dataset: Dataset,
    split: str,
    request: Request,
    look: Callable[[Network, torch.Tensor], torch.Tensor],
) -> tuple[NDArray[np.object_], list[NDArray[np.float64]]]:
    """Return the ids of a split, and for each view the outputs of ``look``, shape (n_samples, n_outputs).

    ``look`` maps a network and normalised images (n, 3, side, side) to outputs (n, n_outputs).
    """
    network, config, runtime = opened.network, opened.config, opened.runtime
    samples = load_samples(dataset, split, config.cached_side, config.crop_mode).to(runtime.device)
    batch_size, outputs = request.batch_size or config.batch_size, []
    with computing(runtime):
        for view in request.views:
            side = view.side(config.image_size)
            batches = whole_batches(samples, network, runtime, size=side, batch_size=batch_size)
            outputs.append(collect(partial(_looked, look, network, view), batches, network, runtime))
    return samples.image_id, outputs


def logits_of(network: Network, images: torch.Tensor) -> torch.Tensor:
    """Return the logits of images."""
    logits: torch.Tensor = network.module(images)
    return logits


def _looked(
    look: Callable[[Network, torch.Tensor], torch.Tensor], network: Network, view: View, images: torch.Tensor
) -> torch.Tensor:
    return look(network, view.turn(images))
