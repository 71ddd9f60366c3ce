"""Local features (SIFT) of images, and how well those of two images agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 160
"""Longest side, in pixels, at which features are taken."""
MAX_FEATURES = 200
"""Number of features kept of an image, the strongest ones."""
LENGTH = 128
"""Numbers of a descriptor."""
CONTRAST = 0.01
"""Least contrast of a feature; low, because dermoscopic images are smooth."""
RATIO = 0.8
"""Largest distance of a match, relative to that of the second best match."""
ERROR = 4.0
"""Largest distance, in pixels, of a matched point from where the movement puts it."""
STRETCH, SCALE = 2.0, 6.0
"""Largest ratio of the two scales of a movement, and largest scale."""
_FLIP = np.array([-1, 1], dtype=np.float32)
_MIRROR = np.arange(LENGTH).reshape(4, 4, 8)[::-1][..., (-np.arange(8)) % 8].reshape(-1)
"""Order of a descriptor's numbers in the mirrored image: rows swap sides, angles change sign."""


@dataclass(frozen=True)
class Features:
    """Local features of one image.

    Attributes
    ----------
    points
        Positions in pixels, shape (k, 2).
    descriptors
        SIFT descriptors, shape (k, 128), uint8.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(frozen=True)
class Match:
    """Agreement of two images: number of points that fit one movement, and whether it mirrors the image."""

    inliers: int
    mirrored: bool


class Extractor:
    """Take features of one image at a time; each thread needs its own."""

    def __init__(self) -> None:
        self._sift: Any = cv2.SIFT.create(nfeatures=MAX_FEATURES, contrastThreshold=CONTRAST)

    def __call__(self, image: Image.Image) -> Features:
        """Return the features of an RGB image."""
        grey = image.convert("L")
        grey.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        points, descriptors = self._sift.detectAndCompute(np.asarray(grey), None)
        if not points:
            return Features(np.zeros((0, 2), np.float32), np.zeros((0, LENGTH), np.uint8))
        kept = slice(0, MAX_FEATURES)
        return Features(
            np.array([p.pt for p in points], dtype=np.float32)[kept], descriptors[kept].astype(np.uint8)
        )


def compare(one: Features, other: Features) -> Match:
    """Count the points of two images that agree on one movement, plain or mirrored, whichever has more."""
    a, b = unit(one.descriptors), unit(other.descriptors)
    plain = _agreeing(one.points, other.points, a, b)
    flipped = _agreeing(one.points * _FLIP, other.points, mirrored(a), b)
    return Match(flipped, mirrored=True) if flipped > plain else Match(plain, mirrored=False)


def unit(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return descriptors of norm 1, shape as ``descriptors``."""
    values = descriptors.astype(np.float32)
    norm = np.sqrt(np.einsum("ij,ij->i", values, values))
    scaled: NDArray[np.float32] = values / np.maximum(norm, 1.0)[:, None]
    return scaled


def mirrored(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the descriptors that the same points have in the mirrored image."""
    return descriptors[:, _MIRROR]


def _agreeing(
    from_: NDArray[np.float32], to: NDArray[np.float32], a: NDArray[np.float32], b: NDArray[np.float32]
) -> int:
    if min(len(a), len(b)) < 3:
        return 0
    cosine = a @ b.T
    rows = np.arange(len(a))
    best = cosine.argmax(axis=1)
    top = cosine[rows, best]
    cosine[rows, best] = -1.0
    second = cosine.max(axis=1)
    good = (1 - top) <= RATIO**2 * (1 - second)
    return _inliers(from_[good], to[best[good]])


def _inliers(a: NDArray[np.float32], b: NDArray[np.float32]) -> int:
    """Return the number of distinct points that agree on one affine movement."""
    if len(a) < 6:
        return 0
    movement: Any
    movement, agree = cv2.estimateAffine2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=ERROR, maxIters=1000)
    if movement is None:
        return 0
    large, small = np.linalg.svd(movement[:, :2], compute_uv=False)
    if small <= 0 or large / small > STRETCH or not 1 / SCALE <= small <= large <= SCALE:
        return 0
    inside = agree.ravel() > 0
    return min(_distinct(a[inside]), _distinct(b[inside]))


def _distinct(points: NDArray[np.float32]) -> int:
    """Count points at different places; one corner may have several features, one an orientation."""
    return len(np.unique(np.rint(points), axis=0))
