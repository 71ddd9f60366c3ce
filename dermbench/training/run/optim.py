"""Optimisers by name, and their parameter groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from dermbench.training.config.train_config import TrainConfig


def _adam(groups: list[dict[str, Any]], *, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, fused=fused or None)


def _adamw(groups: list[dict[str, Any]], *, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, fused=fused or None)


def _sgd(groups: list[dict[str, Any]], *, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=fused or None)


OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {"adam": _adam, "adamw": _adamw, "sgd": _sgd}
"""Optimisers by name; ``sgd`` has Nesterov momentum 0.9."""


def make_optimizer(config: TrainConfig, model: nn.Module, head: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a run.

    Biases and normalisation parameters have no weight decay. Each group carries ``peak``, its highest
    learning rate.

    Parameters
    ----------
    config
        Names the optimiser and its rates.
    model
        Network, already on its device.
    head
        The classifier inside ``model``, whose rate ``head_rate`` multiplies.
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
    return OPTIMIZERS[config.optimizer](listed, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> float:
    """Set every group to ``share`` of its peak rate and return the first group's (the backbone's)."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    return float(optimizer.param_groups[0]["lr"])
