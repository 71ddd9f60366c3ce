"""Test-time augmentation: views of an image whose probabilities are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MULTIPLE = 4
"""Scaled sides are multiples of this many pixels."""


@dataclass(frozen=True)
class View:
    """One view of images (n, 3, side, side): turned, at ``scale`` times the side of training."""

    turn: Callable[[Tensor], Tensor]
    scale: float = 1.0

    def side(self, size: int) -> int:
        """Return the side in pixels for a network trained at ``size``."""
        return size if self.scale == 1 else round(size * self.scale / MULTIPLE) * MULTIPLE


def _turned(images: Tensor, *, quarters: int = 0, mirror: bool = False) -> Tensor:
    turned = torch.rot90(images, quarters, dims=(2, 3)) if quarters else images
    return turned.flip(3) if mirror else turned


PLAIN = View(_turned)
MIRRORED = View(partial(_turned, mirror=True))
DIHEDRAL = tuple(View(partial(_turned, quarters=q, mirror=m)) for q in range(4) for m in (False, True))
VIEWS: Mapping[str, tuple[View, ...]] = {
    "none": (PLAIN,),
    "mirror": (PLAIN, MIRRORED),
    "flips": tuple(View(partial(_turned, quarters=q, mirror=m)) for q in (0, 2) for m in (False, True)),
    "dihedral": DIHEDRAL,
    "sizes": tuple(View(_turned, scale) for scale in (0.875, 1.0, 1.125)),
    "sizes-mirror": tuple(
        View(partial(_turned, mirror=m), scale) for scale in (0.875, 1.0, 1.125) for m in (False, True)
    ),
}
"""Sets of views by name.

``flips`` has the four images of horizontal and vertical flips, ``dihedral`` the eight of quarter turns and flips;
``sizes`` has three sizes, for networks without a fixed input size.
"""
