"""Render images to files in parallel: same bytes for any number of processes, all files or none."""

from __future__ import annotations

import io
import re
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING

from joblib import Parallel, delayed
from PIL import Image, ImageEnhance

from dermbench.artifacts.manifest import IMAGES
from dermbench.data.made_images import made_images
from dermbench.data.synth.render import render_rgb
from dermbench.data.synth.streams import Stream, stream
from dermbench.errors import DermbenchError
from dermbench.machine import memory_reused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from dermbench.data.synth.dials import Dials
    from dermbench.data.synth.plan import Shot

OURS = re.compile(r"sd-\d{6}\.jpg")
BATCH = 25
"""Images that a process draws at a time."""
QUALITY, REENCODED = 92, 55
"""JPEG quality of an image, and of a re-encoded duplicate."""


def file_name(shot: Shot) -> str:
    """Return the name of an image's file."""
    return f"{shot.image_id}.jpg"


def write_images(out: Path, shots: Sequence[Shot], dials: Dials, *, workers: int) -> Path:
    """Render all images into ``out/images`` and return that folder.

    Raises
    ------
    UsageError
        As for :func:`dermbench.data.made_images.made_images`.
    """
    with made_images(out, OURS, "synthderm") as folder:
        _render_all(folder.resolve(), shots, dials, workers)  # kept workers may be in another folder
    return out / IMAGES


def encode(shot: Shot, dials: Dials) -> bytes:
    """Return the JPEG file of one image."""
    image, quality = Image.fromarray(render_rgb(shot, dials)), QUALITY
    if shot.edit:
        image = _edited(image, shot.edit, stream(dials.seed, Stream.DUPLICATE, shot.number))
        quality = REENCODED if shot.edit == "reencoded" else QUALITY
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def _edited(image: Image.Image, edit: str, rng: np.random.Generator) -> Image.Image:
    side, (cut, gain) = image.width, rng.random(2)
    if edit == "cropped":
        left, top = rng.random(2) * 0.1 * side
        width = (0.86 + 0.04 * cut) * side
        return image.resize(image.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + width))
    if edit == "flipped":
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if edit == "brightened":
        return ImageEnhance.Brightness(image).enhance(1.1 + 0.12 * gain)
    return image


def _render_all(folder: Path, shots: Sequence[Shot], dials: Dials, workers: int) -> None:
    batches = [shots[i : i + BATCH] for i in range(0, len(shots), BATCH)]
    draw = partial(_render_batch, folder=folder, dials=dials)
    # joblib's processes do not import the caller's script, so it needs no __main__ guard
    pool = Parallel(n_jobs=max(1, min(workers, len(batches))), batch_size=1)
    try:
        pool(delayed(draw)(batch) for batch in batches)
    except BrokenProcessPool as error:
        raise DermbenchError(
            "a process that draws images was killed",
            remedy="If memory is short, use fewer workers; the images are the same.",
        ) from error


def _render_batch(shots: Sequence[Shot], *, folder: Path, dials: Dials) -> None:
    with memory_reused():
        for shot in shots:
            (folder / file_name(shot)).write_bytes(encode(shot, dials))
