"""Losses for unequal classes: focal loss and logit adjustment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field

from dermbench.training.methods.base import Method, MethodOptions, Targets, TrainingSplit

if TYPE_CHECKING:
    from torch import Tensor

    from dermbench.training.config.train_config import TrainConfig


class FocalOptions(MethodOptions):
    """Options of :class:`Focal`: the exponent gamma, 0 for the cross-entropy."""

    focal_gamma: float = Field(2.0, ge=0, le=10)


class Focal(Method):
    """Minimise ``-sum_c w_c t_c (1 - p_c)^gamma log p_c``.

    Class weights take the place of the publication's alpha.
    """

    reference = "Lin et al. 2017, Focal loss for dense object detection (ICCV)"
    Options: ClassVar[type[MethodOptions]] = FocalOptions
    options: FocalOptions

    def losses(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return the focal loss of each image."""
        log_p = logits.log_softmax(dim=1)
        focus = (1 - log_p.exp()).clamp(min=0) ** self.options.focal_gamma
        return -(log_p * focus * self.smoothed(targets)) @ self.class_weights


class LogitAdjustmentOptions(MethodOptions):
    """Options of :class:`LogitAdjustment`: τ = 1 is consistent for the balanced error, 0 adjusts nothing."""

    adjustment_tau: float = Field(1.0, ge=0, le=10)


class LogitAdjustment(Method):
    """Minimise the loss of ``logits + τ log π`` with π the class frequencies of the training images.

    Prediction uses the plain logits, which then do not favour frequent classes. Use it with
    ``class_weights = "none"`` and ``sampler = "shuffle"``; otherwise frequencies are corrected twice. A class
    without images counts as half an image.
    """

    reference = "Menon et al. 2021, Long-tail learning via logit adjustment (ICLR)"
    Options: ClassVar[type[MethodOptions]] = LogitAdjustmentOptions
    options: LogitAdjustmentOptions

    def __init__(
        self, config: TrainConfig, split: TrainingSplit, options: MethodOptions, device: torch.device
    ) -> None:
        super().__init__(config, split, options, device)
        counts = np.bincount(split.labels[self.members], minlength=split.n_classes).clip(min=0.5)
        shift = self.options.adjustment_tau * np.log(counts / counts.sum())
        self.shift = torch.tensor(shift, dtype=torch.float32, device=device)

    def adjust(self, logits: Tensor) -> Tensor:
        """Return the logits plus τ log π."""
        return super().adjust(logits) + self.shift
