"""Texture, hair, light and blur of a photograph of skin; none of them depends on skin type."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from dermbench.data.synth.colour import Field
    from dermbench.data.synth.shapes import Frame

COARSE, FINE = 9, 40
"""Number of cells across the picture, for mottling and for the grain of the skin."""
MEAN_HAIRS = 5.0


def texture(size: int, rng: np.random.Generator) -> Field:
    """Return mottling, grain and pores as an offset in CIELAB, shape (size, size, 3)."""
    mottle = np.stack([smooth(size, COARSE, rng) for _ in range(3)], axis=-1) * (1.1, 0.9, 0.7)
    grain = rng.uniform(0.4, 1.2) * smooth(size, FINE, rng)
    pores = (rng.random((size, size)) < 0.006 * (128 / size) ** 2).astype(float)
    dots = ndimage.gaussian_filter(pores, 0.8 * size / 128, mode="nearest", truncate=3.0)
    mottle[..., 0] += grain - rng.uniform(4, 16) * dots * (size / 128) ** 2
    return mottle


def smooth(size: int, cells: int, rng: np.random.Generator) -> Field:
    """Return noise without detail finer than a cell: mean 0, standard deviation 1, shape (size, size)."""
    basis = _basis(size, cells)
    return basis @ rng.normal(size=(basis.shape[1], basis.shape[1])) @ basis.T


@cache
def _basis(size: int, cells: int) -> Field:
    """Return bell curves around the centres of the cells; the squares of each row sum to 1."""
    at = (np.arange(size) + 0.5) * cells / size
    middles = np.arange(-2, cells + 2) + 0.5
    bells = np.exp(-0.5 * ((at[:, None] - middles) / 0.6) ** 2)
    basis: Field = bells / np.sqrt((bells**2).sum(axis=1, keepdims=True))
    return basis


def hair(frame: Frame, rng: np.random.Generator, *, density: float) -> Field:
    """Return the share of each pixel that hairs cover, 0-1, shape (size, size).

    Parameters
    ----------
    frame
        Coordinates; hair is fixed to the skin in all views.
    rng
        Draws number (Poisson), direction (one per patch of skin, with spread), length and bend.
    density
        Multiplier of the mean number.
    """
    comb, cover = rng.uniform(0, 2 * np.pi), np.zeros_like(frame.x)
    tendency = rng.gamma(0.6, 1 / 0.6)
    for _ in range(min(int(rng.poisson(MEAN_HAIRS * tendency * density)), 60)):
        turn = comb + rng.normal(0, 0.35)
        x, y = rng.uniform(-1.2, 1.2, 2)
        bend, reach, width = rng.normal(0, 0.35), rng.uniform(0.25, 0.7), rng.uniform(0.009, 0.018)
        along = np.cos(turn) * (frame.x - x) + np.sin(turn) * (frame.y - y)
        aside = np.cos(turn) * (frame.y - y) - np.sin(turn) * (frame.x - x) - bend * along * along
        strand = np.clip(1.0 - np.abs(aside) / (2 * width), 0, 1) * (np.abs(along) < reach)
        np.maximum(cover, strand, out=cover)
    return cover


def lighting(size: int, rng: np.random.Generator) -> Field:
    """Return exposure, a gradient, vignetting and the white balance's error as an offset in CIELAB."""
    turn, slope, corner = rng.uniform(0, 2 * np.pi), rng.uniform(0, 3.0), rng.uniform(0, 2.0)
    axis = (np.arange(size) + 0.5) * 2 / size - 1
    u, v = axis[None, :], axis[:, None]
    light = slope * (np.cos(turn) * u + np.sin(turn) * v) - corner * (u * u + v * v)
    shift = rng.uniform(-1, 1, 3) * (2.0, 0.9, 1.5)
    return np.stack([light + shift[0], np.full_like(light, shift[1]), np.full_like(light, shift[2])], axis=-1)


def blur(image: Field, sigma: float) -> Field:
    """Blur with a Gaussian of ``sigma`` pixels; linear, so it scales CIELAB differences alike for every skin."""
    blurred: Field = ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=3.0)
    return blurred
