"""Balanced accuracy rescaled so that chance is 0 and perfection 1, as a plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import Metric, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray


def informedness(tally: Tally) -> NDArray[np.float64]:
    """Return (average recall - 1/k) / (1 - 1/k) over the k classes that occur; NaN for fewer than two."""
    there = tally.support > 0
    k = there.sum(axis=-1).astype(np.float64)
    recall = np.divide(tally.correct, tally.support, out=np.zeros_like(tally.correct), where=there)
    enough = np.where(k > 1, k, np.nan)
    return (recall.sum(axis=-1) / enough - 1 / enough) / (1 - 1 / enough)


INFORMEDNESS = Metric(
    "informedness",
    "Informedness",
    "counts",
    informedness,
    bounds=(-1.0, 1.0),
    ratio=False,
    macro=True,
    undefined_when="the truth has fewer than two classes",
    source="Youden 1950, generalised to several classes",
)
