"""Fingerprints: size, grey levels and thumbnail of an image, kept so that it is decoded only once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAFT = 96
"""Shortest side, in pixels, at which grey levels are measured; JPEGs are decoded no smaller than this."""
SIDE = 32
"""Side of the square thumbnail in pixels; the image is squeezed to fit."""
RECORD = np.dtype(
    [
        ("width", "<i4"),
        ("height", "<i4"),
        ("mean", "<f4"),
        ("sd", "<f4"),
        ("sharpness", "<f4"),
        ("thumbnail", "u1", (SIDE, SIDE, 3)),
    ]
)
"""One fingerprint in memory and in a file."""


@dataclass(frozen=True)
class Fingerprint:
    """Measurements of one image.

    Attributes
    ----------
    width, height
        Upright size in pixels.
    mean, sd
        Mean and standard deviation of the grey levels (0 to 255).
    sharpness
        Variance of the Laplacian of the grey levels, low for a blurred image. It is measured at a shortest side
        of :data:`DRAFT` pixels, or at the size of a smaller image.
    thumbnail
        The image in RGB, squeezed to a square, shape (32, 32, 3), uint8.
    """

    width: int
    height: int
    mean: float
    sd: float
    sharpness: float
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints and problems of many images; rows are images.

    Attributes
    ----------
    sha256
        ``sha256:<hex>`` of the bytes, None for a file that cannot be read.
    problem
        Why an image is of no use, None where it decodes.
    records
        Fingerprints as :data:`RECORD`, shape (n,); zeros where there is a problem.
    """

    sha256: tuple[str | None, ...]
    problem: tuple[str | None, ...]
    records: NDArray[np.void]

    @property
    def thumbnails(self) -> NDArray[np.uint8]:
        """Thumbnails, shape (n, 32, 32, 3)."""
        found: NDArray[np.uint8] = self.records["thumbnail"]
        return found

    @property
    def decoded(self) -> NDArray[np.bool_]:
        """Whether each image decodes, shape (n,)."""
        return np.array([problem is None for problem in self.problem], dtype=bool)


def take(image: Image.Image, size: tuple[int, int]) -> Fingerprint:
    """Return the fingerprint of an upright RGB image whose file has ``size``."""
    grey = image.convert("L")
    share = DRAFT / min(grey.size)
    if share < 1:
        small = tuple(max(1, round(side * share)) for side in grey.size)
        grey = grey.resize((small[0], small[1]), Image.Resampling.BOX)
    levels = np.asarray(grey)
    mean, variance = _moments(levels)
    thumbnail = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    return Fingerprint(*size, mean, math.sqrt(variance), _sharpness(levels), thumbnail)


def as_records(prints: Sequence[Fingerprint | None]) -> NDArray[np.void]:
    """Return fingerprints as :data:`RECORD`, shape (n,); zeros for None."""
    records = np.zeros(len(prints), dtype=RECORD)
    for i, found in enumerate(prints):
        if found is not None:
            records[i] = (found.width, found.height, found.mean, found.sd, found.sharpness, found.thumbnail)
    return records


def _moments(values: NDArray[np.uint8] | NDArray[np.int16]) -> tuple[float, float]:
    """Return mean and variance of whole numbers, from sums that double precision holds without rounding."""
    flat = values.astype(np.float64).ravel()
    mean = float(flat.sum()) / flat.size
    return mean, max(0.0, float(flat @ flat) / flat.size - mean * mean)


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of grey levels, 0 for an image of fewer than 3 pixels across."""
    height, width = grey.shape
    if min(height, width) < 3:
        return 0.0
    levels = grey.astype(np.int16).ravel()  # flat is faster: pixels above and below are one width apart
    laplacian = levels[width:-width] * -4
    laplacian += levels[: -2 * width]
    laplacian += levels[2 * width :]
    laplacian[1:] += levels[width : -width - 1]
    laplacian[:-1] += levels[width + 1 : -width]
    return _moments(laplacian.reshape(height - 2, width)[:, 1:-1])[1]
