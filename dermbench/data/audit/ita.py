"""Estimate the individual typology angle (ITA) of the skin on a photograph from its thumbnail.

ITA = arctan((L* - 50) / b*), in degrees, from a CIELAB colour; it is larger for lighter skin. Thumbnail pixels
count as skin when a* and b* have a hue from 15 to 90 degrees and a chroma from 5 to 50, and L* is from 15 to 97.
The estimate is the median angle of the brighter half of these pixels, which leaves out most of the lesion and the
shadows. It is undefined (NaN) with fewer than :data:`MIN_PIXELS` such pixels.

On 3,600 drawn images with a known angle the mean error was +0.6 degrees and the mean absolute error 2.7 degrees.

White balance, exposure and light change the angle by as much as two skin types. The estimate is therefore only
compared with annotated types; it never becomes a skin type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from dermbench.artifacts.audit import AngleTable, KnownAngle, SkinAngle
from dermbench.artifacts.skin import ITA_FIVE, ITA_SIX
from dermbench.data.synth.colour import DELTA, TO_XYZ, WHITE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.data.audit.tones import Tone

HUE, CHROMA, LIGHTNESS = (15.0, 90.0), (5.0, 50.0), (15.0, 97.0)
"""Ranges of skin colour."""
MIN_PIXELS = 50
"""Number of skin-coloured pixels, of 1,024, that an estimate needs."""
BLOCK = 64
"""Thumbnails that are converted at a time."""
GREY = 6.0
"""Chroma below which a colour is grey, black or white."""
WIDE_HUE, WIDE_CHROMA, WIDE_LIGHTNESS = (-25.0, 100.0), 4.0, 8.0
"""Ranges of skin colour under coloured light."""


_LEVELS = np.arange(256) / 255.0
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_WEIGHTS = (TO_XYZ / WHITE[:, None]).astype(np.float32)


@dataclass(frozen=True)
class Colours:
    """Measurements of the colours of thumbnails; arrays of shape (n,).

    Attributes
    ----------
    ita
        Estimated angle in degrees, NaN where it is undefined.
    ita_n
        Number of skin-coloured pixels.
    skin
        Share of pixels that could be skin, under light of any colour.
    flat
        Share of colourless pixels that are nearly white or nearly black.
    """

    ita: NDArray[np.float64]
    ita_n: NDArray[np.intp]
    skin: NDArray[np.float64]
    flat: NDArray[np.float64]


def colours(thumbnails: NDArray[np.uint8]) -> Colours:
    """Measure the colours of thumbnails, shape (n, height, width, 3), sRGB."""
    if not len(thumbnails):
        none = np.empty(0)
        return Colours(none, none.astype(np.intp), none, none)
    parts = [_measured(thumbnails[start : start + BLOCK]) for start in range(0, len(thumbnails), BLOCK)]
    ita, ita_n, skin, flat = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Colours(ita, ita_n.astype(np.intp), skin, flat)


def skin_angle(ita: pd.Series, tones: Sequence[Tone], known: pd.Series | None) -> SkinAngle:
    """Compare the estimated angle with every column of annotated skin tone.

    Parameters
    ----------
    ita
        Estimates in degrees, missing where undefined.
    tones
        Columns of skin tone.
    known
        The column ``ita`` of the manifest, if it has one.
    """
    tables = [table for tone in tones if (table := _table(ita, tone)) is not None]
    return SkinAngle(
        n=int(ita.notna().sum()),
        n_without=int(ita.isna().sum()),
        classes_six=ITA_SIX[1],
        classes_five=ITA_FIVE[1],
        tables=tuple(tables),
        known=None if known is None else _known(ita, known),
    )


def angle_class(ita: NDArray[np.float64], scale: tuple[Sequence[int], Sequence[str]]) -> NDArray[np.intp]:
    """Return the class number of each angle; class 0 is the darkest."""
    return np.searchsorted(scale[0], ita, side="left").astype(np.intp)


def to_lab(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return L*, a* and b* of 8-bit sRGB pixels, shape (..., 3).

    In single precision and with a look-up table, faster than :func:`~dermbench.data.synth.colour.rgb_to_lab`.
    """
    red, green, blue = (_LINEAR[pixels[..., i]] for i in range(3))
    xyz = (row[0] * red + row[1] * green + row[2] * blue for row in _WEIGHTS)
    fx, fy, fz = (np.where(v > DELTA**3, np.cbrt(v), v / (3 * DELTA**2) + 4 / 29) for v in xyz)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _measured(thumbnails: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
    light, a, b = to_lab(thumbnails.reshape(len(thumbnails), -1, 3))
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a))
    skin = _within(hue, HUE) & _within(chroma, CHROMA) & _within(light, LIGHTNESS)
    wide = _within(hue, WIDE_HUE) & (chroma > WIDE_CHROMA) & (light > WIDE_LIGHTNESS)
    flat = (chroma < GREY) & ((light > 90) | (light < 20))
    angle = np.degrees(np.arctan2(light - 50.0, b))
    ita = np.array([_median(*row) for row in zip(angle, light, skin, strict=True)])
    return ita, skin.sum(axis=1), wide.mean(axis=1), flat.mean(axis=1)


def _within(values: NDArray[np.float32], ends: tuple[float, float]) -> NDArray[np.bool_]:
    return (values > ends[0]) & (values < ends[1])


def _median(angle: NDArray[np.float32], light: NDArray[np.float32], skin: NDArray[np.bool_]) -> float:
    if skin.sum() < MIN_PIXELS:
        return float("nan")
    bright = light[skin] >= np.median(light[skin])
    return float(np.median(angle[skin][bright]))


def _table(ita: pd.Series, tone: Tone) -> AngleTable | None:
    both = ita.notna().to_numpy() & (tone.codes >= 0)
    if not both.any():
        return None
    angle, codes = ita.to_numpy(dtype=np.float64)[both], tone.codes[both]
    constant = len(np.unique(codes)) < 2 or len(np.unique(angle)) < 2
    medians = pd.Series(angle).groupby(codes).median()
    return AngleTable(
        feature=tone.feature,
        n=int(both.sum()),
        spearman=None if constant else float(spearmanr(angle, codes).statistic),
        groups=tone.names,
        median=tuple(float(medians[i]) if i in medians.index else None for i in range(len(tone.names))),
        six=_counts(codes, angle_class(angle, ITA_SIX), len(tone.names), len(ITA_SIX[1])),
        five=_counts(codes, angle_class(angle, ITA_FIVE), len(tone.names), len(ITA_FIVE[1])),
    )


def _counts(
    rows: NDArray[np.intp], columns: NDArray[np.intp], n_rows: int, n_columns: int
) -> tuple[tuple[int, ...], ...]:
    table = np.zeros((n_rows, n_columns), dtype=np.intp)
    np.add.at(table, (rows, columns), 1)
    return tuple(tuple(map(int, row)) for row in table)


def _known(ita: pd.Series, known: pd.Series) -> KnownAngle | None:
    numbers = pd.to_numeric(known, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    apart = ita.to_numpy(dtype=np.float64, na_value=np.nan) - numbers
    apart = apart[~np.isnan(apart)]
    if not len(apart):
        return None
    return KnownAngle(n=len(apart), bias=float(apart.mean()), error=float(np.abs(apart).mean()))
