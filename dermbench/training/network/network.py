"""Make networks by their timm name, with the normalisation of their input."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.models import group_parameters
from torch import nn

from dermbench.errors import UsageError, suggest
from dermbench.training.network.weights import NONE, as_any, describe_origin, load_pretrained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.network_headers import Origin
    from dermbench.training.config.train_config import TrainConfig


@dataclass
class Network:
    """A classifier with the normalisation of its input.

    Attributes
    ----------
    module
        Maps images (n, 3, image_size, image_size) to logits (n, n_classes).
    mean, std
        Normalisation of pixels in [0, 1], one value a channel.
    pretrained
        Description of the weights that it started from.
    origin
        Description of a network from the hub, so that a finished run does not need the hub; None for others.
    """

    module: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pretrained: str = NONE
    origin: Origin | None = None

    @property
    def head(self) -> nn.Module:
        """The classifier layer."""
        head = as_any(self.module).get_classifier()
        if not isinstance(head, nn.Module):
            raise UsageError("this network has no single classifier layer; choose another with --set model=...")
        return head

    @property
    def parameters(self) -> int:
        """Number of parameters, including frozen ones."""
        return sum(p.numel() for p in self.module.parameters())


def check_name(name: str) -> None:
    """Raise a UsageError, with the nearest known name, for a network that timm does not know."""
    known = timm.list_models()
    architecture, _, tag = name.partition(".")
    if architecture not in known:
        hint = suggest(architecture, known)
        hint = hint if hint.startswith("did") else f"timm knows {len(known):,} models"
        raise UsageError(f"unknown model {name!r}; {hint}")
    tagged = [known_name.partition(".")[2] for known_name in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tagged:
        raise UsageError(f"{architecture} has no pretrained tag {tag!r}; {suggest(tag, tagged)}")


def build_network(
    config: TrainConfig,
    n_classes: int,
    *,
    classes: Sequence[str] = (),
    pretrained: bool | None = None,
    origin: Origin | None = None,
) -> Network:
    """Make the network of a run.

    ``classes`` names its outputs, so that a classifier for other classes is not loaded from a file. ``pretrained``
    is False when a run's own weights are loaded afterwards.
    """
    origin = origin or describe_origin(config.model)
    name = config.model if origin is None else origin.architecture
    check_name(name)
    options: dict[str, Any] = {
        "num_classes": n_classes,
        "drop_rate": config.dropout,
        "drop_path_rate": config.drop_path,
    }
    if origin is not None:
        options |= {**origin.args, "pretrained_cfg": origin.cfg}
    pretrained_cfg = timm.get_pretrained_cfg(name)
    if pretrained_cfg is not None and pretrained_cfg.fixed_input_size:
        options["img_size"] = config.image_size
    try:
        module = timm.create_model(name, pretrained=False, **options)
    except (TypeError, ValueError, RuntimeError, LookupError) as error:  # for example, it has no option drop_path
        raise UsageError(f"{config.model} cannot be made with {options}: {error}") from error
    words = NONE
    if pretrained is None:
        wanted, file = config.pretrained, config.weights
        words = load_pretrained(module, config.model, pretrained=wanted, weights=file, classes=classes)
    cfg = as_any(module).pretrained_cfg
    return Network(module, tuple(cfg["mean"]), tuple(cfg["std"]), words, origin)


def probe_features(network: Network, images: torch.Tensor) -> torch.Tensor:
    """Return the features before the classifier, shape (n, n_features)."""
    module = as_any(network.module)
    features: torch.Tensor = module.forward_head(module.forward_features(images), pre_logits=True)
    return features


def freeze_norm(module: nn.Module, *, every: bool) -> None:
    """Freeze running statistics of batch normalisation, in every layer or only in layers with frozen weights."""
    for layer in module.modules():
        if not isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the base has no public name
            continue
        if every or (layer.weight is not None and not layer.weight.requires_grad):
            layer.eval()


def freeze_stages(network: Network, number: int) -> None:
    """Freeze the weights of the first ``number`` stages of a network; the stem is the first stage.

    Raises
    ------
    UsageError
        When the network has fewer stages before its classifier, or does not define its stages.
    """
    if not number:
        return
    module = as_any(network.module)
    if not hasattr(module, "group_matcher"):
        raise UsageError(f"frozen_stages={number}: this network does not define its stages")
    stages = group_parameters(module, module.group_matcher(coarse=True))
    named, head = dict(module.named_parameters()), {id(p) for p in network.head.parameters()}
    before = [names for _, names in sorted(stages.items()) if not any(id(named[name]) in head for name in names)]
    if number > len(before):
        raise UsageError(f"frozen_stages={number}: this network has {len(before)} stages before its classifier")
    for name in chain.from_iterable(before[:number]):
        named[name].requires_grad_(requires_grad=False)
