"""Draw one image: a skin colour plus a CIELAB pattern with the same distribution for every skin type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.data.synth.colour import Field, draw_skin, lab_to_rgb, quantise
from dermbench.data.synth.morphology import MORPHOLOGIES
from dermbench.data.synth.shapes import Frame, shade, step, view_frame
from dermbench.data.synth.skin import blur, hair, lighting, texture
from dermbench.data.synth.streams import Stream, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.data.synth.dials import Dials
    from dermbench.data.synth.plan import Shot

LOWEST, HIGHEST = np.array([-15.0, -7.0, -8.0]), np.array([11.0, 15.0, 12.0])
"""Bounds of a lesion's offset; they keep the darkest and the lightest skin inside sRGB."""
SHADING = 6.0
"""Change of L* on a slope of 1 that faces the light."""
HAIR = np.array([-13.0, -2.0, -4.0])
"""Offset of a hair from the skin; unlike real hair, the same for every type."""


def render_lab(shot: Shot, dials: Dials) -> Field:
    """Draw an image in CIELAB, shape (size, size, 3).

    The image is the sum of one skin colour, drawn by type, and a pattern (lesion, texture, hair, light, noise)
    that is drawn without the type. Only ``fade`` multiplies the lesion's part of the pattern by type.
    """
    rng = stream(dials.seed, Stream.VIEW, shot.image)
    skin = np.array(draw_skin(shot.fst, stream(dials.seed, Stream.SKIN, shot.patient)))
    frame, turn = view_frame(dials.size, rng), rng.uniform(0, 2 * np.pi)
    lesion = lesion_offset(shot, frame, dials, light=(np.cos(turn), np.sin(turn)))
    pattern = dials.contrast_of(shot.fst) * lesion + texture(dials.size, rng)
    strands = hair(frame, stream(dials.seed, Stream.HAIR, shot.lesion), density=dials.hair)[..., None]
    pattern = (1 - strands) * pattern + strands * HAIR + lighting(dials.size, rng)
    pattern = blur(pattern, rng.uniform(0.3, 0.9) * dials.size / 128)
    grain = dials.noise * rng.uniform(0.4, 1.2) * rng.normal(size=pattern.shape)
    return skin + pattern + grain * (1.0, 0.7, 0.7)


def render_rgb(shot: Shot, dials: Dials) -> NDArray[np.uint8]:
    """Return :func:`render_lab` as 8-bit sRGB."""
    return quantise(lab_to_rgb(render_lab(shot, dials)))


def lesion_offset(shot: Shot, frame: Frame, dials: Dials, *, light: tuple[float, float]) -> Field:
    """Return the lesion's CIELAB offset from the skin before any dial; it does not depend on skin type."""
    rng = stream(dials.seed, Stream.LESION, shot.lesion)
    strength = rng.uniform(0.5, 1.1)
    relief = MORPHOLOGIES[shot.morphology](frame, rng)
    slope = shade(relief.height, light)
    offset = relief.colour.copy()
    offset[..., 0] += SHADING * slope + relief.gloss * step(slope, 0.45, 0.85)
    return np.clip(strength * offset, LOWEST, HIGHEST)
