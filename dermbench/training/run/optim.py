"""Optimisers by name, and their parameter groups."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from dermbench.training.config.train_config import TrainConfig


OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
}
"""Optimisers by name; ``sgd`` has Nesterov momentum 0.9."""


def make_optimizer(config: TrainConfig, model: nn.Module, head: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a run, for a network on its device.

    Biases and normalisation parameters have no weight decay. ``head`` is the classifier in ``model``; its learning
    rate is multiplied by ``head_rate``. The key ``peak`` of a parameter group is its highest learning rate.
    """
    in_head = {id(p) for p in head.parameters()}
    groups: dict[tuple[bool, bool], list[torch.Tensor]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in in_head, parameter.ndim > 1), []).append(parameter)
    listed = []
    for (of_head, decayed), parameters in sorted(groups.items(), key=lambda item: item[0]):
        peak = config.learning_rate * (config.head_rate if of_head else 1.0)
        decay = config.weight_decay if decayed else 0.0
        listed.append({"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay})
    fused = all(p.is_cuda for p in model.parameters())
    return OPTIMIZERS[config.optimizer](listed, fused=fused or None)


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    """Set every group's learning rate to ``share`` of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
