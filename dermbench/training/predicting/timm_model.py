"""A timm network as a candidate: only with local weights whose classifier is the task's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import timm

from dermbench.errors import UsageError
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import Network, build_network, check_name
from dermbench.training.network.weights import as_any, file_classes, load_file, read_weights
from dermbench.training.predicting.run_loading import check_classes

if TYPE_CHECKING:
    from dermbench.artifacts import Dataset


def load_timm(name: str, dataset: Dataset, weights: Path | str | None) -> tuple[Network, TrainConfig]:
    """Return a timm network with local weights, and the configuration that predicts with it.

    A network pretrained on ImageNet names ImageNet's classes, so it cannot predict a dermatology task:
    weights trained for this task are needed. Classifier outputs are taken in the order of the dataset's
    classes, unless the file names its own.

    Raises
    ------
    UsageError
        Without ``weights``, or when their classifier has another size or is for other classes.
    """
    check_name(name)
    if weights is None:
        raise UsageError(
            f"timm:{name} predicts ImageNet's classes, not those of {dataset.root}",
            remedy="Give weights trained for this task with --set weights=FILE.safetensors, "
            "or train it first: dermbench train --preset cpu-small --set model=" + name,
        )
    cfg = timm.get_pretrained_cfg(name)
    size = int(cfg.input_size[-1]) if cfg is not None else 224
    config = TrainConfig(model=name, image_size=size, weights=str(weights))
    network = build_network(config, len(dataset.classes), pretrained=False)
    classifier = f"{as_any(network.module).pretrained_cfg['classifier']}.weight"
    found = read_weights(Path(weights)).get(classifier)
    if found is None or len(found) != len(dataset.classes):
        outputs = "no classifier" if found is None else f"a classifier of {len(found)} classes"
        raise UsageError(f"{weights} has {outputs}; {dataset.root} has {len(dataset.classes)} classes")
    if named := file_classes(Path(weights)):
        check_classes(str(weights), named, dataset)
    network.pretrained = load_file(network.module, Path(weights), dataset.classes)
    return network, config
