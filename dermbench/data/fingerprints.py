"""Fingerprints: the little of an image that is kept once it was decoded, so that it need not be decoded again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAFT = 128
"""Shortest side at which grey levels are measured; a JPEG is transformed at a reduced size not below it."""
SIDE = 32
"""Side of the thumbnail, whatever the proportions of the image."""
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
    """What is kept of one image.

    Attributes
    ----------
    width, height
        Upright size in pixels.
    mean, sd
        Mean and standard deviation of the grey levels (0 to 255).
    sharpness
        Variance of the Laplacian of the grey levels, at a shortest side of :data:`DRAFT` pixels or, for a smaller
        image, its own: low for a blurred image.
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
    """What is known of many images; rows are images.

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
    mean, sd = _moments(grey)
    thumbnail = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    return Fingerprint(*size, mean, sd, _sharpness(np.asarray(grey).astype(np.int16)), thumbnail)


def as_records(prints: Sequence[Fingerprint | None]) -> NDArray[np.void]:
    """Return fingerprints as :data:`RECORD`, shape (n,); zeros for None."""
    records = np.zeros(len(prints), dtype=RECORD)
    for row, found in zip(records, prints, strict=True):
        if found is not None:
            row["width"], row["height"], row["mean"] = found.width, found.height, found.mean
            row["sd"], row["sharpness"], row["thumbnail"] = found.sd, found.sharpness, found.thumbnail
    return records


def _moments(grey: Image.Image) -> tuple[float, float]:
    """Return mean and standard deviation of the grey levels."""
    count = np.array(grey.histogram(), dtype=np.float64) / (grey.width * grey.height)
    level = np.arange(len(count))
    mean = float(count @ level)
    return mean, float(np.sqrt(count @ (level - mean) ** 2))


def _sharpness(levels: NDArray[np.int16]) -> float:
    """Return the variance of the Laplacian, 0 for an image of fewer than 3 pixels across."""
    if min(levels.shape) < 3:
        return 0.0
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1]
    laplacian += levels[1:-1, :-2]
    laplacian += levels[1:-1, 2:]
    laplacian -= 4 * levels[1:-1, 1:-1]
    return float(laplacian.astype(np.float32).var())
