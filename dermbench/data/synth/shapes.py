"""Geometry of lesions: coordinates that stay with the lesion, outlines, domes, speckle, shading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from dermbench.data.synth.colour import Field

REACH = 1.9
"""Half width of the square that speckle covers, in the coordinates of :class:`Frame`."""


@dataclass(frozen=True)
class Frame:
    """Coordinates of every pixel on the skin, so that a lesion looks the same in every view.

    Attributes
    ----------
    x, y
        Shape (size, size); 1 is half the picture's width at zoom 1.
    """

    x: Field
    y: Field

    def around(self, x: float, y: float) -> Frame:
        """Return the frame with its origin moved to (x, y)."""
        return Frame(self.x - x, self.y - y)


@dataclass(frozen=True)
class Relief:
    """Colour and height of a lesion.

    Attributes
    ----------
    colour
        Offset from the surrounding skin in CIELAB, shape (size, size, 3).
    height
        Elevation in the coordinates of :class:`Frame`, shape (size, size).
    gloss
        Change of L* where the relief mirrors the light.
    """

    colour: Field
    height: Field
    gloss: float = 0.0


def view_frame(size: int, rng: np.random.Generator) -> Frame:
    """Draw one camera position: rotation, distance, aim and a slant of up to about 35 degrees."""
    turn, tilt = rng.uniform(0, 2 * np.pi, 2)
    zoom, squash = rng.uniform(0.85, 1.2), rng.uniform(0.82, 1.0)
    aim = rng.uniform(-0.14, 0.14, 2)
    axis = (np.arange(size) + 0.5) * 2 / size - 1
    u, v = np.meshgrid(axis - aim[0], axis - aim[1])
    along, across = np.cos(tilt) * u + np.sin(tilt) * v, np.cos(tilt) * v - np.sin(tilt) * u
    along, across = along / zoom, across / (zoom * squash)
    return Frame(np.cos(turn) * along - np.sin(turn) * across, np.sin(turn) * along + np.cos(turn) * across)


def step(value: Field, low: float, high: float) -> Field:
    """Return a smooth step from 0 at ``low`` to 1 at ``high``; it falls when ``low > high``."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def outline(frame: Frame, rng: np.random.Generator, *, radius: float, rough: float) -> Field:
    """Return the distance from the centre, relative to that of the border in the same direction.

    Parameters
    ----------
    frame
        Coordinates.
    rng
        Draws the border: an ellipse with waves of 2 to 7 periods.
    radius
        Mean radius.
    rough
        Relative height of the waves; 0 is a circle.
    """
    height = rough * rng.normal(size=6) / np.sqrt(np.arange(1, 7))
    waves = height * np.exp(1j * rng.uniform(0, 2 * np.pi, 6))
    distance = np.maximum(np.hypot(frame.x, frame.y), 1e-9)
    turn = (frame.x + 1j * frame.y) / distance  # the k-th power has k periods, cheaper than cosines
    wave, power = np.zeros_like(turn), turn
    for factor in waves:
        power = power * turn
        wave += factor * power
    rho: Field = distance / (radius * np.maximum(1.0 + wave.real, 0.35))
    return rho


def dome(rho: Field) -> Field:
    """Return a dome of height 1 over ``rho < 1`` with a rounded foot."""
    inside = np.clip(1.0 - rho * rho, 0.0, 1.0)
    return inside * np.sqrt(inside)


def speckle(frame: Frame, rng: np.random.Generator, *, cells: int) -> Field:
    """Return smooth noise that is fixed to the skin: mean 0, standard deviation about 1.

    Parameters
    ----------
    frame
        Coordinates.
    rng
        Draws one number a cell.
    cells
        Cells across the square of half width :data:`REACH`.
    """
    grid = rng.normal(size=(cells, cells))
    scale = cells / (2 * REACH)
    at = [(frame.y + REACH) * scale, (frame.x + REACH) * scale]
    noise: Field = 1.7 * ndimage.map_coordinates(grid, at, order=3, mode="grid-wrap", prefilter=False)
    return noise


def scatter(rng: np.random.Generator, *, most: int, spread: float, apart: float) -> np.ndarray:
    """Draw up to ``most`` points within ``spread`` of the origin, no two nearer than ``apart``.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2), at least one point.
    """
    radius, angle = spread * np.sqrt(rng.random(4 * most)), rng.uniform(0, 2 * np.pi, 4 * most)
    kept: list[np.ndarray] = []
    for point in np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1):
        if len(kept) < most and all(np.hypot(*(point - other)) >= apart for other in kept):
            kept.append(point)
    return np.array(kept)


def shade(height: Field, light: tuple[float, float]) -> Field:
    """Return the change of lightness of a relief under light from one side (Lambert, small slopes)."""
    down, right = np.gradient(height, 2.0 / len(height))
    slope = -(right * light[0] + down * light[1])
    change: Field = slope / np.sqrt(1.0 + 0.35 * slope * slope)
    return change


def tint(weight: Field, colour: tuple[float, float, float]) -> Field:
    """Multiply a CIELAB offset by a weight of each pixel, shape (size, size, 3)."""
    offset: Field = weight[..., None] * np.asarray(colour)
    return offset
