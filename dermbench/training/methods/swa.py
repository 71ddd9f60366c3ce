"""Stochastic weight averaging: the mean of the weights that the last epochs end with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from torch.nn.modules.batchnorm import _BatchNorm

from dermbench.training.config.seeding import derive
from dermbench.training.methods.base import Method, MethodOptions, TrainingSplit
from dermbench.training.network.network import build_network, freeze_norm, freeze_stages
from dermbench.training.network.scoring import whole_batches

if TYPE_CHECKING:
    from torch import Tensor

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

COUNT = "swa.count"
PREFIX = "swa.weights/"


class SWAOptions(MethodOptions):
    """Options of :class:`SWA`.

    Attributes
    ----------
    swa_start
        Share of ``epochs`` after which the ends of epochs are averaged.
    """

    swa_start: float = Field(0.75, ge=0, lt=1)


class SWA(Method):
    """Average the weights after each epoch from ``swa_start`` on, equally.

    The average replaces the epoch that the selection rule chose. Unless ``freeze_norm`` or ``frozen_stages``
    keeps them, the statistics of batch normalisation are estimated anew over the training images. The
    publication keeps the learning rate high meanwhile: ``schedule = "constant"`` or a late start. A run that
    ends before the start (early stopping, ``max_steps``) keeps its chosen epoch and says so.
    """

    reference = "Izmailov et al. 2018, Averaging weights leads to wider optima and better generalization (UAI)"
    Options: ClassVar[type[MethodOptions]] = SWAOptions
    options: SWAOptions

    def __init__(
        self, config: TrainConfig, split: TrainingSplit, options: MethodOptions, device: torch.device
    ) -> None:
        super().__init__(config, split, options, device)
        self.first = math.floor(self.options.swa_start * config.epochs) + 1
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    def after_epoch(self, network: Network, epoch: int) -> None:
        """Take the weights into the average."""
        super().after_epoch(network, epoch)
        if epoch < self.first:
            return
        self.count += 1
        for name, value in network.module.state_dict().items():
            if self.count == 1 or not value.is_floating_point():
                self.mean[name] = value.detach().clone()
            else:
                self.mean[name].lerp_(value.detach(), 1 / self.count)

    def finish(self, network: Network, samples: Samples, runtime: Runtime) -> tuple[str, ...]:
        """Put the average into the network."""
        done = super().finish(network, samples, runtime)
        if not self.count:
            return (*done, f"swa: nothing averaged, the run ended before epoch {self.first}")
        network.module.load_state_dict(self.mean)
        if not self.config.freeze_norm:
            self._estimate_statistics(network, samples, runtime)
        last = self.first + self.count - 1
        return (*done, f"swa: mean of the weights after epochs {self.first} to {last}")

    def _estimate_statistics(self, network: Network, samples: Samples, runtime: Runtime) -> None:
        """Estimate the statistics of batch normalisation over the training images, those of frozen stages apart.

        In a copy of the network: layers that several processes share would wait for the others here.
        """
        config = self.config
        alone = build_network(config, self.split.n_classes, pretrained=False, origin=network.origin)
        alone.module.load_state_dict(self.mean)
        freeze_stages(alone, config.frozen_stages)
        runtime.place(alone.module)
        torch.manual_seed(derive(config.seed, "swa"))
        batches = whole_batches(
            samples, network, runtime, size=config.image_size, batch_size=config.batch_size, index=self.members
        )
        alone.module.train()
        freeze_norm(alone.module, every=False)
        for layer in alone.module.modules():
            if isinstance(layer, _BatchNorm) and layer.training:
                layer.reset_running_stats()
                layer.momentum = None  # a plain mean over the batches
        with torch.no_grad(), runtime.autocast():
            for images in batches:
                alone.module(images)
        network.module.load_state_dict(alone.module.state_dict())

    def tensors(self) -> dict[str, Tensor]:
        """Return the average so far."""
        mean = {f"{PREFIX}{name}": value for name, value in self.mean.items()}
        return {**super().tensors(), COUNT: torch.tensor(self.count), **mean}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take the average so far back."""
        super().load(tensors)
        self.count = int(tensors[COUNT])
        self.mean = {
            name.removeprefix(PREFIX): value.to(self.device)
            for name, value in tensors.items()
            if name.startswith(PREFIX)
        }
