"""A timm network by name: it embeds with pretrained weights, and predicts with local weights for the task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import timm

from dermbench.errors import UsageError
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import build_network, check_name
from dermbench.training.network.weights import as_any, file_classes, load_file, read_weights
from dermbench.training.predicting.network_predictor import NetworkPredictor, Opened
from dermbench.training.predicting.predictor import LIMIT
from dermbench.training.predicting.run_loading import check_classes

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset

CLASSES = 1000
"""Outputs of an ImageNet classifier; embeddings do not use them."""


class TimmPredictor(NetworkPredictor):
    """A timm network.

    Pretrained networks predict the classes of ImageNet, so a dermatology task needs weights trained for it. The
    outputs of these weights are the dataset's classes in order, unless the file names its classes.
    """

    prefix = "timm"
    form = "timm:NAME with --weights FILE"
    takes = frozenset({"weights"})

    def open(self, dataset: Dataset) -> Opened:
        """Return the network with weights of the task.

        Raises
        ------
        UsageError
            Without ``weights``, or when their classifier has another size or is for other classes.
        """
        check_name(self.name)
        if self.request.weights is None:
            raise UsageError(
                f"{self} predicts ImageNet's classes, not those of {dataset.root}",
                remedy="Give weights trained for this task with --weights FILE.safetensors, "
                f"or train it first: dermbench train --preset cpu-small --set model={self.name}",
            )
        weights, config = Path(self.request.weights), self._config()
        network = build_network(config, len(dataset.classes), pretrained=False)
        classifier = f"{as_any(network.module).pretrained_cfg['classifier']}.weight"
        found = read_weights(weights).get(classifier)
        if found is None or len(found) != len(dataset.classes):
            outputs = "no classifier" if found is None else f"a classifier of {len(found)} classes"
            raise UsageError(f"{weights} has {outputs}; {dataset.root} has {len(dataset.classes)} classes")
        if named := file_classes(weights):
            check_classes(str(weights), named, dataset)
        network.pretrained = load_file(network.module, weights, dataset.classes)
        return Opened.placed(network, config, dataset.classes, self.request.device)

    def open_encoder(self, dataset: Dataset) -> Opened:
        """Return the network with its pretrained weights, or with those of ``weights``."""
        check_name(self.name)
        config = self._config()
        network = build_network(config, CLASSES)
        return Opened.placed(network, config, dataset.classes, self.request.device)

    def _config(self) -> TrainConfig:
        cfg = timm.get_pretrained_cfg(self.name)
        size = int(cfg.input_size[-1]) if cfg is not None else 224
        weights = "" if self.request.weights is None else str(self.request.weights)
        return TrainConfig(model=self.name, image_size=size, weights=weights, batch_size=LIMIT)
