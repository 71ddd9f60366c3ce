"""Independent random streams: each number depends only on the seed and its purpose."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """Purpose of a stream. A dial that uses one stream does not change the draws of any other."""

    PLAN = 0
    PERSON = 1
    SKIN = 2
    LESION = 3
    VIEW = 4
    LABEL = 5
    ANNOTATOR = 6
    DUPLICATE = 7
    SITE = 8
    HAIR = 9


def stream(seed: int, purpose: Stream, *index: int) -> np.random.Generator:
    """Return the generator for one purpose and one patient, lesion or image."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), *index))))
