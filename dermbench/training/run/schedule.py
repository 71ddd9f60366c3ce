"""Learning rate and image size as pure functions of the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FLOOR = 0.01
"""Share of the peak that ``cosine`` ends at."""


def _constant(progress: float) -> float:  # noqa: ARG001
    return 1.0


def _cosine(progress: float) -> float:
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
}
"""Share of the peak learning rate by name, as a function of the progress (0 to 1)."""


def rate_share(name: str, step: int, *, total: int, warmup: int = 0) -> float:
    """Return the share of the peak learning rate at ``step``.

    Parameters
    ----------
    name
        Key of :data:`SCHEDULES`.
    step
        Optimisation step, from 0.
    total
        Steps of the whole run.
    warmup
        First steps, over which the rate rises linearly before the schedule begins.

    Returns
    -------
    float
        In (0, 1].
    """
    if step < warmup:
        return (step + 1) / warmup
    return SCHEDULES[name](min(1.0, (step - warmup) / max(1, total - warmup)))


def size_at(stages: Sequence[tuple[float, int]], step: int, *, total: int) -> int:
    """Return the side of the images at ``step``: that of the last stage begun, 0 without stages.

    Parameters
    ----------
    stages
        Share of the run at which each begins, and its side in pixels; in order.
    step
        Optimisation step, from 0.
    total
        Steps of the whole run.
    """
    begun = [size for share, size in stages if share * total <= step]
    return begun[-1] if begun else 0
