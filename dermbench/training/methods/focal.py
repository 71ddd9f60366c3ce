"""Focal loss: less weight on what is already predicted well."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from dermbench.training.methods.base import Method, MethodOptions, Targets

if TYPE_CHECKING:
    from torch import Tensor


class FocalOptions(MethodOptions):
    """Options of :class:`Focal`.

    Attributes
    ----------
    focal_gamma
        Exponent gamma; 0 is the cross-entropy.
    """

    focal_gamma: float = Field(2.0, ge=0, le=10)


class Focal(Method):
    """Minimise ``-sum_c w_c t_c (1 - p_c)^gamma log p_c``.

    Class weights play the part of the publication's alpha.
    """

    reference = "Lin et al. 2017, Focal loss for dense object detection (ICCV)"
    Options: ClassVar[type[MethodOptions]] = FocalOptions
    options: FocalOptions

    def losses(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return the focal loss of each image."""
        log_p = logits.log_softmax(dim=1)
        focus = (1 - log_p.exp()).clamp(min=0) ** self.options.focal_gamma
        return -(log_p * focus * self.smoothed(targets)) @ self.class_weights
