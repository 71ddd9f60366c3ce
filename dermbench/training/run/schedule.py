"""Learning rate and image size as functions of the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FLOOR = 0.01
"""Share of the peak at the end of ``cosine``."""


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "cosine": lambda progress: FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)),
}
"""Schedules by name: share of the peak learning rate as a function of the progress (0 to 1)."""


def rate_share(name: str, step: int, *, total: int, warmup: int = 0) -> float:
    """Return the share of the peak learning rate at ``step`` of ``total`` (from 0), in (0, 1].

    It rises linearly over the first ``warmup`` steps; then the schedule ``name`` begins.
    """
    if step < warmup:
        return (step + 1) / warmup
    return SCHEDULES[name](min(1.0, (step - warmup) / max(1, total - warmup)))


def size_at(stages: Sequence[tuple[float, int]], step: int, *, total: int) -> int:
    """Return the side of the images in pixels at ``step`` of ``total`` (from 0), 0 before the first stage.

    A stage is the share of the run at which it begins, and its side; stages are in order.
    """
    begun = [size for share, size in stages if share * total <= step]
    return begun[-1] if begun else 0
