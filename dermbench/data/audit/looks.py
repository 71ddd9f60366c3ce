"""Find images that may be useless by simple rules on fingerprints. They are only listed; nothing is removed.

* ``tiny``: the shorter side has fewer than 64 pixels.
* ``blank``: the standard deviation of the grey levels is below 2.5 of 255.
* ``blurred``: the variance of the Laplacian, at a shorter side of 96 pixels, is below 8.
* ``text``: at least 60 % of the thumbnail is nearly white or nearly black, and less than 15 % could be skin.
* ``no_skin_colour``: less than 5 % of the thumbnail could be skin under any light.

An image is listed once, by the first rule in this order.

The rules were checked by looking at every listed image of three sets. None of 3,600 drawn images is listed. Of 868
smartphone photographs 5 are listed (``no_skin_colour``; all show skin in coloured or dim light). Of 4,087
photographs of two atlases 28 are listed (``no_skin_colour``): 5 show no skin (2 tissue sections, a specimen on a
ruler, 2 dark fields), 23 have a strong colour cast. No image is tiny, blank, blurred or text; the least sharpness
of the sets is 9.7, 8.4 and 23. After a Gaussian blur with a standard deviation of 2 % of the shorter side, all
smartphone photographs and 86 % of the atlas photographs fall below 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.audit import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.data.audit.ita import Colours

TINY, BLANK, BLURRED = 64, 2.5, 8.0
FLAT, FEW = 0.60, 0.15
NO_SKIN = 0.05


def looks(ids: Sequence[str], records: NDArray[np.void], seen: Colours) -> list[Look]:
    """Return the images that someone should look at, by kind and id.

    Parameters
    ----------
    ids
        Image ids, shape (n,).
    records
        Fingerprints, shape (n,).
    seen
        Colours of their thumbnails.
    """
    side = np.minimum(records["width"], records["height"]).astype(np.float64)
    rules = (
        ("tiny", side, side < TINY),
        ("blank", records["sd"], records["sd"] < BLANK),
        ("blurred", records["sharpness"], records["sharpness"] < BLURRED),
        ("text", seen.flat, (seen.flat >= FLAT) & (seen.skin < FEW)),
        ("no_skin_colour", seen.skin, seen.skin < NO_SKIN),
    )
    found: list[Look] = []
    named = np.zeros(len(ids), dtype=bool)
    for kind, values, wrong in rules:
        rows = sorted(np.flatnonzero(wrong & ~named).tolist(), key=lambda i: ids[i])
        found += [Look(image=ids[i], kind=kind, value=float(values[i])) for i in rows]
        named |= wrong
    return found
