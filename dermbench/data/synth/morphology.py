"""Draw colour and relief of the primary morphologies: shapes on skin, not diseases."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dermbench.data.synth.shapes import Frame, Relief, dome, outline, scatter, speckle, step, tint

if TYPE_CHECKING:
    from dermbench.data.synth.colour import Field

Draw = Callable[[Frame, np.random.Generator], Relief]
"""A morphology: a function of coordinates and the lesion's random stream.

The number of draws must not depend on the frame, so that every view shows the same lesion."""

MORPHOLOGIES: dict[str, Draw] = {}
"""All morphologies by name."""

ERYTHEMA = (-5.0, 13.0, 2.5)
PIGMENT = (-15.0, 3.0, 2.0)
PALLOR = (6.0, -5.0, -1.0)
PUS = (10.0, -6.0, 11.0)
FLAKE = (12.0, -6.0, -7.0)
SORE = (-12.0, 13.0, 3.0)
SLOUGH = (6.0, -2.0, 9.0)
CLEAR = (4.0, -3.0, -3.0)


def _register(draw: Draw) -> Draw:
    MORPHOLOGIES[draw.__name__] = draw
    return draw


def _hue(rng: np.random.Generator, *, redness: float) -> tuple[float, float, float]:
    """Draw a colour between pigment and erythema; ``redness`` is the mean share of erythema."""
    share = float(np.clip(redness + 0.35 * rng.uniform(-1, 1), 0.0, 1.0))
    mix = share * np.asarray(ERYTHEMA) + (1 - share) * np.asarray(PIGMENT)
    return float(mix[0]), float(mix[1]), float(mix[2])


def _mottled(frame: Frame, rng: np.random.Generator, amount: float) -> Field:
    return np.clip(1.0 + amount * speckle(frame, rng, cells=22), 0.2, 1.6)


@_register
def macule(frame: Frame, rng: np.random.Generator) -> Relief:
    """Flat spot of another colour."""
    hue, radius, soft = _hue(rng, redness=0.45), rng.uniform(0.2, 0.5), rng.uniform(0.05, 0.3)
    rho = outline(frame, rng, radius=radius, rough=0.09)
    body = step(rho, 1 + soft, 1 - soft) * _mottled(frame, rng, 0.15)
    return Relief(tint(body, hue), np.zeros_like(rho))


@_register
def papule(frame: Frame, rng: np.random.Generator) -> Relief:
    """One to four small domes."""
    hue, radius = _hue(rng, redness=0.6), rng.uniform(0.11, 0.22)
    points = scatter(rng, most=int(rng.integers(1, 5)), spread=0.55, apart=2.2 * radius)
    colour, height = np.zeros((*frame.x.shape, 3)), np.zeros_like(frame.x)
    for x, y in points:
        rho = outline(frame.around(x, y), rng, radius=radius, rough=0.04)
        colour += tint(step(rho, 1.2, 0.7), hue)
        height += 0.75 * radius * dome(rho)
    return Relief(colour, height)


@_register
def plaque(frame: Frame, rng: np.random.Generator) -> Relief:
    """Broad plateau with a steep edge."""
    hue, radius = _hue(rng, redness=0.65), rng.uniform(0.35, 0.65)
    rho = outline(frame, rng, radius=radius, rough=0.08)
    rise = step(rho, 1.06, 0.82)
    body = rise * _mottled(frame, rng, 0.2)
    return Relief(tint(body, hue), 0.09 * rise * (1 + 0.12 * speckle(frame, rng, cells=30)))


@_register
def nodule(frame: Frame, rng: np.random.Generator) -> Relief:
    """One large dome, little coloured."""
    hue, radius = _hue(rng, redness=0.6), rng.uniform(0.26, 0.5)
    rho = outline(frame, rng, radius=radius, rough=0.04)
    body = step(rho, 1.15, 0.6) * rng.uniform(0.35, 0.9)
    return Relief(tint(body, hue), 0.62 * radius * dome(rho))


@_register
def vesicle(frame: Frame, rng: np.random.Generator) -> Relief:
    """Group of small clear blisters on a red ground."""
    return _group(frame, rng, filling=CLEAR, halo=0.5)


@_register
def pustule(frame: Frame, rng: np.random.Generator) -> Relief:
    """Group of small domes filled with pus, each with a red halo."""
    return _group(frame, rng, filling=PUS, halo=1.0)


def _group(frame: Frame, rng: np.random.Generator, *, filling: tuple[float, float, float], halo: float) -> Relief:
    radius, most = rng.uniform(0.07, 0.13), int(rng.integers(3, 10))
    ground = step(outline(frame, rng, radius=0.6, rough=0.12), 1.15, 0.5) * rng.uniform(0.2, 0.6) * (1.4 - halo)
    colour, height = tint(ground, ERYTHEMA), np.zeros_like(frame.x)
    for x, y in scatter(rng, most=most, spread=0.5, apart=2.1 * radius):
        size = radius * rng.uniform(0.8, 1.2)
        rho = np.hypot(frame.x - x, frame.y - y) / size
        filled = step(rho, 1.0, 0.7)
        colour *= (1 - filled)[..., None]
        colour += tint(filled, filling) + tint(halo * step(rho, 2.0, 1.0) * (1 - filled), ERYTHEMA)
        height += 0.55 * size * dome(rho)
    return Relief(colour, height, gloss=8.0)


@_register
def wheal(frame: Frame, rng: np.random.Generator) -> Relief:
    """Smooth irregular swelling, pale in the middle, with a red flare."""
    radius, pale = rng.uniform(0.35, 0.6), rng.uniform(0.3, 1.0)
    rho = outline(frame, rng, radius=radius, rough=0.14)
    flare = step(rho, 1.6, 1.0) * step(rho, 0.55, 1.0)
    centre = step(rho, 1.0, 0.4)
    return Relief(
        tint(flare * rng.uniform(0.6, 1.0), ERYTHEMA) + tint(pale * centre, PALLOR), 0.1 * step(rho, 1.1, 0.6)
    )


@_register
def annular(frame: Frame, rng: np.random.Generator) -> Relief:
    """Ring with a clearer centre."""
    hue, radius, width = _hue(rng, redness=0.75), rng.uniform(0.35, 0.62), rng.uniform(0.12, 0.26)
    rho = outline(frame, rng, radius=radius, rough=0.08)
    ring = step(rho, 1.12, 0.98) * step(rho, 1 - width - 0.2, 1 - width)
    filled = rng.uniform(0.0, 0.35) * step(rho, 1.0, 0.9)
    body = np.maximum(ring, filled) * _mottled(frame, rng, 0.2)
    return Relief(tint(body, hue), 0.06 * ring)


@_register
def scale(frame: Frame, rng: np.random.Generator) -> Relief:
    """Red patch under white flakes."""
    radius, cover = rng.uniform(0.35, 0.62), rng.uniform(0.0, 0.9)
    rho = outline(frame, rng, radius=radius, rough=0.1)
    rise = step(rho, 1.08, 0.85)
    flakes = step(speckle(frame, rng, cells=34) + 0.7 * speckle(frame, rng, cells=60), cover, cover + 0.5) * rise
    colour = tint(rise * (1 - flakes), ERYTHEMA) + tint(flakes, FLAKE)
    return Relief(colour, 0.05 * rise + 0.02 * flakes)


@_register
def ulcer(frame: Frame, rng: np.random.Generator) -> Relief:
    """Crater with a raised rim, red to yellow at its base."""
    radius, slough = rng.uniform(0.25, 0.5), rng.uniform(0.0, 1.2)
    rho = outline(frame, rng, radius=radius, rough=0.12)
    base, rim = step(rho, 1.0, 0.8), step(rho, 1.4, 1.1) * step(rho, 0.85, 1.05)
    patches = step(speckle(frame, rng, cells=18), slough, slough + 0.8) * base
    colour = tint(base * (1 - patches), SORE) + tint(patches, SLOUGH) + tint(0.7 * rim, ERYTHEMA)
    return Relief(colour, 0.06 * rim - 0.13 * base)
