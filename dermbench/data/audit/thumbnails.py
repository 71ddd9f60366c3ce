"""Make small JPEGs of the images that a page shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from dermbench.artifacts.images import decode_rgb
from dermbench.data.inspect import on_threads
from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dermbench.artifacts.manifest import Dataset

SIDE = 220
"""Longest side in pixels."""
QUALITY = 75
MAX_BYTES = 16 << 20
"""Largest size of all pictures of a page together; further ones are left out."""


def thumbnails(dataset: Dataset, ids: Iterable[str], *, workers: int | None = None) -> dict[str, bytes]:
    """Return the JPEG of each image of ``ids``, by id, as many as fit into :data:`MAX_BYTES`."""
    wanted = list(dict.fromkeys(ids))
    rows = dataset.manifest.set_index("image_id").loc[wanted]
    made = on_threads(_jpeg, dataset.paths(rows), workers=workers, title="Making thumbnails")
    found: dict[str, bytes] = {}
    total = 0
    for image, data in zip(wanted, made, strict=True):
        total += len(data)
        if data and total <= MAX_BYTES:
            found[image] = data
    return found


def _jpeg(path: Path) -> bytes:
    try:
        image = decode_rgb(path, draft=SIDE)
    except InputError:
        return b""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
