"""Logit adjustment: learn logits from which the class frequencies have been taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field

from dermbench.training.methods.base import Method, MethodOptions, TrainingSplit

if TYPE_CHECKING:
    from torch import Tensor

    from dermbench.training.config.train_config import TrainConfig


class LogitAdjustmentOptions(MethodOptions):
    """Options of :class:`LogitAdjustment`.

    Attributes
    ----------
    adjustment_tau
        Factor τ of the log frequencies; 1 is consistent for the balanced error, 0 changes nothing.
    """

    adjustment_tau: float = Field(1.0, ge=0, le=10)


class LogitAdjustment(Method):
    """Minimise the loss of ``logits + τ log π`` with π the class frequencies of the training images.

    Prediction uses the plain logits, which then favour no class for being frequent. Meant for
    ``class_weights = "none"`` and ``sampler = "shuffle"``: with either of them classes are corrected for
    twice. A class without an image counts as half of one.
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
