"""A timm network on the hub: it embeds, and predicts if its description names the task's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import InputError, UsageError
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import build_network
from dermbench.training.network.weights import HUB, describe_origin
from dermbench.training.predicting.network_predictor import NetworkPredictor, Opened
from dermbench.training.predicting.predictor import LIMIT
from dermbench.training.predicting.run_loading import check_classes

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset
    from dermbench.artifacts.network_headers import Origin


class HubPredictor(NetworkPredictor):
    """A timm network on the hub."""

    prefix = HUB.removesuffix(":")
    form = "hf-hub:OWNER/NAME"

    def open(self, dataset: Dataset) -> Opened:
        """Return the network of the hub's description.

        Raises
        ------
        UsageError
            When the description has no classes (``label_names``), or they are not the dataset's.
        """
        origin = self._origin()
        named = origin.cfg.get("label_names")
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise UsageError(
                f"{self} does not say which classes it predicts",
                remedy=f"Train it on this task: dermbench train --preset cpu-small --set model={self}; "
                "or train a probe on its embeddings: dermbench embed.",
            )
        classes = tuple(map(str, named))
        check_classes(str(self), classes, dataset)
        if origin.cfg.get("num_classes") != len(classes):  # timm would make a random classifier
            outputs = f"{origin.cfg.get('num_classes')} outputs for {len(classes)} label_names"
            raise InputError(str(self), [f"its description has {outputs}"])
        return self._opened(origin, classes)

    def open_encoder(self, dataset: Dataset) -> Opened:
        """Return the network; its classes do not matter."""
        return self._opened(self._origin(), dataset.classes)

    def _origin(self) -> Origin:
        origin = describe_origin(str(self))
        assert origin is not None  # the name begins with the prefix
        return origin

    def _opened(self, origin: Origin, classes: tuple[str, ...]) -> Opened:
        found = origin.cfg.get("input_size")
        size = found[-1] if isinstance(found, list) and found and isinstance(found[-1], int) else 224
        config = TrainConfig(model=str(self), image_size=size, batch_size=LIMIT)
        return Opened.placed(
            build_network(config, len(classes), origin=origin), config, classes, self.request.device
        )
