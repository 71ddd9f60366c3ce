"""Skin type by several annotators: how far they agree, and the primary gap under each annotator's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import Annotators, Cell, GapRange, Undefined, undefined
from dermbench.artifacts.skin import FST_NAMES
from dermbench.evaluation.disparity.contrasts import observed_gap
from dermbench.evaluation.intervals.proportions import share_estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample


def labellings(groupings: Sequence[Grouping]) -> list[Grouping]:
    """Return the groupings by skin type, I to VI, that differ from each other."""
    found: list[Grouping] = []
    for grouping in groupings:
        if grouping.names != FST_NAMES or not (grouping.codes >= 0).any():
            continue
        if not any(np.array_equal(grouping.codes, other.codes) for other in found):
            found.append(grouping)
    return found


def annotators(sample: Sample, groupings: Sequence[Grouping], metric: Metric) -> Annotators:
    """Return how several labellings of the skin type agree, and the gap of a metric under each.

    Parameters
    ----------
    sample
        Predictions and truth.
    groupings
        At least two labellings, of :func:`labellings`.
    metric
        The metric of the primary question.
    """
    codes = np.stack([grouping.codes for grouping in groupings])
    both = (codes >= 0).all(axis=0)
    apart = np.ptp(codes[:, both], axis=0)
    units = sample.units[both] if sample.clustered else None
    gaps = [observed_gap(sample, grouping, metric) for grouping in groupings]
    known = [gap for gap in gaps if gap is not None]
    return Annotators(
        columns=tuple(grouping.feature for grouping in groupings),
        exact=_share(apart == 0, units),
        within_one=_share(apart <= 1, units),
        gap=GapRange(min=min(known), max=max(known))
        if len(known) == len(gaps)
        else Undefined(reason=f"{metric.name} has no gap under every annotator's labels"),
    )


def _share(same: NDArray[np.bool_], units: NDArray[np.intp] | None) -> Cell:
    """Return the share of images on which labels agree."""
    if not len(same):
        return undefined("no image has a label of every annotator", n=0)
    value, n = float(same.mean()), len(same)
    if units is None:
        return share_estimate(value, n).interval().cell()
    numbered = np.unique(units, return_inverse=True)[1]
    k, trials = np.bincount(numbered, weights=same), np.bincount(numbered)
    units_of = k.astype(np.float64), trials.astype(np.float64)
    return share_estimate(value, n, units_of).interval().cell()
