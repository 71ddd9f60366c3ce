"""Augment batches: an affine map of pixels and one of colours are drawn for every image.

Parameters are drawn on the CPU, so that they are the same on any device.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812 - the usual name

if TYPE_CHECKING:
    from torch import Tensor

    from dermbench.training.config.train_config import Augment

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey value (ITU-R BT.601)."""


def draw_affine(augment: Augment, n: int, generator: torch.Generator) -> Tensor:
    """Draw maps from output to input coordinates (both in [-1, 1]), shape (n, 2, 3).

    The crop lies inside the image; it is then rotated about its own centre and flipped.
    """
    scale = _uniform(n, augment.crop_scale, 1.0, generator)
    log_ratio = _uniform(n, -math.log(augment.crop_ratio), math.log(augment.crop_ratio), generator)
    width = (scale * log_ratio.exp()).sqrt().clamp(max=1.0)
    height = (scale / log_ratio.exp()).sqrt().clamp(max=1.0)
    shift_x = _uniform(n, -1.0, 1.0, generator) * (1 - width)
    shift_y = _uniform(n, -1.0, 1.0, generator) * (1 - height)
    angle = _uniform(n, -augment.rotation, augment.rotation, generator) * (math.pi / 180)
    flip_x = _sign(n, augment.flip_horizontal, generator)
    flip_y = _sign(n, augment.flip_vertical, generator)
    cos, sin = angle.cos(), angle.sin()
    row_x = torch.stack([cos * width * flip_x, -sin * width * flip_y, shift_x], dim=1)
    row_y = torch.stack([sin * height * flip_x, cos * height * flip_y, shift_y], dim=1)
    return torch.stack([row_x, row_y], dim=1)


def draw_colour(augment: Augment, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw colour maps ``matrix @ rgb + share * mean grey``, shapes (n, 3, 3) and (n,)."""
    brightness = _uniform(n, 1 - augment.brightness, 1 + augment.brightness, generator)
    contrast = _uniform(n, 1 - augment.contrast, 1 + augment.contrast, generator)
    saturation = _uniform(n, 1 - augment.saturation, 1 + augment.saturation, generator)
    angle = _uniform(n, -augment.hue, augment.hue, generator) * (2 * math.pi)
    grey = torch.tensor(LUMA).expand(3, 3)
    identity = torch.eye(3)
    saturate = saturation.view(n, 1, 1) * identity + (1 - saturation).view(n, 1, 1) * grey
    matrix = _hue_rotation(angle) @ saturate * (brightness * contrast).view(n, 1, 1)
    return matrix, brightness * (1 - contrast)


def augment_batch(
    images: Tensor, augment: Augment, size: int, generator: torch.Generator, *, start: int = 0, total: int = 0
) -> Tensor:
    """Return augmented images in [0, 1], shape (n, 3, size, size); reflection fills the corners of rotations.

    The images are rows ``start`` to ``start + n`` of a batch of ``total`` images (0: n). The augmentation of a row
    does not depend on how the batch is divided. The CPU ``generator`` is the only source of randomness.
    """
    n = len(images)
    rows, whole = slice(start, start + n), max(n, total)
    theta = draw_affine(augment, whole, generator)[rows].to(images.device)
    matrix, share = (t[rows].to(images.device) for t in draw_colour(augment, whole, generator))
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    recolours = augment.brightness or augment.contrast or augment.saturation or augment.hue
    return _recolour(images, matrix, share) if recolours else images


def resize_batch(images: Tensor, size: int) -> Tensor:
    """Return whole images at side ``size`` (antialiased), without augmentation."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def _recolour(images: Tensor, matrix: Tensor, share: Tensor) -> Tensor:
    luma = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    mean_grey = (images * luma).sum(dim=1).mean(dim=(1, 2))
    pixels = images.permute(0, 2, 3, 1).flatten(1, 2)  # (n, pixels, 3): a view of channels-last memory
    mixed = torch.baddbmm((share * mean_grey).view(-1, 1, 1), pixels, matrix.transpose(1, 2)).clamp_(0, 1)
    return mixed.view(len(images), *images.shape[-2:], 3).permute(0, 3, 1, 2)


def _hue_rotation(angle: Tensor) -> Tensor:
    """Return the rotations of RGB about the grey axis, shape (n, 3, 3) (Rodrigues' formula)."""
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    axis = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    return cos * torch.eye(3) + (1 - cos) * axis + sin * cross


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _sign(n: int, flips: bool, generator: torch.Generator) -> Tensor:  # noqa: FBT001
    drawn = torch.rand(n, generator=generator) < 0.5
    return torch.where(drawn & flips, -1.0, 1.0)
