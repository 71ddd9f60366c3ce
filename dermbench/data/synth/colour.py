"""CIELAB, sRGB, the individual typology angle, and the skin colours of the six Fitzpatrick types.

Conversions follow IEC 61966-2-1 (sRGB, D65) and CIE 15 (CIELAB); the individual typology angle is that of
Chardon, Cretois and Hourseau 1991, *Skin colour typology and suntanning pathways*, Int. J. Cosmet. Sci. 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
"""An image-sized array: (height, width), or (height, width, 3) in CIELAB."""

WHITE = np.array([0.95047, 1.0, 1.08883])
"""XYZ of the D65 white point, 2 degree observer."""
FROM_XYZ = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
TO_XYZ = np.linalg.inv(FROM_XYZ)
DELTA = 6 / 29


@dataclass(frozen=True)
class SkinRange:
    """Ranges of colour of one skin type, from which colours are drawn uniformly.

    Attributes
    ----------
    ita
        Individual typology angle in degrees.
    a, b
        Red-green and yellow-blue coordinate.
    """

    ita: tuple[float, float]
    a: tuple[float, float]
    b: tuple[float, float]


SKIN = {
    1: SkinRange((55.0, 60.0), (8.0, 11.0), (13.0, 16.0)),
    2: SkinRange((41.0, 55.0), (9.0, 12.0), (14.5, 17.5)),
    3: SkinRange((28.0, 41.0), (9.5, 12.5), (16.5, 19.5)),
    4: SkinRange((10.0, 28.0), (10.5, 13.5), (17.5, 20.5)),
    5: SkinRange((-30.0, 10.0), (10.0, 13.0), (15.5, 18.5)),
    6: SkinRange((-50.0, -30.0), (9.0, 12.0), (12.5, 15.5)),
}
"""Skin colour by Fitzpatrick type. The outer ends, 60 and -50 degrees, keep every lesion inside sRGB."""


def typology_angle(lightness: float, b: float) -> float:
    """Return ITA = arctan((L* - 50) / b*) in degrees, from -90 to 90 for positive ``b``."""
    return float(np.degrees(np.arctan2(lightness - 50.0, b)))


def draw_skin(fst: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the CIELAB colour of one person's skin.

    Parameters
    ----------
    fst
        Fitzpatrick skin type, 1-6.
    rng
        Generator; exactly three uniform numbers are drawn for every type.

    Returns
    -------
    tuple
        L*, a*, b*.
    """
    span = SKIN[fst]
    ita, a, b = (
        low + (high - low) * u for (low, high), u in zip((span.ita, span.a, span.b), rng.random(3), strict=True)
    )
    return float(50.0 + b * np.tan(np.radians(ita))), float(a), float(b)


def lab_to_rgb(lab: Field) -> Field:
    """Convert CIELAB to gamma-encoded sRGB, shape (..., 3); the result is in 0-1 inside the gamut."""
    fy = (lab[..., 0] + 16.0) / 116.0
    f = np.stack([fy + lab[..., 1] / 500.0, fy, fy - lab[..., 2] / 200.0], axis=-1)
    xyz = np.where(f > DELTA, f * f * f, 3 * DELTA**2 * (f - 4 / 29))
    linear = _mixed(xyz * WHITE, FROM_XYZ)
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    rgb: Field = np.where(linear <= 0.0031308, 12.92 * linear, bright)
    return rgb


def rgb_to_lab(rgb: Field) -> Field:
    """Convert gamma-encoded sRGB in 0-1 to CIELAB, shape (..., 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4)
    xyz = _mixed(linear, TO_XYZ) / WHITE
    f = np.where(xyz > DELTA**3, np.cbrt(xyz), xyz / (3 * DELTA**2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def _mixed(channels: Field, matrix: Field) -> Field:
    # written out, because a BLAS sums in an order that depends on the processor
    first, second, third = (channels[..., i, None] for i in range(3))
    mixed: Field = first * matrix[:, 0] + second * matrix[:, 1] + third * matrix[:, 2]
    return mixed


def quantise(rgb: Field) -> NDArray[np.uint8]:
    """Round sRGB to 8 bits a channel; values outside 0-1 are clipped."""
    return np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)
