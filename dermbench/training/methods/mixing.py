"""Mixup and CutMix: learn from blends of two images and of their labels.

Images 0 and 1, 2 and 3, ... of a batch are blended; pairs are random, because each epoch has a random order. The
last of an odd number is not blended. As in the publications, λ (and the box) is drawn once for each batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field

from dermbench.training.methods.base import Method, MethodOptions, Targets

if TYPE_CHECKING:
    from torch import Tensor


class MixupOptions(MethodOptions):
    """Options of :class:`Mixup`: λ is drawn from Beta(mixup_alpha, mixup_alpha)."""

    mixup_alpha: float = Field(0.2, gt=0, le=100)


class Mixup(Method):
    """Learn from ``λ x_i + (1 - λ) x_j``, with labels mixed in the same way."""

    reference = "Zhang et al. 2018, mixup: beyond empirical risk minimization (ICLR)"
    Options: ClassVar[type[MethodOptions]] = MixupOptions
    options: MixupOptions

    def batch(self, images: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """Blend neighbours."""
        rng = draw_from(generator)
        share = float(rng.beta(self.options.mixup_alpha, self.options.mixup_alpha))
        partner = neighbours(len(images), images.device)
        mixed = torch.lerp(images[partner], images, share)
        return mixed, targets.softened(torch.lerp(targets.soft[partner], targets.soft, share))


class CutMixOptions(MethodOptions):
    """Options of :class:`CutMix`.

    The share λ of an image that is kept is drawn from Beta(cutmix_alpha, cutmix_alpha); ``cutmix_probability`` is
    the share of batches that are mixed.
    """

    cutmix_alpha: float = Field(1.0, gt=0, le=100)
    cutmix_probability: float = Field(1.0, gt=0, le=1)


class CutMix(Method):
    """Replace a box of an image by that of another, and mix the labels by the areas.

    The box has the share 1 - λ of the image's area and a random centre. It is cut off at the edges, and labels are
    mixed by the area that remains.
    """

    reference = "Yun et al. 2019, CutMix: regularization strategy to train strong classifiers (ICCV)"
    Options: ClassVar[type[MethodOptions]] = CutMixOptions
    options: CutMixOptions

    def batch(self, images: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """Exchange a box between neighbours."""
        rng = draw_from(generator)
        if rng.random() >= self.options.cutmix_probability:
            return images, targets
        side = images.shape[-1]
        half = side * math.sqrt(1 - rng.beta(self.options.cutmix_alpha, self.options.cutmix_alpha)) / 2
        (top, bottom), (left, right) = (_span(rng.random() * side, half, side) for _ in range(2))
        partner = neighbours(len(images), images.device)
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images[partner][..., top:bottom, left:right]
        kept = 1 - (bottom - top) * (right - left) / side**2
        return mixed, targets.softened(torch.lerp(targets.soft[partner], targets.soft, kept))


def neighbours(n: int, device: torch.device) -> Tensor:
    """Return the partner of each of ``n`` images: 1, 0, 3, 2, ...; the last of an odd number has itself."""
    place = torch.arange(n, device=device)
    return torch.where(place.bitwise_xor(1) < n, place.bitwise_xor(1), place)


def draw_from(generator: torch.Generator) -> np.random.Generator:
    """Return a numpy generator that is seeded from a torch generator."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))


def _span(centre: float, half: float, side: int) -> tuple[int, int]:
    return max(0, round(centre - half)), min(side, round(centre + half))
